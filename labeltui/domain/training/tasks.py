"""A background task of the server: a training, a scoring, or a batch inference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class TaskState(StrEnum):
    """The server's state of a task. ``UNKNOWN`` is a state that this version does not know."""

    SUBMITTED = "submitted"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    STOPPED = "stopped"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """True when the task will not change any more."""
        return self in (TaskState.DONE, TaskState.ERROR, TaskState.STOPPED)


@dataclass(frozen=True, slots=True)
class Task:
    """One task as the server stores it in memory. A restart of the server loses its tasks.

    Times are the server's local time; its zone is unknown. ``details`` are the newest output lines of the task
    (20 at most), oldest first.
    """

    id: str
    state: TaskState
    request: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    details: tuple[str, ...] = ()

    @property
    def subject(self) -> str | None:
        """The model that is trained or applied, or the scoring method."""
        named = self.request.get("model", self.request.get("method"))
        return named if isinstance(named, str) else None
