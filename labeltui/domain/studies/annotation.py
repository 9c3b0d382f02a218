"""The time that an annotator worked on a study, from its fetch until the last label was submitted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

LONGEST_PAUSE_S = 15 * 60.0
"""Seconds without activity that count as work. The rest of a longer time without activity is a pause."""


@dataclass(frozen=True, slots=True)
class Work:
    """The seconds that an annotator worked on a study.

    ``paused_s`` are the seconds of pauses and other work, which ``seconds`` does not include.
    """

    seconds: float
    paused_s: float = 0.0


def work_on(
    fetched: Iterable[datetime], submitted: Iterable[datetime], activity: Iterable[datetime] = ()
) -> Work | None:
    """Return an annotator's work on one study until the last of its labels; None if no fetch before a label is known.

    Each label adds the time since the newest fetch after the previous label. A label that was submitted again
    without another fetch adds the time since the annotator's last ``activity``, which means fetches and labels
    of any study. The time between, such as work on other studies, counts as pauses.
    """
    fetched, submitted, activity = sorted(fetched), sorted(submitted), sorted(activity)
    seconds, since, before = 0.0, None, None
    for submit in submitted:
        begun = [at for at in fetched if at < submit and (before is None or at > before)]
        if not begun and before is not None:
            begun = [before, *(at for at in activity if before < at < submit)]
        work = work_between(begun[-1], submit, activity) if begun else None
        if work is not None:
            seconds += work.seconds
            since, before = since or begun[-1], submit
    if since is None or before is None:
        return None
    rest = (before - since).total_seconds() - seconds
    return Work(seconds, round(rest, 3))  # sums of fractions differ in their last digits


def work_between(fetched: datetime, submitted: datetime, activity: Iterable[datetime] = ()) -> Work | None:
    """Return the work between a fetch and a submit; None if the submit is not later.

    ``activity`` are other times at which the annotator did something. If more than 15 minutes are between two of these
    times, only the first 15 count.
    """
    if submitted <= fetched:
        return None
    between = {at for at in activity if fetched < at < submitted}
    times = sorted({fetched, submitted, *between}) if between else [fetched, submitted]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    counted = sum(min(gap, LONGEST_PAUSE_S) for gap in gaps)
    return Work(counted, sum(gaps) - counted)
