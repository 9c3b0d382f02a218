"""The labels of forms' fields, and the options that profile, server and this machine know for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labeltui.actions import Action, Param
from labeltui.domain.state import SessionState
from labeltui.domain.training.batch import automatic, default_model
from labeltui.monailabel.launch import EPISTEMIC, NO_WORKLIST
from labeltui.monailabel.train_request import SAFE_CHOICES

Option = tuple[str, str]
"""An option: its value, and its text on the screen."""

LABELS: Mapping[str, str] = {
    "as": "your name", "conf": "configuration", "copies": "before a stop", "dest": "write to",
    "dicom": "DICOM folders", "dicomweb_modality": "DICOM modality", "dry_run": "only report", "env": "environment",
    "idle": "idle minutes", "images": "which studies", "max_epochs": "epochs", "name": "names",
    "new": "skip inferred", "param": "other parameters", "paths": "files, folders", "anyway": "send misread",
    "study": "studies", "tag": "tags", "version": "versions", "annotator": "annotators", "review": "reviewed as",
}  # fmt: skip
"""Labels of parameters whose names on the command line are short or singular."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "images": {"unlabelled": "without a final label", "labelled": "with a final label", "all": "all",
               "marked": "the marked ones"},
    "copies": {"wait": "wait until every label is copied", "ignore": "do not wait for copies"},
    "format": {"folder": "a folder", "zip": "a zip file", "nnunet": "a data set for nnU-Net", "dicom-seg": "DICOM SEG"},
}  # fmt: skip
_UNSET: Mapping[str, str] = {
    "labels.export format": "folder, or .zip by the name", "report format": "by the name of the file",
    "status": "as it is", "level": "as it is", "copies": "as it is",
    "model_from": "none: the host keeps its models",
}  # fmt: skip
"""What an empty choice means, by the parameter's name; first the action's id where actions differ."""

YES_NO: Sequence[Option] = (("no", "no"), ("yes", "yes"))
_WORKLIST: Sequence[Option] = (
    ("random", "random: any free study"),
    ("first", "first: in the order of the list"),
    (EPISTEMIC, "epistemic: the study of which the model is least sure"),
    (NO_WORKLIST, "off: no worklist; MONAI Label's own strategies"),
)
VERSIONS = 12  # versions of models that a form lists at most, the newest first


def label_of(action: Action, param: Param) -> str:
    """Return the label of a parameter's field."""
    if action.id == "invite":
        return param.name
    return LABELS.get(param.name, param.name.replace("_", " "))


def options_of(
    action: Action, param: Param, state: SessionState, models: Sequence[str] = ()
) -> list[Option] | None:
    """Return the options of a parameter; None if its value must be typed. ``models`` are those of the profile."""
    if param.kind == "bool":
        return list(YES_NO)
    if param.kind == "choice":
        words = _WORDS.get(param.name, {})
        return [(one, words.get(one, one)) for one in param.choices]
    known = _known(action, param, state, models)
    return list(known) if known else None


def with_value(name: str, options: Sequence[Option], value: str, action: str = "") -> list[Option]:
    """Add the option for a value that is not among the options, such as an empty one."""
    if value in [one for one, _ in options]:
        return list(options)
    unset = _UNSET.get(f"{action} {name}") or _UNSET.get(name, "the default")
    return [(value, value or unset), *options]


def _known(
    action: Action, param: Param, state: SessionState, models: Sequence[str]
) -> Sequence[Option] | None:
    info = state.info.value
    if param.name == "worklist":
        return _WORKLIST
    if param.name == "model_from":
        return _versions(state)
    if action.id in ("models.push", "models.rollback") and param.name == "model":
        return _names(_all_models(state))
    if info is None:
        return None
    if action.id == "train.start" and param.name == "model":
        return _names(info.trainers)
    if action.id in ("infer", "infer.batch") and param.name == "model":
        able = automatic(list(info.models.values()))
        usual = default_model(able, models)
        return [(name, f"{name} (default)" if name == usual else name) for name in able]
    if action.id == "score" and param.name == "method":
        return _names(info.scoring)
    return None


def _names(names: Sequence[str] | Mapping[str, Any]) -> list[Option]:
    return [(name, name) for name in names]


def _all_models(state: SessionState) -> list[str]:
    models = state.models.value
    if models is None:
        return []
    return list(dict.fromkeys([one.name for one in models.on_host] + [one.model for one in models.copies]))


