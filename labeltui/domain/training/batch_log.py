"""Reads from the server's output whether a batch inference runs, and how far it is."""

from __future__ import annotations

from labeltui.domain.log import events
from labeltui.domain.log import lines as log


class BatchLog:
    """Follows the running batch inference of a server. Feed it each line with an event, in order.

    ``progress`` is how many studies are done, and of how many: None before the first is done. It is None without a
    running batch.
    """

    def __init__(self) -> None:
        self.progress: tuple[int, int | None] | None = None
        self._thread: str | None = None

    def take(self, record: log.LogRecord, event: events.Event) -> None:
        """Read the event of one line."""
        if isinstance(event, events.TaskCommand) and event.kind == "batch_infer":
            self.progress, self._thread = (0, None), record.thread
        elif self.progress is not None and isinstance(event, events.BatchProgress):
            self.progress = event.done, event.total
        # The thread identifies the task that ended: trainings and scorings have others.
        elif isinstance(event, events.ReturnCode) and record.thread == self._thread:
            self.progress = None
