"""A report as a page: titles, lines, tables and charts, which Markdown and HTML both write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from labeltui.domain.text import duration, plural

UNKNOWN = "not measured"
UNREACHED = f"{UNKNOWN}: the host could not be reached"
COUNTED = (
    "Final labels are those of this time. A study that was submitted again, or read twice, has more than one.",
    "Labels on this desk are those that the host has, earlier ones too.",
)


class Table(NamedTuple):
    """A table; each row has a cell for each column."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]


class Chart(NamedTuple):
    """Series of points, each with a name. ``bars`` draws bars at whole x, with ``ticks`` as their names."""

    title: str
    x_title: str
    series: Sequence[tuple[str, Sequence[tuple[float, float]]]]
    bars: bool = False
    ticks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page. All texts may have hostile names in them."""

    title: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()


def page(document: Mapping[str, Any]) -> list[Section]:
    """Return the parts of a report's page. The first one is its head."""
    parts = [
        _head(document),
        _annotators(document),
        _studies(document),
        _trainings(document),
        _models(document),
    ]
    lines = document["not_measured"] or ["Nothing is missing."]
    return [*(part for part in parts if part is not None), Section("Not measured", lines)]


def _head(document: Mapping[str, Any]) -> Section:
    hours, best, here = document["hours"], document["best"], document["labels_here"]
    labels, rate = document["labels"], document["labels_per_hour"]
    pace = "" if rate is None else f", {rate:g} an hour"
    counted = (
        UNKNOWN if labels is None else f"{labels} on {plural(document['studies'], 'study', 'studies')}{pace}"
    )
    rows = [
        ("Profile", document["profile"]),
        ("From", local(document["since"])),
        ("To", local(document["as_of"])),
        ("Time", UNKNOWN if hours is None else duration(hours * 3600)),
        ("Final labels", counted),
        ("Labels on this desk", UNREACHED if here is None else f"{here['here']} of {here['total']}"),
        ("Cost", shown(document["cost"])),
        ("Cost of a label", shown(document["cost_per_label"])),
        ("Best model", UNKNOWN if best is None else f"{best['model']}: {best['metric']} {best['value']:.3f}"),
    ]
    return Section("Labelling session", COUNTED, [Table(("", ""), rows)])


def local(at: str | None) -> str:
    """Format a time of a document by this machine's clock."""
    return UNKNOWN if at is None else f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"


def shown(value: Any) -> str:
    """Format a value of a document; money in dollars and cents."""
    if value is None:
        return UNKNOWN
    return f"{value:g}" if isinstance(value, float) else str(getattr(value, "shown", value))


def _annotators(document: Mapping[str, Any]) -> Section | None:
    if not document["annotators"]:
        return None
    keys = ("name", "labels", "studies", "labels_per_hour", "minutes_per_study", "timed")
    head = ("Annotator", "Labels", "Studies", "Labels an hour", "Minutes a study (median)", "Labels timed")
    hours = document["by_hour"]
    names = [line["name"] for line in document["annotators"]]
    series = [
        (name, [(float(at), float(line["by"].get(name, 0))) for at, line in enumerate(hours)])
        for name in names
    ]
    chart = Chart(
        "Labels per hour", "hour", series, bars=True,
        ticks=[f"{datetime.fromisoformat(line['hour']):%d %b %H:%M}" for line in hours],
    )  # fmt: skip
    table = Table(("Hour", "Labels", *names), [
        (local(line["hour"]), str(line["labels"]), *(str(line["by"].get(name, 0)) for name in names)) for line in hours
    ])  # fmt: skip
    return Section(
        "Annotators", tables=[Table(head, _rows(document["annotators"], keys)), table], charts=[chart]
    )


def _studies(document: Mapping[str, Any]) -> Section | None:
    if not document["minutes"]:
        return None
    rows = [
        (one["study"], one["annotator"], local(one["at"]), shown(one["minutes"]))
        for one in document["minutes"]
    ]
    lines = ["From the annotator's last fetch of the study to the final label, with all pauses."]
    return Section("Minutes per study", lines, [Table(("Study", "Annotator", "Submitted", "Minutes"), rows)])


def _trainings(document: Mapping[str, Any]) -> Section | None:
    trainings = document["trainings"]
    if not trainings:
        return None
    rows = [
        (local(one["started_at"]), one["model"], shown(one["epochs"]), "yes" if one["ended"] else "no",
         shown(one["metric"]), "" if one["best"] is None else f"{one['best']:.3f}", shown(one["epoch"]))
        for one in trainings
    ]  # fmt: skip
    head = ("Started", "Model", "Epochs", "Ended", "Metric", "Best", "At epoch")
    charts = [
        Chart(title, "epoch", series)
        for title, key in (("Validation Dice", "validation_dice"), ("Loss", "loss"))
        if (series := _series(document["curves"], key))
    ]
    return Section("Trainings", tables=[Table(head, rows)], charts=charts)


def _series(curves: Iterable[Mapping[str, Any]], key: str) -> list[tuple[str, list[tuple[float, float]]]]:
    found = [
        (f"{one['model']}, {local(one['started_at'])}",
         [(float(point["epoch"]), float(point[key])) for point in one["points"] if point[key] is not None])
        for one in curves
    ]  # fmt: skip
    return [(name, points) for name, points in found if points]


def _models(document: Mapping[str, Any]) -> Section | None:
    if not document["models"]:
        return None
    rows = [
        (one["model"], shown(one["version"]), local(one["at"]), "yes" if one["here"] else "no",
         UNKNOWN if one["best"] is None else f"{one['metric']} {one['best']:.3f}")
        for one in document["models"]
    ]  # fmt: skip
    return Section(
        "Model versions", tables=[Table(("Model", "Version", "Saved", "On this desk", "Score"), rows)]
    )


def _rows(lines: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(shown(line[key]) for key in keys) for line in lines]
