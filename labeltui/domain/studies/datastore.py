"""One study of MONAI Label's datastore as a short list.

The agent's program includes this module, so it must run on Python 3.8. The list is ``[id, name, ts, extension,
fetches, labels, review, scores, modality]``; empty fields at its end are left out. ``fetches`` has ``[strategy,
client, ts]`` for each strategy, ``labels`` has ``[tag, extension, ts, client]`` for each tag, and every ts is
Unix seconds or None. Fields of an unexpected type count as empty.
"""

from __future__ import annotations

import math
from typing import Any

MOST_SCORES = 32
NAMELESS = "?"
"""The client of requests without a client id. MONAI Label stores ``admin`` for them, and prints no client."""
SUBMITTED = "submitted_ts"
"""The key under which labeltui stores a label's original time of submission when it submits the label again.

MONAI Label's own ``ts`` is then the time of the second submission.
"""
USUAL = frozenset(("name", "ts", "strategy"))  # of most studies, nothing else is stored


def entry_of(study: str, stored: Any) -> list[Any]:
    """Shorten one of the ``objects`` of ``datastore_v2.json`` or of ``/datastore?output=all``."""
    plain = _plain(study, stored)
    if plain is not None:
        return plain
    stored = _dict(stored)
    image, labels = _dict(stored.get("image")), _dict(stored.get("labels"))
    info = _dict(image.get("info"))
    name, added, extension = _text(info.get("name")), _number(info.get("ts")), _text(image.get("ext"))
    entry: list[Any] = [study, name, added, extension, [], [], "", {}, ""]
    if "strategy" in info:
        entry[4] = [
            [str(strategy), client_of(trace.get("client_id")), _number(trace.get("ts"))]
            for strategy, trace in _dict(info["strategy"]).items()
            if isinstance(trace, dict)
        ]
    if labels:
        entry[5], entry[6] = _labels(labels)
        entry[7] = _sum(labels)
    if not info.keys() <= USUAL:
        entry[7], entry[8] = {**entry[7], **_scores(info)}, _text(info.get("Modality"))
    while not entry[-1] and len(entry) > 1:
        entry.pop()
    return entry


def client_of(value: Any) -> str:
    """Return the client of a fetch.

    ``admin`` counts as no name: without a login MONAI Label stores it for every user.
    """
    return NAMELESS if not value or value == "admin" else str(value)


def _plain(study: str, stored: Any) -> list[Any] | None:
    """Return the entry of a study without labels, which most are. Takes a third of the time. Else None."""
    try:
        image = stored["image"]
        info = image["info"]
        if stored["labels"]:
            return None
        name, added, extension = info["name"], info["ts"], image["ext"]
        entry = [study, name, added, extension]
        is_plain = type(name) is str and type(added) is int and type(extension) is str
        if len(info) == 2:
            return entry if is_plain and extension else None
        fetches = [
            [one, client_of(fetch["client_id"]), fetch["ts"]] for one, fetch in info["strategy"].items()
        ]
    except (KeyError, TypeError, AttributeError):
        return None
    is_plain = is_plain and len(info) == 3 and bool(fetches) and all(type(at) is int for _, _, at in fetches)
    return [*entry, fetches] if is_plain else None


def _labels(labels: dict[str, Any]) -> tuple[list[list[Any]], str]:
    """Return the labels, and the status that the reviewer plugin stored with the first label that has one."""
    listed, review = [], ""
    for tag, stored in labels.items():
        label = _dict(stored)
        info = _dict(label.get("info"))
        ext, client = _text(label.get("ext")), _text(info.get("client_id"))
        submitted = _number(info[SUBMITTED]) if SUBMITTED in info else None
        listed.append([str(tag), ext, submitted or _number(info.get("ts")), client])
        # The reviewer plugin writes segmentationMeta; other clients write "status" at the top level.
        review = review or _text(_dict(info.get("segmentationMeta")).get("status", info.get("status")))
    return listed, review


def _sum(labels: dict[str, Any]) -> dict[str, float]:
    """Return the score ``sum``, which MONAI Label stores with each label: the final label's, else the original's."""
    for tag in ("final", "original"):
        found = _number(_dict(_dict(labels.get(tag)).get("info")).get("sum"))
        if found is not None:
            return {"sum": found}
    return {}


def _scores(info: dict[str, Any]) -> dict[str, float]:
    """Return the numbers that scoring methods stored with the image, such as ``epistemic_entropy`` and ``dice``."""
    found = [
        (str(name), value)
        for name, value in info.items()
        if name != "ts" and not name.endswith("_ts") and _number(value) is not None
    ]
    return dict(found[:MOST_SCORES])


def _number(value: Any) -> Any:
    """Return a finite number, else None."""
    if type(value) is int:
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
