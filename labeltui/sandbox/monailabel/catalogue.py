"""The models of the stand-in's apps, with the real server's descriptions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labeltui.sandbox.monailabel.gpu import devices

VERSION = "0.8.5"

_DEEPEDIT = {
    "spleen": 1,
    "right kidney": 2,
    "left kidney": 3,
    "liver": 6,
    "stomach": 7,
    "aorta": 8,
    "inferior vena cava": 9,
    "background": 0,
}
_SEGMENTATION = {
    "spleen": 1,
    "kidney_right": 2,
    "kidney_left": 3,
    "gallbladder": 4,
    "liver": 5,
    "stomach": 6,
    "aorta": 7,
    "inferior_vena_cava": 8,
    "pancreas": 10,
}


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its name, its labels, and the folder of its weights under ``model/``."""

    name: str
    config_class: str
    labels: dict[str, int]
    description: str
    trainer_description: str
    run_folder: str
    pretrained: bool

    def published(self, app_dir: Path) -> Path:
        """Return the path of the weights for inference."""
        return app_dir / "model" / f"{self.run_folder}.pt"

    def runs(self, app_dir: Path) -> Path:
        """Folder of the training runs and of ``train_stats.json``."""
        return app_dir / "model" / self.run_folder


MODELS = {
    model.name: model
    for model in (
        Model(
            "deepedit",
            "lib.configs.deepedit.DeepEdit",
            _DEEPEDIT,
            "A DeepEdit model for volumetric (3D) segmentation over 3D Images",
            "Train DeepEdit model for 3D Images",
            "deepedit_dynunet",
            pretrained=False,
        ),
        Model(
            "segmentation_spleen",
            "lib.configs.segmentation_spleen.SegmentationSpleen",
            {"spleen": 1},
            "A pre-trained model for volumetric (3D) segmentation of the spleen from CT image",
            "Train Segmentation model for spleen",
            "segmentation_spleen",
            pretrained=True,
        ),
        Model(
            "segmentation",
            "lib.configs.segmentation.Segmentation",
            _SEGMENTATION,
            "A pre-trained model for volumetric (3D) Segmentation from CT image",
            "Train Segmentation Model",
            "segmentation",
            pretrained=True,
        ),
    )
}


def inferers(models: Iterable[str]) -> dict[str, Model]:
    """Return the models for ``/infer``.

    If DeepEdit is among ``models``, ``deepedit_seg`` is added, which needs no clicks.
    """
    found: dict[str, Model] = {}
    for name in models:
        found[name] = MODELS[name]
        if name == "deepedit":
            found["deepedit_seg"] = MODELS[name]
    return found


def model_info(name: str, model: Model) -> dict[str, Any]:
    """One entry of ``models`` in ``/info/``."""
    interactive = name == "deepedit"
    config: dict[str, Any] = {"device": devices()}
    if interactive:
        config = {
            "cache_transforms": True,
            "cache_transforms_in_memory": True,
            "cache_transforms_ttl": 300,
            **config,
        }
    elif name == "segmentation":
        config = {"largest_cc": False, **config}
    return {
        "type": "deepedit" if interactive else "segmentation",
        "labels": model.labels,
        "dimension": 3,
        "description": model.description,
        "config": config,
    }


def train_defaults(model: Model) -> dict[str, Any]:
    """Return the defaults for a training request. The first entry of a list of choices is the default."""
    return {
        "name": "train_01",
        "pretrained": model.pretrained,
        "device": devices(),
        "max_epochs": 50,
        "early_stop_patience": -1,
        "val_split": 0.2,
        "train_batch_size": 1,
        "val_batch_size": 1,
        "multi_gpu": True,
        "gpus": "all",
        "dataset": ["SmartCacheDataset", "CacheDataset", "PersistentDataset", "Dataset"],
        "dataloader": ["ThreadDataLoader", "DataLoader"],
        "tracking": ["None", "mlflow"],
        "tracking_uri": "",
        "tracking_experiment_name": "",
    }


def trainer_info(model: Model) -> dict[str, Any]:
    """One entry of ``trainers`` in ``/info/``."""
    return {
        "description": model.trainer_description,
        "config": train_defaults(model),
        "labels": model.labels,
    }
