"""The paths and addresses from which the apps of MONAI Label 0.8.5 load and download a model's weights. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

SITE = "https://github.com/Project-MONAI/MONAILabel/releases/download/pretrained"
"""The address from which the radiology app downloads weights, unless ``--conf pretrained_path`` names another."""
_RELEASED = {
    "deepedit": "deepedit_{network}_multilabel",
    "deepgrow_2d": "deepgrow_2d_bunet",
    "deepgrow_3d": "deepgrow_3d_bunet",
    "localization_spine": "segmentation_segresnet_localization_spine",
    "localization_vertebra": "segmentation_segresnet_localization_vertebra",
    "segmentation": "segmentation_segresnet_multilabel",
    "segmentation_spleen": "segmentation_unet_spleen_total_seg",
    "segmentation_vertebra": "segmentation_segresnet_vertebra",
    "sw_fastedit": "segmentation_sw_fastedit_pet",
}
_SHARED = {"deepedit_seg": "deepedit"}
"""Models for inference that use another model's weights, with that model."""
_FALSE = ("n", "no", "f", "false", "off", "0")


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """A model's files, as paths below the app's model folder: ``published`` by a training, and ``pretrained``.

    A bundle has no file of the second kind, and ``url`` is then empty too.
    """

    model: str
    published: str
    pretrained: str = ""
    url: str = ""


def weight_files(app_folder: str, model: str, conf: Mapping[str, str]) -> WeightFiles | None:
    """Return the paths of a model's weights. None for an app or a model that is not MONAI Label's own."""
    app, model = posixpath.basename(app_folder.rstrip("/")), _SHARED.get(model, model)
    if app == "monaibundle":
        return WeightFiles(model, f"{model}/models/model.pt") if _is_plain(model) else None
    if app != "radiology" or model not in _RELEASED:
        return None
    network = conf.get("network", "dynunet")
    name = f"{model}_{network}" if model == "deepedit" else model
    if not _is_plain(name):
        return None
    site = conf.get("pretrained_path", SITE).rstrip("/")
    released = _RELEASED[model].format(network=network)
    return WeightFiles(model, f"{name}.pt", f"pretrained_{name}.pt", f"{site}/radiology_{released}.pt")


def model_names(app_folder: str, models: tuple[str, ...]) -> tuple[str, ...]:
    """Return the models that ``--conf models`` selects. ``all`` means every model of the radiology app."""
    if "all" in models and posixpath.basename(app_folder.rstrip("/")) == "radiology":
        return tuple(_RELEASED)
    return models


def downloads_weights(app_folder: str, conf: Mapping[str, str]) -> bool:
    """Whether a server's start downloads pretrained weights that are missing."""
    wanted = conf.get("use_pretrained_model", "true").strip().lower()
    return posixpath.basename(app_folder.rstrip("/")) == "radiology" and wanted not in _FALSE


def _is_plain(name: str) -> bool:
    return bool(name) and "/" not in name and "\0" not in name and not name.startswith(".")