def _versions(state: SessionState) -> list[Option] | None:
    models = state.models.value
    copies = sorted(models.copies, key=lambda one: one.saved_at, reverse=True) if models is not None else []
    if not copies:
        return None
    listed = [(one.version, f"{one.model} of {one.named}") for one in copies[:VERSIONS]]
    return [("", _UNSET["model_from"]), ("newest", "the newest version of each model"), *listed]


# -- the parameters of a training

_TRAINING: Mapping[str, tuple[str, str]] = {
    "pretrained": ("begin with", "a run of the same name goes on with its own weights"),
    "device": ("device", "where the training computes"),
    "train_batch_size": ("batch size", "volumes per step; more need more GPU memory"),
    "val_batch_size": ("validation batch", "volumes per step of the validation"),
    "val_split": ("validation", "share of the labels that is only for validation, which gives the metric"),
    "dataset": ("data set", "how volumes are read; the cached ones load every volume into memory"),
    "dataloader": ("loader", "ThreadDataLoader leaves out damaged volumes without a message"),
    "multi_gpu": ("all GPUs", "one training on several GPUs; without effect on one GPU"),
    "gpus": ("GPUs", "numbers of the GPUs, or all"),
    "early_stop_patience": ("stop early after", "epochs without a better metric; -1: never"),
    "tracking": ("tracking", "mlflow needs its address in other parameters"),
    "model_filename": ("weights file", "file of weights that the training begins with"),
    "name": ("run's name", "name of the training's folder on the host"),
}
"""Label and help of the parameters that MONAI Label's trainers declare."""
_STEPS: Mapping[str, Sequence[float]] = {
    "train_batch_size": (1, 2, 4, 8, 16), "val_batch_size": (1, 2, 4, 8, 16), "val_split": (0.0, 0.1, 0.2, 0.3, 0.5),
}  # fmt: skip
_ORDER = tuple(_TRAINING)
MOST = 24  # parameters of a trainer that a form shows; others can be typed as pairs


def training_parameters(config: Mapping[str, Any]) -> list[tuple[str, str, str, str, list[Option] | None]]:
    """Return name, label, help, default and options of each parameter that a trainer declares.

    Without options, the value is typed. Parameters whose default is an empty text or a mapping are left out, and
    ``max_epochs``, which has a field of its own.
    """
    declared = [name for name, value in config.items() if name != "max_epochs" and _is_plain(value)]
    declared.sort(key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    found = []
    for name in declared[:MOST]:
        label, help = _TRAINING.get(name, (name.replace("_", " "), "a parameter of this trainer"))
        options = _training_options(name, config)
        default = _default(name, config[name])
        if options is not None:
            options = [
                (one, f"{text} (default)" if one == default and len(options) > 1 else text)
                for one, text in with_value(name, options, default)
            ]
        found.append((name, label, f"{help} ({name})", default, options))
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str | int | float) for one in value)
    return isinstance(value, bool | int | float) or (isinstance(value, str) and bool(value))


def _default(name: str, value: Any) -> str:
    """Return the value that labeltui sends by default, as text."""
    if isinstance(value, list):
        safe = SAFE_CHOICES.get(name, "")
        return safe if safe in value else str(value[0])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _training_options(name: str, config: Mapping[str, Any]) -> list[Option] | None:
    value = config[name]
    if name == "pretrained" and isinstance(value, bool):
        begun = ("yes", "pretrained weights")
        # A bundle, which alone declares model_filename, can't be trained without them.
        return [begun] if "model_filename" in config else [begun, ("no", "random weights")]
    if isinstance(value, bool):
        return list(YES_NO)
    if isinstance(value, list):
        return [(str(one), _device(str(one)) if name == "device" else str(one)) for one in value]
    if name in _STEPS and isinstance(value, int | float):
        steps = sorted({*_STEPS[name], value})
        kind = float if name == "val_split" else type(value)
        return [(str(kind(one)), _share(one) if name == "val_split" else str(kind(one))) for one in steps]
    return None


def _share(share: float) -> str:
    return "none: no metric" if share == 0 else f"{share:.0%} of the labels"


def _device(name: str) -> str:
    if name.startswith("cuda"):
        return f"{name}: the GPU" if name == "cuda" else f"{name}: one GPU"
    return f"{name}: the processor, slow" if name == "cpu" else name
