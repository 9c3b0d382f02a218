"""The account's ssh keys and volumes: written once, with everything that was there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from labeltui.domain.problems import LabeltuiError, Misused
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from tests.services.runpod.scripted_server import (
    CANARY,
    Clock,
    Reply,
    Server,
    hang,
    html,
    raw,
    reply,
    serving,
)

LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFJHaQZ2KhYkJ1Yw4tqYV0V4cZ0y1Kf1m6k2bM1Xc3dA me@desk"
OTHER = "ssh-rsa AAAAB3Nza colleague"
KEYS = "/v2/account/ssh-keys"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as made:
        yield made


@pytest.fixture
async def client(server: Server) -> AsyncIterator[RunpodClient]:
    key, clock = Secret(CANARY), Clock()
    made = RunpodClient(
        key,
        transport=Transport(key, server.url, deadline_s=0.4, sleep=clock.sleep, clock=clock.now),
        api="v2",
    )
    yield made
    await made.close()


async def test_a_key_that_is_there_is_not_written(server: Server, client: RunpodClient) -> None:
    server.answers[f"GET {KEYS}"] = reply({"keys": [OTHER, LINE.replace("me@desk", "elsewhere")]})
    assert len(await client.add_ssh_key(LINE)) == 2
    assert server.count(f"PUT {KEYS}") == 0


@pytest.mark.parametrize("odd", [{"keys": OTHER}, {"keys": [OTHER, 3]}, {}, [], {"keys": None}])
async def test_a_list_that_is_not_understood_is_never_written(
    server: Server, client: RunpodClient, odd: object
) -> None:
    server.answers[f"GET {KEYS}"] = reply(odd)
    with pytest.raises(LabeltuiError) as caught:
        await client.add_ssh_key(LINE)
    assert caught.value.problem.code == "runpod_keys_unread"
    assert server.count(f"PUT {KEYS}") == 0


async def test_keys_that_vanish_are_named(server: Server, client: RunpodClient) -> None:
    server.answers |= {
        f"GET {KEYS}": [reply({"keys": [OTHER]}), reply({"keys": [LINE]})],
        f"PUT {KEYS}": reply({"keys": [LINE]}),
    }
    with pytest.raises(LabeltuiError) as caught:
        await client.add_ssh_key(LINE)
    assert caught.value.problem.code == "runpod_keys_lost"
    assert "colleague" in caught.value.problem.message
    assert server.asked[1].document == {"keys": [OTHER, LINE]}


@pytest.mark.parametrize("line", ["", "nonsense", "ssh-rsa", f"{LINE}\n{LINE}", "ssh-rsa not-base64! me"])
async def test_what_is_no_key_is_not_sent(server: Server, client: RunpodClient, line: str) -> None:
    with pytest.raises(Misused):
        await client.add_ssh_key(line)
    assert server.asked == []


VOLUME = {"id": "v1", "name": "labels", "size": 50, "dataCenter": "EU-RO-1", "type": "STANDARD"}


@pytest.mark.parametrize("lost", [hang, html(502), raw(500, b"{}")])
async def test_a_volume_is_never_made_twice(server: Server, client: RunpodClient, lost: Reply) -> None:
    server.answers |= {
        "GET /v2/network-volumes": [reply({"networkVolumes": []}), reply({"networkVolumes": [VOLUME]})],
        "POST /v2/network-volumes": lost,
    }
    assert (await client.create_network_volume("labels", 50, "EU-RO-1")).id == "v1"
    assert (await client.create_network_volume("labels", 50, "EU-RO-1")).id == "v1"
    assert server.count("POST /v2/network-volumes") == 1
