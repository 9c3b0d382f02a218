"""What the cells of the queue depend on besides their study. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from labeltui.domain.state import SessionState
from labeltui.domain.studies.worklist import Worklist
from labeltui.ui.presentation.fact import stale_age


@dataclass(slots=True)
class Shown:
    """The time, whether the list is stale, and facts that are read apart from the list.

    ``damaged`` are the studies with a label that is empty or cut off, ``cut_off`` those whose image is. ``second``
    are the studies that lack their second reading.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    stale: bool = False
    damaged: frozenset[str] = frozenset()
    cut_off: frozenset[str] = frozenset()
    worklist: Worklist | None = None
    second: frozenset[str] = frozenset()

    def update(self, state: SessionState, now: datetime) -> tuple[str, ...]:
        """Take the facts of a snapshot. Return the names of the columns that may have changed because of them."""
        copies, worklist = state.labels.value, state.worklist.value
        before = (self.damaged, self.cut_off, self.second)
        self.now, self.stale = now, bool(stale_age(state.queue, now))
        self.damaged = frozenset(study for _tag, study in copies.damaged) if copies else frozenset()
        self.cut_off = state.cut_off
        changed: tuple[str, ...] = ()
        if worklist != self.worklist:
            self.worklist, changed = worklist, ("worklist",)
            self.second = frozenset(worklist.second) if worklist is not None else frozenset()
        return changed if before == (self.damaged, self.cut_off, self.second) else (*changed, "state")
