"""Reads from the server's output whether a batch inference runs, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from labeltui.domain.log import events
from labeltui.domain.log import lines as log
from labeltui.domain.server.server import BatchRun

RECENT = 11
"""Newest studies whose ends are known; the time for one is the average between the first and the last of them."""


def seconds_left(ends: Mapping[int, datetime], total: int) -> float | None:
    """Estimate the seconds until the end of a batch. ``ends`` has when its study number 1, 2, … was finished.

    The first study takes longer, because it loads the model. So the time from its end on is measured, and the
    estimate is None until the second is finished.
    """
    if len(ends) < 2:
        return None
    recent = sorted(ends)[-RECENT:]
    first, done = recent[0], recent[-1]
    took = (ends[done] - ends[first]).total_seconds()
    return max(0.0, took / (done - first) * (total - done))


class BatchLog:
    """Follows the running batch inference of a server. Feed it each line with an event, in order.

    ``run`` is None without a running batch.
    """

    def __init__(self) -> None:
        self.run: BatchRun | None = None
        self._thread: str | None = None
        self._ends: dict[int, datetime] = {}

    def take(self, record: log.LogRecord, event: events.Event) -> None:
        """Read the event of one line."""
        if isinstance(event, events.TaskCommand) and event.kind == "batch_infer":
            self.run, self._thread = BatchRun(model=str(event.request.get("model") or "")), record.thread
            self._ends = {}
        elif self.run is not None and isinstance(event, events.BatchProgress):
            if record.time is not None:
                self._ends[event.done] = record.time
            left = seconds_left(self._ends, event.total)
            self.run = BatchRun(event.done, event.total, self.run.model, left)
        # The thread identifies the task that ended: trainings and scorings have others.
        elif isinstance(event, events.ReturnCode) and record.thread == self._thread:
            self.run = None
