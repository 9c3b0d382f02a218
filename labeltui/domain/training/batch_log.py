"""Reads from the server's output whether a batch inference runs, and how far it is."""

from __future__ import annotations

from datetime import datetime

from labeltui.domain.log import events
from labeltui.domain.log import lines as log
from labeltui.domain.server.server import BatchRun


class BatchLog:
    """Follows the running batch inference of a server. Feed it each line with an event, in order.

    ``run`` is None without a running batch.
    """

    def __init__(self) -> None:
        self.run: BatchRun | None = None
        self._thread: str | None = None
        self._began: datetime | None = None

    def take(self, record: log.LogRecord, event: events.Event) -> None:
        """Read the event of one line."""
        if isinstance(event, events.TaskCommand) and event.kind == "batch_infer":
            self.run, self._thread = BatchRun(model=str(event.request.get("model") or "")), record.thread
            self._began = record.time
        elif self.run is not None and isinstance(event, events.BatchProgress):
            left = None
            if record.time is not None and self._began is not None and event.done:
                spent = (record.time - self._began).total_seconds()
                left = max(0.0, spent / event.done * (event.total - event.done))
            self.run = BatchRun(event.done, event.total, self.run.model, left)
        # The thread identifies the task that ended: trainings and scorings have others.
        elif isinstance(event, events.ReturnCode) and record.thread == self._thread:
            self.run = None
