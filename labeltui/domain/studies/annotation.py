"""How long an annotator worked on a study, from when it was handed out until its label was submitted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

LONGEST_PAUSE_S = 15 * 60.0
"""Seconds without activity that count as work. The rest of a longer time without activity is a pause."""


@dataclass(frozen=True, slots=True)
class Work:
    """The seconds that an annotator worked, and the seconds of pauses, which are not part of them."""

    seconds: float
    paused_s: float = 0.0


def work_between(fetched: datetime, submitted: datetime, activity: Iterable[datetime] = ()) -> Work | None:
    """Return the work between a fetch and a submit; None if the submit is not later.

    ``activity`` are other times at which the annotator did something. If more than 15 minutes are between two of these
    times, only the first 15 count.
    """
    if submitted <= fetched:
        return None
    times = sorted({fetched, submitted, *(at for at in activity if fetched < at < submitted)})
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    counted = sum(min(gap, LONGEST_PAUSE_S) for gap in gaps)
    return Work(counted, sum(gaps) - counted)
