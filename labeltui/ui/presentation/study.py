"""The details of one study as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.training.batch import TAG
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import duration, metric, score, size

CUT_OFF = "The image file on the host lacks its end. Upload it again; models and annotators see a part of it."
UNKNOWN, NAMELESS = "unknown", "a client without a name"
REVIEW = ("status", "level", "comment", "approvedBy")


def details(document: Mapping[str, Any]) -> list[str]:
    """Return the lines for a document of ``studies show``, or for a study of ``studies list``. All text is safe."""
    lines = [f"{name:<12}{safe(value)}" for name, value in _facts(document) if value]
    lines += _readings(document)
    lines += _image(document.get("image"), document["scores"])
    labels = document.get("labels")
    if labels is None:
        return lines
    lines += ["", "labels" if labels else "no label"]
    for label in labels:
        lines += _label(label)
    lines += ["", "history" if document["history"] else "no fetch and no label is known"]
    for event in document["history"]:
        lines.append(safe(f"  {_time(event['at'])}  {_done(event)}"))
    return lines


def _done(event: Mapping[str, Any]) -> str:
    client = event["client"] or NAMELESS
    if event["event"] == "fetch":
        return f"{client} fetched ({event['strategy']})"
    if event["event"] == "delete":
        return f"the label {event['label']} was deleted"
    if event["event"] == "choose":
        return f"the reading of {client} was chosen by the operator"
    return f"{client} submitted {event['label']}"


def _facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    work, images = document["work"], document["images"]
    took = ""
    if work is not None:
        paused = work["paused_seconds"]
        cut = f"; {duration(paused)} of pauses and other work are not counted" if paused else ""
        took = f"{duration(work['seconds'])} from fetch to last submit{cut}"
    return [
        ("study", document["id"]),
        ("name", document["name"] or ""),
        ("state", document["state"].replace("_", " ")),
        ("review", document["review"] or ""),
        ("open at", ", ".join(document["opened_by"])),
        ("since", _time(document["opened_at"]) if document["opened_at"] else ""),
        ("took", took),
        ("modality", document["modality"] or ""),
        ("images", "" if images is None else str(images)),
        ("size", "" if document["size"] is None else size(document["size"])),
        ("cut off", CUT_OFF if document.get("cut_off") else ""),
        ("scores", ", ".join(f"{name} {score(value)}" for name, value in document["scores"].items())),
        ("replaced", ", ".join(f"{one['client']} ({_time(one['at'])})" for one in document["replaced"])),
        ("added", _time(document["added_at"])),
    ]


def _readings(document: Mapping[str, Any]) -> list[str]:
    """Return lines on who has read a study that is read twice, and on the agreement of the readings."""
    readings, compared = document.get("readings"), document.get("compared")
    if not readings and not document.get("doubled"):
        return []
    final = (document.get("submitted_by") or {}).get(FINAL_TAG)
    lines = ["", "readings" if readings else "readings: none is stored yet"]
    for one in readings or ():
        mark = ", the final label" if one["client"] == final else ""
        lines.append(safe(f"  {one['client']}  {one['tag']}  sha256 {one['sha256'][:12]}{mark}"))
    if compared is None:
        return lines
    if "pairs" not in compared:
        return [*lines, safe(f"  not compared: {compared['error']}")]
    pairs = compared["pairs"]
    for pair in pairs:
        if len(pairs) > 1:
            lines.append(safe(f"  {' and '.join(pair['clients'])}"))
        lines += _agreement(pair)
    return lines


def _agreement(pair: Mapping[str, Any]) -> list[str]:
    if pair["error"]:
        return [safe(f"  not compared: {pair['error']}")]
    lines = []
    for one in pair["labels"]:
        voxels = " and ".join(map(str, one["voxels"]))
        lines.append(safe(f"  Dice {metric(one['dice'])}  {one['name']}  ({voxels} voxels)"))
    if not pair["labels"]:
        lines.append("  both readings are empty")
    if pair["shifted"]:
        lines.append("  the files place their voxels at different points of the patient")
    return lines


def _image(image: Mapping[str, Any] | None, scores: Mapping[str, Any]) -> list[str]:
    """Return the lines of the image's info. The scores, which MONAI Label stores in it, have a line of their own."""
    shown = {name: value for name, value in (image or {}).items() if name not in scores}
    return ["", "image", *(safe(f"  {name}: {value}") for name, value in shown.items())] if shown else []


def _label(label: Mapping[str, Any]) -> list[str]:
    # MONAI Label stores no author with a label that a model made.
    author = label["by"] or ("a model" if label["tag"] == TAG else NAMELESS)
    lines = [safe(f"  {label['tag']}  {_time(label['at'])}  by {author}")]
    review = label["review"] or {}
    judged = ", ".join(f"{name} {review[name]}" for name in REVIEW if review.get(name))
    if judged:
        lines.append(safe(f"    review: {judged}"))
    for copy in label["copies"]:
        damage = f", damaged: {copy['damage']}" if copy["damage"] else ""
        facts = f"{_time(copy['saved_at'])}, {size(copy['size'])}, sha256 {copy['sha256'][:12]}"
        lines.append(safe(f"    copy {facts}, {copy['file']}{damage}"))
    return lines if label["copies"] else [*lines, "    no copy on this machine"]


def _time(text: str | None) -> str:
    """An ISO time in the local zone; ``unknown`` for None."""
    return UNKNOWN if text is None else f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
