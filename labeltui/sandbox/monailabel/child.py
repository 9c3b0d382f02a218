"""``python -m monailabel.interfaces.utils.app``: the child process for training, pre-labelling or scoring."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from labeltui.sandbox.monailabel.application import Application
from labeltui.sandbox.monailabel.gpu import use_gpu
from labeltui.sandbox.monailabel.inference import infer
from labeltui.sandbox.monailabel.log import say, to_console
from labeltui.sandbox.monailabel.scoring import METHODS
from labeltui.sandbox.monailabel.settings import Settings, current_scenario
from labeltui.sandbox.monailabel.training import Training

_BATCH = "monailabel.interfaces.tasks.batch_infer"


class MONAILabelException(Exception):
    """The request cannot be carried out."""


def main() -> None:
    """Run one task. An exception ends the process with a traceback and exit code 1, as in the real child."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", "--method", required=True, choices=("train", "batch_infer", "scoring"))
    parser.add_argument("-r", "--request", required=True)
    arguments = parser.parse_args()
    request: dict[str, Any] = {**json.loads(arguments.request), "local_rank": 0}
    to_console()
    use_gpu()
    app = Application(Settings.from_environment(), auto_reload=False, origin="__main__")
    run = {"train": _train, "batch_infer": _batch_infer, "scoring": _scoring}[arguments.method]
    say("__main__:61", f"Result: {json.dumps(run(app, request))}")


def _train(app: Application, request: dict[str, Any]) -> dict[str, Any]:
    model = app.trainers.get(str(request["model"]))
    if model is None:
        raise _invalid(
            f"Train Task is not Initialized. There is no model '{request['model']}' available; {request}"
        )
    return Training(app, model, request, current_scenario()).run()


def _batch_infer(app: Application, request: dict[str, Any]) -> dict[str, Any]:
    model = app.inferers.get(str(request["model"]))
    if model is None:
        raise _invalid(f"Inference Task is not Initialized. There is no model '{request['model']}' available")
    images, tag = _batch_images(app, request["images"]), str(request.get("label_tag", "original"))
    size = int(request.get("max_batch_size") or 0)
    images = images[:size] if size else images
    say(
        f"{_BATCH}:59",
        f"Total number of images for batch inference: {len(images)}; "
        f"Max Batch Size: {size}; Label Tag: {tag}",
    )
    for number, image in enumerate(images, 1):
        say(f"{_BATCH}:133", f"Running inference for image id {image}")
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "result.nii.gz"
            result = infer(model, app.app_dir, app.datastore.image_path(image), target)
            if request.get("save_label", True):
                app.datastore.save_label(image, target, tag, {"model": request["model"], "params": result})
        say(f"{_BATCH}:122", f"0 => {image} => cpu => {number} / {len(images)}")
    return dict.fromkeys(images, "done")


def _batch_images(app: Application, which: str | list[str]) -> list[str]:
    if isinstance(which, list):
        return sorted(which)
    if which == "all":
        return list(app.datastore.objects)
    unlabelled = app.datastore.unlabelled()
    if which == "unlabeled":
        return unlabelled
    return [name for name in app.datastore.objects if name not in unlabelled]


def _scoring(app: Application, request: dict[str, Any]) -> dict[str, Any]:
    method = str(request.get("method"))
    if method in app.scoring:
        return METHODS[method](app.datastore)
    raise _invalid(f"Scoring Task is not Initialized. There is no such scoring method '{method}' available")


def _invalid(message: str) -> MONAILabelException:
    return MONAILabelException(f"(<MONAILabelError.INVALID_INPUT: 'INVALID_INPUT'>, {message!r})")
