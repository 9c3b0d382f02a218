"""The operator's own label names: checks names and models, and finds the model files that fit only such labels.

Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

OFF = "off"
"""The value of the parameter that selects the models' own labels."""
MOST, LONGEST = 255, 64
"""The number of labels that fit in a byte, and the characters of a name."""
_NAME = re.compile(r"[^\W_][\w .()+-]*")
# MONAI Label stores the clicks on a label under its name, beside these keys of a request. ``off`` is the parameter's.
_RESERVED = {
    "background",
    "foreground",
    "image",
    "label",
    "labels",
    "model",
    "pred",
    "device",
    "guidance",
    OFF,
}
# A network of these models has the same size for all labels: deepgrow knows the object that was clicked on only.
_NAMES_ONLY = {"deepgrow_2d", "deepgrow_3d"}
_VERTEBRAE = "finds vertebrae by their order"
_FIXED = {
    "all": "stands for several models, some with fixed labels",
    "localization_spine": _VERTEBRAE,
    "localization_vertebra": _VERTEBRAE,
    "segmentation_vertebra": _VERTEBRAE,
    "sw_fastedit": "can't be trained, so it would stay untrained",
}
_NETWORKS = ("", "_dynunet", "_unetr")


def parse_labels(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without surrounding spaces. Raises Misused ``bad_labels`` for a name that no model can have."""
    labels = tuple(name.strip() for name in names)
    previous = set[str]()
    for name in labels:
        why = _why_not(name, previous)
        if why:
            raise Misused(
                Code.BAD_LABELS, f"The label {name[:LONGEST]!r} {why}.",
                "Write `labels` as names with commas between them, such as liver,tumour.",
            )  # fmt: skip
        previous.add(name.casefold())
    if len(labels) > MOST:
        raise Misused(Code.BAD_LABELS, f"There are {len(labels)} labels; a label file holds {MOST} at most.")
    return labels


def _why_not(name: str, earlier: set[str]) -> str:
    if name.casefold() in _RESERVED:
        return "is a name that MONAI Label uses itself"
    if name.casefold() in earlier:
        return "occurs twice"
    if len(name) > LONGEST:
        return f"has more than {LONGEST} characters"
    if not _NAME.fullmatch(name):
        return "must begin with a letter or digit, and have only letters, digits, spaces and . ( ) + - _"
    return ""


def refuse_unfit(app: str, models: Iterable[str], labels: tuple[str, ...]) -> None:
    """Raise Misused ``bad_labels`` if a model can't have these labels."""
    reasons = (
        {"monaibundle": "models bring their own labels with their weights"} if app == "monaibundle" else {}
    )
    reasons |= {model: _FIXED[model] for model in models if model in _FIXED}
    if "segmentation_spleen" in models and len(labels) > 1:
        reasons["segmentation_spleen"] = "has one label"
    if labels and reasons:
        why = "; ".join(f"{model} {reason}" for model, reason in reasons.items())
        raise Misused(
            Code.BAD_LABELS, f"Own labels are not possible: {why}.",
            "Serve deepedit or segmentation, or leave out `labels`.",
        )  # fmt: skip


def sized_by_labels(models: Iterable[str]) -> tuple[str, ...]:
    """Return the models whose weights fit only the labels that they were trained with."""
    return tuple(model for model in models if model not in _NAMES_ONLY)


def files_of(model: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names in the app's model folder that belong to a model.

    These are its weights, pretrained or not, and the folders of its trainings.
    """
    bases = [model + network for network in _NETWORKS]
    known = {name for base in bases for name in (base, f"{base}.pt", f"pretrained_{base}.pt")}
    return tuple(name for name in names if name in known)


def is_pretrained(name: str) -> bool:
    """Whether a file holds weights that were downloaded rather than trained here."""
    return name.startswith("pretrained_")


def record_name(app_folder: str) -> str:
    """Return the name of the file that records the labels with which the models in an app's folder are trained."""
    return f"labels-{hashlib.sha256(app_folder.encode()).hexdigest()[:12]}.json"


def read_record(text: bytes) -> dict[str, tuple[str, ...]]:
    """Return the own labels by model; a model that is missing has its app's labels. Malformed entries are skipped."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    entries = document.items() if isinstance(document, dict) else ()
    return {model: tuple(map(str, names)) for model, names in entries if isinstance(names, list)}


def record_text(record: Mapping[str, tuple[str, ...]]) -> bytes:
    """Return the content of the record's file."""
    return json.dumps(record, ensure_ascii=False).encode()
