"""A pod's log as it comes: resumed where it broke, ended where no waiting helps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from labeltui.domain.pod.pod import PodLogLine
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod import logs
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from tests.services.runpod.scripted_server import CANARY, Asked, Clock, Server, html, problem, raw, serving

PATH = "GET /v2/pods/abc/logs"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def event(number: int, text: str, source: str = "container") -> bytes:
    at = f"2026-11-23T12:00:{number:02}Z"
    data = json.dumps({"source": source, "line": text, "ts": at})
    return f"id: {at}\ndata: {data}\n\n".encode()


class Stream:
    """Sends its pieces; then closes, or stays silent."""

    def __init__(self, *pieces: bytes, stay: bool = False) -> None:
        self.pieces = pieces
        self.stay = stay

    async def __call__(self, _request: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for piece in self.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if self.stay:
            await asyncio.Event().wait()


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


async def first(lines: AsyncIterator[PodLogLine], count: int) -> list[str]:
    texts: list[str] = []
    async with asyncio.timeout(10):
        async for line in lines:
            texts.append(line.text)
            if len(texts) == count:
                break
    await lines.aclose()  # type: ignore[attr-defined]
    return texts


async def test_no_line_is_lost_or_twice_when_the_stream_breaks(server: Server, client: RunpodClient) -> None:
    half = event(3, "three")
    server.answers[PATH] = [
        Stream(event(1, "one"), event(2, "two"), half[:20]),
        html(502),
        Stream(event(3, "three"), stay=True),
    ]
    assert await first(client.follow_logs("abc", "system", tail=7), 3) == ["one", "two", "three"]
    assert server.asked[0].target == "/v2/pods/abc/logs?tail=7&source=system"
    assert "last-event-id" not in server.asked[0].headers
    assert [request.headers["last-event-id"] for request in server.asked[1:]] == ["2026-11-23T12:00:02Z"] * 2


async def test_lines_cut_anywhere_are_whole(server: Server, client: RunpodClient) -> None:
    whole = event(1, "ü💡\u2028x") + b": keep\r\n\r\n" + event(2, "two").replace(b"\n", b"\r\n")
    server.answers[PATH] = Stream(*(whole[at : at + 1] for at in range(len(whole))), stay=True)
    assert await first(client.follow_logs("abc"), 2) == ["ü💡\u2028x", "two"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(401, "no"), "runpod_key_refused"),
        (problem(403, "no"), "runpod_key_scope"),
        (problem(404, "pod not found"), "runpod_pod_gone"),
        (raw(410), "runpod_api_off"),
    ],
)
async def test_what_no_waiting_helps_against_ends_it(
    server: Server, client: RunpodClient, answer: bytes, code: str
) -> None:
    server.answers[PATH] = answer
    with pytest.raises(LabeltuiError) as caught:
        await first(client.follow_logs("abc"), 1)
    assert caught.value.problem.code == code


async def test_the_lines_there_are_now(
    server: Server, client: RunpodClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "SETTLED_S", 0.2)
    server.answers[PATH] = Stream(event(1, "one"), b"data: nonsense\n\n", event(2, "two"), stay=True)
    assert [line.text for line in await client.recent_logs("abc")] == ["one", "two"]


async def test_a_log_that_is_empty(
    server: Server, client: RunpodClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FIRST_S", 0.2)
    server.answers[PATH] = Stream(stay=True)
    assert await client.recent_logs("abc") == ()


async def test_a_line_without_end_does_not_fill_the_memory(
    server: Server, client: RunpodClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LONGEST_LINE", 1000)
    server.answers[PATH] = Stream(b"data: " + b"x" * 10_000, b"\n\n", event(1, "one"), stay=True)
    assert await first(client.follow_logs("abc"), 1) == ["one"]
