"""The recorded training of deepedit, as a server runs it."""

from __future__ import annotations

import json
from typing import Any

import httpx

from labeltui.domain.state import SessionState
from labeltui.domain.states import TrainState
from tests.fakes.monailabel import MONAILABEL, recorded
from tests.unit.operations.desk import Desk

RUN = (MONAILABEL / "log_train_3epochs.txt").read_bytes().splitlines(keepends=True)
ITERATION_2, ITERATION_4, EPOCH_2_BEGINS, EPOCH_3_BEGINS = 55, 57, 72, 91  # lines of RUN
ORPHAN = {"pid": 41, "pgid": 40, "model": "deepedit", "started_ts": 1.0, "memory": 1, "ours": True}
THEIRS = {**ORPHAN, "pid": 51, "pgid": 50, "ours": False, "folder": "/home/bob/tui", "user": "bob"}


def die(it: Desk) -> None:
    """The server's process is killed."""
    it.server.up = False
    it.host.agent.jobs["server"].end(-9)


class Training:
    """The recorded training of deepedit over three epochs: its task, and its lines as they come."""

    def __init__(self, it: Desk) -> None:
        self._it, self._printed = it, 0
        it.server.documents["POST", "/train/*"] = self._begin
        self.task = {**recorded("train_status_running"), "details": []}

    def _begin(self, _request: httpx.Request) -> Any:
        self._it.server.tasks.append(self.task)
        return recorded("train_post")

    def begin(self) -> None:
        """As if it had been started elsewhere."""
        self._it.server.tasks.append(self.task)

    def print(self, upto: int | None = None) -> None:
        """Print the lines that were not printed yet, up to this one."""
        end = len(RUN) if upto is None else upto
        self._it.host.agent.jobs["server"].print(b"".join(RUN[self._printed : end]))
        self._printed = end

    def finish(self, status: str = "DONE") -> None:
        self.print()
        self.task["status"] = status


async def known(it: Desk, state: TrainState) -> None:
    """Wait until the session has read this state."""
    await it.session.store.wait_for(
        lambda s: s.training.value is not None and s.training.value.state is state, 120
    )


def states_of(it: Desk) -> list[TrainState]:
    """Every state of the training that the store has from now on."""
    states: list[TrainState] = []

    def note(state: SessionState, _changed: object) -> None:
        if state.training.value is not None:
            states.append(state.training.value.state)

    it.session.store.subscribe(note)
    return states


def body(it: Desk) -> dict[str, Any]:
    """The request that started the training."""
    (post,) = [
        one for one in it.server.requests if one.method == "POST" and one.url.path.startswith("/train/")
    ]
    return {"path": post.url.path, **json.loads(post.content)}
