"""The REST client of the session's MONAI Label server."""

from __future__ import annotations

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.session.clients import MakesServerClient
from labeltui.session.connection.tunnel import Tunnel


class ServerApi:
    """Creates an API client when one is first needed, and a new one when the tunnel's local port changes."""

    def __init__(self, tunnel: Tunnel, client_id: str, make: MakesServerClient) -> None:
        self._tunnel, self._client_id, self._make = tunnel, client_id, make
        # The last client is current. Requests may still be in flight on the others.
        self._clients: list[MonaiLabelClient] = []

    def client(self) -> MonaiLabelClient:
        """Return the client that uses the tunnel. Raises Unreachable while there is no tunnel."""
        url = self._tunnel.base_url
        problem = self._tunnel.problem
        if problem is not None:
            raise Unreachable(problem.code, problem.message, problem.hint)
        if url is None:
            raise Unreachable(
                Code.NO_TUNNEL, "The host is not connected.", "labeltui reconnects; the pod pane shows why."
            )
        if not self._clients or self._clients[-1].base_url != url:
            self._clients.append(self._make(url, client_id=self._client_id))
        return self._clients[-1]

    async def close(self) -> None:
        """Close every client that was created."""
        while self._clients:
            await self._clients.pop().close()
