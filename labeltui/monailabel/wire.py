"""Models of the documents that MONAI Label 0.8 sends.

A server may be newer, older, patched or broken. Unknown fields are ignored, and a field of the wrong type gets its
default instead of invalidating the whole document.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else ""
        if value is None or isinstance(value, (dict, list))
        else str(value)
    )


def _count(value: object) -> int:
    number = _whole(value)
    return 0 if number is None else max(0, number)


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _names(value: object) -> tuple[str, ...]:
    # Depending on the app, labels are a list of names, {name: index}, or {index: name}.
    if isinstance(value, dict):
        return tuple(
            str(v) if _whole(k) is not None and isinstance(v, str) else str(k) for k, v in value.items()
        )
    return tuple(_text(v) for v in value if _text(v)) if isinstance(value, list) else ()


def _values(value: object) -> dict[str, int]:
    """Return the label values by name. A list has none; its labels count from 1, or from 0 with a background."""
    if isinstance(value, dict):
        found = [(k, v) if _whole(k) is None else (v, k) for k, v in value.items()]
        return {str(k): number for k, v in found if (number := _whole(v)) is not None}
    names = _names(value)
    first = 0 if names[:1] == ("background",) else 1
    return {name: number for number, name in enumerate(names, first)}


def _mapping(value: object) -> dict[str, Any]:
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def _of(read: Callable[[object], Any]) -> Callable[[object], dict[str, Any]]:
    def each(value: object) -> dict[str, Any]:
        return {k: got for k, v in _mapping(value).items() if (got := read(v)) is not None}

    return each


def _objects(value: object) -> dict[str, Any]:
    # None becomes an empty object: a trainer without statistics is still a trainer.
    return {k: v if isinstance(v, dict) else {} for k, v in _mapping(value).items()}


def _lines(value: object) -> tuple[str, ...]:
    return tuple(_text(v) for v in value) if isinstance(value, list) else ()


Text = Annotated[str, BeforeValidator(_text)]
Count = Annotated[int, BeforeValidator(_count)]
Whole = Annotated[int | None, BeforeValidator(_whole)]
Number = Annotated[float | None, BeforeValidator(_number)]
LabelValues = Annotated[dict[str, int], BeforeValidator(_values)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_lines)]
AnyMapping = Annotated[dict[str, Any], BeforeValidator(_mapping)]
Counts = Annotated[dict[str, int], BeforeValidator(_of(_whole))]
Metrics = Annotated[dict[str, float], BeforeValidator(_of(_number))]


class Wire(BaseModel):
    """A JSON object from the server."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Offer(Wire):
    """A model or trainer in ``/info/``."""

    type: Text = ""
    description: Text = ""
    labels: Names = ()
    values: LabelValues = Field(default_factory=dict, validation_alias=AliasChoices("labels"))
    dimension: Whole = None
    config: AnyMapping = Field(default_factory=dict)


class PhaseStats(Wire):
    """The part ``train`` or ``eval`` of a trainer's statistics."""

    metrics: Metrics = Field(default_factory=dict)
    key_metric_name: Text = ""
    best_metric: Number = None
    best_metric_epoch: Whole = None


Phase = Annotated[PhaseStats, BeforeValidator(_mapping)]


class Stats(Wire):
    """The ``train_stats`` of one trainer. All fields are missing before its first run."""

    start_ts: Number = None
    epoch: Whole = None
    total_epochs: Whole = None
    best_metric: Number = None
    total_time: Text = ""
    train: Phase = PhaseStats()
    eval: Phase = PhaseStats()


class DatastoreStats(Wire):
    """The server's answer to ``GET /datastore/``, which ``/info/`` contains too."""

    total: Count = 0
    completed: Count = 0
    label_tags: Counts = Field(default_factory=dict)


class Info(Wire):
    """The server's answer to ``GET /info/``."""

    name: Text = ""
    version: Text = ""
    description: Text = ""
    labels: Names = ()
    models: Annotated[dict[str, Offer], BeforeValidator(_objects)] = Field(default_factory=dict)
    trainers: Annotated[dict[str, Offer], BeforeValidator(_objects)] = Field(default_factory=dict)
    strategies: AnyMapping = Field(default_factory=dict)
    scoring: AnyMapping = Field(default_factory=dict)
    train_stats: Annotated[dict[str, Stats], BeforeValidator(_objects)] = Field(default_factory=dict)
    datastore: Annotated[DatastoreStats, BeforeValidator(_mapping)] = DatastoreStats()


class WireTask(Wire):
    """A task of ``/train/``, ``/scoring/`` or ``/batch/infer``."""

    id: Text = ""
    status: Text = ""
    request: AnyMapping = Field(default_factory=dict)
    start_ts: Text = ""
    end_ts: Text = ""
    details: Lines = ()


class Sample(Wire):
    """The study that an active-learning strategy chose. ``id`` is empty when none is left."""

    id: Text = ""
    path: Text = ""
    name: Text = ""
    ts: Number = None


class ModelFile(Wire):
    """The server's answer to ``GET /model/info/{model}``."""

    checksum: Text = ""
    modified_time: Number = None
    train_stats: Annotated[Stats, BeforeValidator(_mapping)] = Stats()


class SessionInfo(Wire):
    """The ``session_info`` in answers of ``/session/``. Times are Unix seconds; ``expiry`` is in seconds."""

    name: Text = ""
    image: Text = ""
    create_ts: Number = None
    last_access_ts: Number = None
    expiry: Number = None
