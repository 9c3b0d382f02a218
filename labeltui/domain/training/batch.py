"""A batch inference: which studies it takes, and how it goes on after it has ended early. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from labeltui.domain.text import one_line

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.server.server import ModelInfo
    from labeltui.domain.studies.study import Study
    from labeltui.domain.training.tasks import Task

TAG = "original"
"""The tag of labels that a model made. Labels of annotators have other tags."""

INTERACTIVE = frozenset({"deepgrow", "scribbles", "deepedit"})
"""Types of models that segment what an annotator points at."""

LONGEST = 100_000
"""Bytes of study ids in one request. The server passes them on in one argument, which Linux limits to 128 KiB."""

SETS: dict[str, Literal["unlabeled", "labeled", "all"]] = {
    "unlabelled": "unlabeled", "labelled": "labeled", "all": "all", "marked": "all",
}  # fmt: skip
"""The server's word for each set of studies. It ignores the word if the request names studies."""

NAMED = 20
"""Studies that a hint names at most."""


def studies_of(images: str, studies: Sequence[Study], named: Sequence[str], *, new: bool) -> list[str]:
    """Return the ids of the listed studies that a batch inference takes.

    ``images`` is ``unlabelled`` (no final label), ``labelled``, ``all``, or ``marked`` (those that are ``named``).
    """
    wanted = set(named)
    return [
        study.id
        for study in studies
        if not (new and TAG in study.tags)
        and (
            images == "all"
            or (images == "marked" and study.id in wanted)
            or (images == "labelled" and "final" in study.tags)
            or (images == "unlabelled" and "final" not in study.tags)
        )
    ]


def automatic(models: Sequence[ModelInfo]) -> list[str]:
    """Return the names of the models that need no clicks, those that segment by themselves first."""
    fit = [one for one in models if one.type not in INTERACTIVE]
    return [one.name for one in sorted(fit, key=lambda one: one.type != "segmentation")]


def default_model(able: Sequence[str], own: Sequence[str]) -> str | None:
    """Return the first of the models ``able`` that the profile names, as ``deepedit`` names ``deepedit_seg``.

    Without one, return the first of all; None if there are none.
    """
    return next((name for name in able if any(name.startswith(one) for one in own)), next(iter(able), None))


def device_of(model: ModelInfo) -> str:
    """Return the device that the server offers first for a model.

    It must be sent: the server's default is every GPU, and a host without a GPU then fails.
    """
    offered = model.config.get("device")
    first = offered[0] if isinstance(offered, list) and offered else offered
    return first if isinstance(first, str) and first else "cuda"


def batch_request(model: ModelInfo) -> dict[str, object]:
    """Return the request's parameters. One worker, because each worker holds the model in GPU memory.

    Without ``restore_label_idx``, MONAI Label numbers the segments 1, 2, 3, …, also where the model's labels have
    other values (DeepEdit's liver has 6): the label would have the liver's voxels under another organ's value.
    """
    return {
        "device": device_of(model), "multi_gpu": False, "logging": "WARNING", "save_label": True,
        "label_tag": TAG, "max_workers": 1, "max_batch_size": 0, "restore_label_idx": True,
    }  # fmt: skip


def how_to_go_on(task: Task, done: int) -> str:
    """Return a sentence with the command for the studies that a batch inference has left.

    The server sorts the ids that a request names. A request that names none says only its set, so which studies had
    a label before the batch is unknown.
    """
    option = f" --model {shlex.quote(one_line(task.subject))}" if task.subject else ""
    images = task.request.get("images")
    if not isinstance(images, (list, tuple)):
        chosen = next((word for word, sent in SETS.items() if sent == images), "all")
        return (
            f"`labeltui infer batch {chosen}{option}` starts over; with --new, it leaves out studies that had a label "
            f"{TAG} before."
        )
    left = [shlex.quote(one_line(name)) for name in sorted(str(one) for one in images)[done:]]
    if len(images) == 1:
        return f"`labeltui infer {' '.join(left)}{option}` labels it." if left else ""
    if len(left) > NAMED:
        return f"`labeltui infer batch marked` with the ids from {left[0]} on takes the {len(left)} that are left."
    return f"`labeltui infer batch marked {' '.join(left)}{option}` goes on with the rest." if left else ""
