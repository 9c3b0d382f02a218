"""A small bundle that logs like the model zoo's bundles.

It has its own logging.conf, trainer and evaluator. MONAI applies a bundle's ``configs/logging.conf`` to the
root logger by itself. From then on the child's own lines have that format, and the lines of MONAI's handlers
have another.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAME = "blob_finder"
HALF = "half_trained"  # its training fails in epoch 2, and its process exits with 0 all the same

LOGGING = """\
[loggers]
keys = root
[handlers]
keys = screen
[formatters]
keys = plain
[logger_root]
level = INFO
handlers = screen
[handler_screen]
class = StreamHandler
args = (sys.stdout,)
formatter = plain
[formatter_plain]
format = %(asctime)s - %(name)s - %(levelname)s - %(message)s
"""

ENGINES = '''\
"""Engines with names of their own, as the zoo's detection bundle has them."""

import traceback

from ignite.engine import Events
from monai.engines import SupervisedEvaluator, SupervisedTrainer


class BlobTrainer(SupervisedTrainer):
    pass


class BlobEvaluator(SupervisedEvaluator):
    pass


def run_and_swallow(trainer):
    """Fail in epoch 2, and let nobody know but the log."""

    @trainer.on(Events.EPOCH_STARTED(once=2))
    def fail(engine):
        raise ValueError("the second epoch has no data")

    try:
        trainer.run()
    except ValueError:
        traceback.print_exc()
'''


def _phase(name: str, engine: str, *, extra: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of one of the two engines. Both read 16-voxel crops, without worker processes."""
    keys = ["image", "label"]
    return {
        "dataset": {"_target_": "Dataset", "data": [], "transform": {
            "_target_": "Compose", "transforms": [
                {"_target_": "LoadImaged", "keys": keys, "ensure_channel_first": True},
                {"_target_": "ScaleIntensityd", "keys": "image"},
                {"_target_": "CenterSpatialCropd", "keys": keys, "roi_size": [16, 16, 16]},
                {"_target_": "EnsureTyped", "keys": keys},
            ]}},
        "dataloader": {"_target_": "DataLoader", "dataset": f"@{name}#dataset", "batch_size": 1, "num_workers": 0},
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": {"_target_": "Compose", "transforms": [
            {"_target_": "AsDiscreted", "keys": keys[1:], "to_onehot": 2},
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True, "to_onehot": 2},
        ]},
        **extra,
        engine: {"_target_": f"scripts.engines.Blob{engine.title()}", "device": "@device"},
    }  # fmt: skip


def _config(run: str) -> dict[str, Any]:
    train = _phase("train", "trainer", extra={
        "handlers": [
            {"_target_": "ValidationHandler", "validator": "@validate#evaluator", "epoch_level": True, "interval": 1},
            {"_target_": "StatsHandler", "tag_name": "train_loss",
             "output_transform": "$monai.handlers.from_engine(['loss'], first=True)"},
        ]})  # fmt: skip
    train["trainer"].update({
        "max_epochs": 50, "train_data_loader": "@train#dataloader", "network": "@network", "loss_function": "@loss",
        "optimizer": "@optimizer", "inferer": "@train#inferer", "train_handlers": "@train#handlers",
    })  # fmt: skip
    validate = _phase("validate", "evaluator", extra={
        "handlers": [{"_target_": "StatsHandler", "iteration_log": False}],
        "key_metric": {"val_mean_dice": {
            "_target_": "MeanDice", "include_background": False,
            "output_transform": "$monai.handlers.from_engine(['pred', 'label'])"}},
    })  # fmt: skip
    validate["evaluator"].update({
        "val_data_loader": "@validate#dataloader", "network": "@network", "inferer": "@validate#inferer",
        "postprocessing": "@validate#postprocessing", "key_val_metric": "@validate#key_metric",
        "val_handlers": "@validate#handlers",
    })  # fmt: skip
    return {
        "imports": ["$import scripts"], "bundle_root": ".", "device": "$torch.device('cpu')",
        "network_def": {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 2,
                        "channels": [4, 8], "strides": [2]},
        "network": "$@network_def.to(@device)",
        "loss": {"_target_": "DiceCELoss", "to_onehot_y": True, "softmax": True},
        "optimizer": {"_target_": "torch.optim.Adam", "params": "$@network.parameters()", "lr": 0.01},
        "train": train, "validate": validate, "run": [run],
    }  # fmt: skip


def make_zoo_bundles(models: Path) -> None:
    """Write both bundles into the monaibundle app's ``model`` folder."""
    _write(models / NAME, "$@train#trainer.run()")
    _write(models / HALF, "$scripts.engines.run_and_swallow(@train#trainer)")


def _write(bundle: Path, run: str) -> None:
    for folder in ("configs", "scripts", "models"):
        (bundle / folder).mkdir(parents=True, exist_ok=True)
    (bundle / "configs/logging.conf").write_text(LOGGING)
    (bundle / "configs/train.json").write_text(json.dumps(_config(run), indent=1))
    (bundle / "configs/metadata.json").write_text(
        json.dumps({"version": "0.0.1", "description": "finds blobs", "network_data_format": {}})
    )
    (bundle / "scripts/__init__.py").write_text("from . import engines\n")
    (bundle / "scripts/engines.py").write_text(ENGINES)
