"""Finds trainings, batch inferences and scorings whose server has ended. They still run."""

from __future__ import annotations

from functools import partial

from labeltui.domain.state import SessionState
from labeltui.hosts.agent.client import AgentClient
from labeltui.session.runtime.store import Store
from labeltui.session.server.process import ServerWatch

EVERY_S = 15.0


class OrphanWatch:
    """Sends the tasks that outlived their server to ``watch``.

    Polls every 15 s, and each time the server starts or ends.
    """

    def __init__(self, store: Store, watch: ServerWatch) -> None:
        self._store, self._watch = store, watch

    async def run(self, agent: AgentClient) -> None:
        """Poll the agent until the agent is gone."""
        while True:
            pid = _server_pid(self._store.state)
            orphans = await agent.orphans()
            if _has_other_pid(pid, self._store.state):
                continue  # the answer may be older than the server's end
            self._watch.on_orphans(orphans)
            try:
                await self._store.wait_for(partial(_has_other_pid, pid), EVERY_S)
            except TimeoutError:
                continue


def _has_other_pid(pid: int | None, state: SessionState) -> bool:
    return _server_pid(state) != pid


def _server_pid(state: SessionState) -> int | None:
    server = state.server.value
    return None if server is None else server.pid
