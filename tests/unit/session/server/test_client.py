"""The session's REST client: one for each address of the tunnel, all of them closed with the session."""

from __future__ import annotations

from typing import cast

import pytest

from labeltui.domain.problems import Unreachable
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.session.connection.tunnel import Tunnel
from labeltui.session.server.client import ServerApi


class Address:
    """A tunnel of which only the address matters."""

    base_url: str | None = None
    problem = None


async def test_one_client_for_each_address_until_the_session_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tunnel = Address()
    api = ServerApi(cast(Tunnel, tunnel), "labeltui", MonaiLabelClient)
    with pytest.raises(Unreachable):
        api.client()
    tunnel.base_url = "http://127.0.0.1:8000"
    first = api.client()
    assert api.client() is first
    tunnel.base_url = "http://127.0.0.1:8001"
    second = api.client()
    assert second is not first
    assert second.base_url == tunnel.base_url
    closed: list[object] = []
    for client in (first, second):

        async def close(client: object = client) -> None:
            closed.append(client)

        monkeypatch.setattr(client, "close", close)
    await api.close()
    await api.close()
    assert {id(client) for client in closed} == {id(first), id(second)}
    assert len(closed) == 2
