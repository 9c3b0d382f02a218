"""Reads the environment of a running server that labeltui did not start."""

from __future__ import annotations

from labeltui.domain.state import SessionState
from labeltui.hosts.agent.client import AgentClient
from labeltui.session.runtime.store import Store
from labeltui.session.server.process import ServerWatch
from labeltui.session.server.remote_log import is_foreign


class FoundWatch:
    """Asks the agent for the process on ``port`` when a server begins to answer that labeltui did not start.

    Sends it to ``watch``.
    """

    def __init__(self, store: Store, watch: ServerWatch, port: int) -> None:
        self._store, self._watch, self._port = store, watch, port

    async def run(self, agent: AgentClient) -> None:
        """Look for a server on the host again and again, until the connection to the agent ends."""
        while True:
            await self._store.wait_for(is_foreign)
            servers = await agent.servers()
            self._watch.on_found(next((one for one in servers if one.port == self._port), None))
            await self._store.wait_for(_is_not_foreign)
            self._watch.on_found(None)


def _is_not_foreign(state: SessionState) -> bool:
    return not is_foreign(state)
