"""The speed of a session: labels since it began, labels per hour, and the cost of a label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from labeltui.domain.state import SessionState
from labeltui.domain.studies.study import FINAL_TAG, Study

if TYPE_CHECKING:  # keeps first paint light
    from decimal import Decimal

SHORTEST_S = 600.0  # before that a rate per hour is a guess
LONGEST_H = 24 * 366.0
"""The forecast of the last label reaches this many hours ahead; a later end is not shown."""
SAME_SESSION = timedelta(hours=8)
"""If a server starts within this time after the server before it, the session continues."""
CLOCKS = timedelta(seconds=60)
"""A restart may be recorded up to this long after its server's start, because two clocks are involved."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The number of labels submitted since ``since``, and rates.

    A label without an author does not count: it was a file on disk, and its time is only when the server found it.
    ``per_hour`` is None in the first ten minutes. ``cost_per_label`` is None without labels or without a known cost.
    """

    since: datetime
    labels: int
    per_hour: float | None = None
    cost_per_label: Decimal | None = None


class Use(Enum):
    """An event from which follows when a server ran.

    It ran after its START, before its END, and at each USE. A RESTART is a use of one server and the start of the next.
    """

    START = "start"
    USE = "use"
    RESTART = "restart"
    END = "end"


def session_start(started: datetime, uses: Iterable[tuple[datetime, Use]]) -> datetime:
    """Return when the session of a server began, which is the start of the session's first server.

    ``started`` is the start of the present server. ``uses`` are the events of the servers before it, in any order. A
    server counts as running from its start to its next use or end, however long that was.
    """
    since, newer = started, Use.START
    for at, use in sorted(uses, key=lambda one: one[0], reverse=True):
        if at >= since:
            if use is Use.RESTART and newer is Use.START and at - since <= CLOCKS:
                newer = use
            continue
        if since - at > SAME_SESSION and (newer is Use.START or use is Use.END):
            break
        since, newer = at, use
    return since


def began(state: SessionState) -> datetime | None:
    """When the session began: at the start of the rented pod, else of its first server. None when neither is known."""
    spend, server = state.spend.value, state.server.value
    since = spend.session_since if spend is not None else None
    return since or state.session_began or (server.started_at if server is not None else None)


def pace(state: SessionState, now: datetime) -> Pace | None:
    """The pace of the session on the rented pod, or of its servers; None when neither is known."""
    spend, queue, since = state.spend.value, state.queue.value, began(state)
    if since is None or queue is None:
        return None
    labels = _labels_since(queue.studies, since) + _other_readings(state, queue.studies, since)
    seconds = (now - since).total_seconds()
    cost = spend.session if spend is not None and spend.session_since == since else None
    return Pace(
        since,
        labels,
        labels * 3600 / seconds if seconds >= SHORTEST_S else None,
        cost / labels if cost is not None and labels else None,
    )


_counted: list[tuple[tuple[Study, ...], datetime, int]] = []
"""The last count, stored because the console asks once a second and 100,000 studies take 10 ms."""


def _labels_since(studies: tuple[Study, ...], since: datetime) -> int:
    for counted, then, count in _counted:
        if counted is studies and then == since:
            return count
    count = sum(
        1
        for study in studies
        if (at := study.tags.get(FINAL_TAG)) is not None and at >= since and FINAL_TAG in study.authors
    )
    _counted[:] = [(studies, since, count)]
    return count


def _other_readings(state: SessionState, studies: tuple[Study, ...], since: datetime) -> int:
    """Count the readings of studies that are read twice, except readings that are the final label."""
    worklist = state.worklist.value
    if worklist is None or not worklist.readings:
        return 0
    authors = {one.id: one.authors.get(FINAL_TAG) for one in studies if one.id in worklist.readings}
    return sum(
        study in authors and one.client != authors[study] and one.at is not None and one.at >= since
        for study, readings in worklist.readings.items()
        for one in readings
    )


def labels_left(state: SessionState, left: int) -> int:
    """Return the number of labels still needed for ``left`` unfinished studies.

    A study that will be read twice needs two.
    """
    queue, worklist = state.queue.value, state.worklist.value
    if queue is None or worklist is None or not worklist.doubled:
        return left
    return left + sum(one.id in worklist.doubled and FINAL_TAG not in one.tags for one in queue.studies)


def people(state: SessionState) -> tuple[str, ...]:
    """The annotators who have a study open now."""
    queue = state.queue.value
    return () if queue is None else tuple(sorted(queue.open_studies.by_client))


def expected_end(left: int, per_hour: float | None, now: datetime) -> datetime | None:
    """The time at which the last study will be final at this rate.

    None if none is left, or if the rate is 0 or unknown.
    """
    if not left or not per_hour:
        return None
    hours = left / per_hour
    return now + timedelta(hours=hours) if hours < LONGEST_H else None
