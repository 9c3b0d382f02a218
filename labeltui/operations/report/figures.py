"""The figures of a report that are computed from labels and study events: by annotator, by hour, by study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from labeltui.domain.documents.documents import moment
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.session.history.studies import StudyEvent, StudyEventKind

UNKNOWN = "unknown"
"""Stands for the annotator of a label whose author is not on record."""
LONGEST = timedelta(hours=12)
"""A label that came later after its study was fetched has no measured time."""
FILLED = timedelta(days=7)


class Submitted(NamedTuple):
    """One final label. ``who`` is empty if its author is unknown."""

    study: str
    who: str
    at: datetime


class Timed(NamedTuple):
    """The minutes from an annotator's last fetch of a study to the final label, with all pauses."""

    study: str
    who: str
    at: datetime
    minutes: float


def timed(events: Iterable[StudyEvent], since: datetime) -> list[Timed]:
    """Return the labels since that time whose study the same client had fetched within 12 hours before.

    ``events`` are oldest first. A fetch counts for one label only.
    """
    fetched: dict[tuple[str, str, str], datetime] = {}
    found = []
    for event in events:
        key = (event.source, event.study, event.client)
        if event.kind is StudyEventKind.FETCH:
            fetched[key] = event.at
        elif event.kind is StudyEventKind.LABEL and event.detail == FINAL_TAG:
            began = fetched.pop(key, None)
            if began is not None and event.at >= since and event.at - began <= LONGEST:
                minutes = (event.at - began).total_seconds() / 60
                found.append(Timed(event.study, event.client, event.at, minutes))
    return found


def by_annotator(
    submitted: Sequence[Submitted], measured: Sequence[Timed], hours: float | None
) -> list[dict[str, Any]]:
    """Return a line per annotator, most labels first. ``minutes_per_study`` is the median."""
    labels = Counter(one.who or UNKNOWN for one in submitted)
    lines = []
    for who, count in labels.most_common():
        minutes = [one.minutes for one in measured if one.who == who]
        lines.append({
            "name": who,
            "labels": count,
            "studies": len({one.study for one in submitted if (one.who or UNKNOWN) == who}),
            "labels_per_hour": round(count / hours, 1) if hours else None,
            "minutes_per_study": round(median(minutes), 1) if minutes else None,
            "timed": len(minutes),
        })  # fmt: skip
    return lines


def by_hour(submitted: Sequence[Submitted], since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Return the labels of each hour of this machine's clock, from the first to the last with one in it.

    Hours without a label between them are listed with 0, unless they are more than a week. A label before ``since``
    or after ``now``, by another clock, counts in the hour of these.
    """
    counts: dict[datetime, Counter[str]] = {}
    for one in submitted:
        counts.setdefault(_hour(min(max(one.at, since), max(now, since))), Counter())[one.who or UNKNOWN] += 1
    if counts and max(counts) - min(counts) <= FILLED:
        at = min(counts)
        while at < max(counts):
            at = _hour(at + timedelta(hours=1))
            counts.setdefault(at, Counter())
    return [
        {"hour": moment(at), "labels": people.total(), "by": dict(people.most_common())}
        for at, people in sorted(counts.items())
    ]


def _hour(at: datetime) -> datetime:
    """The beginning of the hour on this machine's clock."""
    return at.astimezone().replace(minute=0, second=0, microsecond=0)


def study_lines(measured: Iterable[Timed]) -> list[dict[str, Any]]:
    """Return a line per label with a measured time."""
    return [
        {"study": one.study, "annotator": one.who, "at": moment(one.at), "minutes": round(one.minutes, 1)}
        for one in measured
    ]
