"""The logs as server-sent events."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world import events


async def lines(
    client: httpx.AsyncClient, pod: str, count: int, headers: dict[str, str] | None = None, **query: str
) -> list[tuple[str, dict[str, str]]]:
    """Read so many events: their ids and data."""
    found: list[tuple[str, dict[str, str]]] = []
    number = ""
    async with client.stream("GET", f"/v2/pods/{pod}/logs", params=query, headers=headers) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                number = line.removeprefix("id: ")
            elif line.startswith("data: "):
                found.append((number, json.loads(line.removeprefix("data: "))))
                if len(found) == count:
                    break
    return found


async def test_fingerprints_after_their_heading(raw: httpx.AsyncClient, rent: Callable[..., Any]) -> None:
    pod = await rent()
    said = [data["line"] for _, data in await lines(raw, pod["id"], 7, source="container")]
    assert said[1:3] == ["Setting up SSH...", "SSH host keys:"]
    kinds = []
    for line in said[3:6]:
        bits, print_, _, kind = line.split()
        kinds.append((bits, kind))
        assert print_.startswith("SHA256:")
        assert len(print_) == len("SHA256:") + 43
    assert kinds == [("2048", "(RSA)"), ("256", "(ECDSA)"), ("256", "(ED25519)")]
    assert said[6] == "Start script(s) finished, Pod is ready to use."


async def test_an_image_that_prints_no_host_keys(
    raw: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    emulator.world.faults.arm("no_fingerprints")
    pod = await rent()
    assert pod["ssh"]["direct"] is not None
    said = [data["line"] for _, data in await lines(raw, pod["id"], 3, source="container")]
    assert said == ["Pod Started", "Setting up SSH...", "Start script(s) finished, Pod is ready to use."]


async def test_the_image_arrives_line_by_line(
    raw: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> None:
    pod = (await raw.post("/v2/pods", json=body())).json()["id"]
    await emulator.advance(2.5)
    early = [data["line"] for _, data in await lines(raw, pod, 4, source="system")]
    assert early[2] == "1.0.2-cu1281-torch280-ubuntu2404 Pulling from runpod/pytorch"
    assert early[3].endswith("1.98GB/7.90GB")
    await emulator.advance(60)
    late = [data["line"] for _, data in await lines(raw, pod, 2, source="system", tail="2")]
    assert late[0] == f"Status: Downloaded newer image for {body()['image']}"
    assert late[1].startswith("start container")


async def test_resuming_loses_nothing_and_repeats_nothing(
    raw: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    pod = (await rent())["id"]
    for number in range(6):
        events.happen(emulator.world, "log_line", pod=pod, text=f"line {number}")
    first = await lines(raw, pod, 2, source="container", tail="6")
    cursor = {"Last-Event-ID": first[-1][0]}
    rest = await lines(raw, pod, 4, cursor, source="container", tail="0")
    assert [data["line"] for _, data in first + rest] == [f"line {number}" for number in range(6)]
    await emulator.advance(1)
    events.happen(emulator.world, "log_line", pod=pod, text="later")
    since = await lines(raw, pod, 1, source="container", since=emulator.world.now.isoformat())
    assert [data["line"] for _, data in since] == ["later"]


async def test_a_stream_lives_until_the_pod_is_gone(
    raw: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    pod = (await rent())["id"]
    said = []
    async with raw.stream("GET", f"/v2/pods/{pod}/logs", params={"tail": "0"}) as stream:
        incoming = stream.aiter_lines()
        events.happen(emulator.world, "log_line", pod=pod, text="[bold]\x1b[31m$(x)")
        async for line in incoming:
            if line.startswith("data: "):
                said.append(json.loads(line.removeprefix("data: "))["line"])
                events.happen(emulator.world, "deleted_elsewhere", pod=pod)
    assert said == ["[bold]\x1b[31m$(x)"]


async def test_a_stream_that_breaks_off(
    raw: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    pod = (await rent())["id"]
    emulator.world.faults.arm("log_cut", lines=3)
    assert len(await lines(raw, pod, 99, tail="5")) == 3


async def test_what_a_stream_cannot_do(raw: httpx.AsyncClient, rent: Callable[..., Any]) -> None:
    pod = (await rent())["id"]
    for query in ({"source": "stdout"}, {"tail": "5001"}, {"tail": "x"}, {"since": "yesterday"}):
        assert (await raw.get(f"/v2/pods/{pod}/logs", params=query)).status_code == 422
