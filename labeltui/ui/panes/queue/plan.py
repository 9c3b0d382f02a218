"""The cell with the worklist's plan for a study. No I/O."""

from __future__ import annotations

from labeltui.domain.studies.study import Study
from labeltui.domain.studies.worklist import Worklist
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import clock_time


def plan_of(study: Study, worklist: Worklist | None) -> str:
    """Return ``skipped``, or the study's place in the order, its annotator, and the end of its reservation.

    A study that is read twice begins with ``×2``. Empty if there is none of these.
    """
    if worklist is None:
        return ""
    if study.id in worklist.skipped:
        return "skipped"
    place, assigned = worklist.place(study.id), worklist.assigned.get(study.id)
    holders = worklist.holders.get(study.id, ())
    parts = (
        "×2" if study.id in worklist.doubled else "",
        "" if place is None else f"#{place}",
        f"→ {safe(assigned)}" if assigned else "",
        f"until {clock_time(holders[0].until)[:5]}" if holders else "",
    )
    return " ".join(part for part in parts if part)


def plan_key(study: Study, worklist: Worklist | None) -> tuple[int, int] | None:
    """Return the sort key: first the operator's order, then assigned studies, then reserved ones, then skipped ones."""
    if worklist is None:
        return None
    if study.id in worklist.skipped:
        return 3, 0
    place = worklist.place(study.id)
    if place is not None:
        return 0, place
    if study.id in worklist.assigned:
        return 1, 0
    return (2, 0) if study.id in worklist.holders or study.id in worklist.doubled else None
