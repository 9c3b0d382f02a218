"""Stores the training that the server's API named last, for when the server has ended and its output is unread or lost.

The server keeps its tasks in memory, and a pod may end before the first line of a training has arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from labeltui.domain.training.log import TrainLog
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.session.runtime.state_folder import StateFolder

NAME = "last-training"


class LastTraining:
    """One task with the run of the server that named it. Consoles and commands on one profile share the file."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._run_id: str | None = None
        self._task: Task | None = None

    def store(self, run_id: str | None, task: Task | None) -> None:
        """Store a task of a server that labeltui started. Written when its state or its epoch has changed."""
        if run_id is None or task is None:
            return
        changed = self._run_id != run_id or self._task is None or _progress(task) != _progress(self._task)
        self._run_id, self._task = run_id, task
        if changed:
            self._state.write(NAME, {"run_id": run_id, **_document(task)})

    def of(self, run_id: str | None) -> Task | None:
        """Return the newest task of that run; None if it named none."""
        document = self._state.read(NAME)
        stored = _task_of(document) if document.get("run_id") == run_id else None
        own = self._task if self._run_id == run_id else None
        return own if own is not None and (stored is None or stored.id == own.id) else stored


def _progress(task: Task) -> tuple[object, ...]:
    return task.id, task.state, TrainLog.of_lines(task.details).epoch


def _document(task: Task) -> dict[str, Any]:
    return {
        "id": task.id, "state": task.state, "request": dict(task.request), "details": task.details,
        "started_at": task.started_at and task.started_at.isoformat(),
        "ended_at": task.ended_at and task.ended_at.isoformat(),
    }  # fmt: skip


def _task_of(document: Mapping[str, Any]) -> Task | None:
    try:
        return Task(
            str(document["id"]), TaskState(document["state"]), dict(document["request"]),
            _time(document["started_at"]), _time(document["ended_at"]),
            tuple(str(line) for line in document["details"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None  # another version of labeltui may have written it


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
