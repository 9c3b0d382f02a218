"""The console's end of the agent against one that sends anything at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import AgentHello

HELLO = AgentHello("1", "3.11", "Linux", "pod", "me", "/root", "b", 5, 0.0, 2, 0)
Answers = Callable[[dict[str, Any]], Any]
Ask = Callable[[AgentClient], Awaitable[Any]]


class Channel:
    """The agent's streams: ``answers`` gives the message that follows a request, or bytes as they are."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.asked: list[dict[str, Any]] = []
        self.was_asked = asyncio.Event()
        self.answers: Answers = lambda request: {"id": request["id"], "ok": {}}

    def say(self, message: Any) -> None:
        self.lines.put_nowait(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")

    async def read(self, limit: int = 65536) -> bytes:
        return await self.lines.get()

    async def write(self, data: bytes) -> None:
        request = json.loads(data)
        self.asked.append(request)
        self.was_asked.set()
        if "id" in request and (answer := self.answers(request)) is not None:
            self.say(answer)

    async def wait(self) -> int:
        return 0

    def stderr_tail(self) -> bytes:
        return b"Traceback\nMemoryError: [red]\n"

    async def close(self) -> None:
        self.lines.put_nowait(b"")


@pytest.fixture
async def channel() -> Channel:
    return Channel()


@pytest.fixture
async def agent(channel: Channel) -> AsyncIterator[AgentClient]:
    made = AgentClient(channel, HELLO, b"")
    yield made
    await made.close()


ODD = [None, 3, "text", [], {}, {"name": 3, "state": "dancing"}, {"labels": [[]], "root": 1}, {"jobs": {}}]
ASKS: dict[str, Ask] = {
    "job_status": lambda agent: agent.job_status("server"),
    "job_list": lambda agent: agent.job_list(),
    "stat": lambda agent: agent.stat("/x"),
    "read": lambda agent: agent.read("/x"),
    "sha256": lambda agent: agent.sha256("/x"),
    "orphans": lambda agent: agent.orphans(),
    "preflight": lambda agent: agent.preflight(folder="", app="", studies="", port=1),
    "list_labels": lambda agent: agent.list_labels("/x"),
    "sum_labels": lambda agent: agent.sum_labels("/x", [("a", "b")]),
}


@pytest.mark.parametrize("ask", ASKS)
async def test_answers_of_unexpected_types_are_failures_in_words(
    agent: AgentClient, channel: Channel, ask: str
) -> None:
    for odd in ODD:
        channel.answers = lambda request, odd=odd: {"id": request["id"], "ok": odd}
        with pytest.raises(Failed) as caught:
            await ASKS[ask](agent)
        assert caught.value.problem.code == "agent_garbled", odd
        assert caught.value.problem.hint.endswith(".")


@pytest.mark.parametrize("error", [3, [], "text", {"code": 4}, {"message": ["x"], "detail": {}}])
async def test_failures_of_unexpected_types_are_failures_too(
    agent: AgentClient, channel: Channel, error: object
) -> None:
    channel.answers = lambda request: {"id": request["id"], "error": error}
    with pytest.raises(Failed):
        await agent.ping()


@pytest.mark.parametrize(
    "noise",
    [
        b"\xff\xfe\n",
        b"[]\n",
        b"3\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b'{"id": []}\n',
        b'{"id": 99, "ok": 1}\n',
    ],
)
async def test_lines_that_are_no_answer_are_passed_over(
    agent: AgentClient, channel: Channel, noise: bytes
) -> None:
    channel.say(noise)
    assert await agent.ping() >= 0


@pytest.mark.parametrize(
    "event",
    [
        {"ev": "job", "name": "server", "state": "dancing"},
        {"ev": "job"},
        {"ev": "stopping", "name": "server", "phase": "term"},
        {"ev": "metrics", "gpus": 3},
        {"ev": "metrics", "gpus": [{"index": "x"}]},
    ],
)
async def test_events_that_cannot_be_read_end_the_connection_and_say_so(
    agent: AgentClient, channel: Channel, event: dict[str, Any]
) -> None:
    channel.say(event)
    assert "can't be read" in await agent.lost()
    with pytest.raises(Unreachable):
        await agent.ping()


@pytest.mark.parametrize("data", ["not base64!", None, 3])
async def test_bytes_that_are_none_end_the_connection(
    agent: AgentClient, channel: Channel, data: object
) -> None:
    follow = agent.follow("/x")
    waiting = asyncio.ensure_future(anext(follow))
    await channel.was_asked.wait()
    key = channel.asked[-1]["key"]
    chunk = {"ev": "chunk", "key": key, "path": "/x", "file_id": "1", "offset": 0, "at_end": True}
    channel.say({**chunk, "data": data})
    with pytest.raises(LabeltuiError) as caught:
        await waiting
    assert "not base64" in caught.value.problem.message


async def test_labels_come_in_as_many_pages_as_there_are(agent: AgentClient, channel: Channel) -> None:
    def label(name: str) -> dict[str, Any]:
        return {"tag": "final", "name": name, "size": 1, "mtime_ns": 10**18 + 1, "sha256": None}

    def answers(request: dict[str, Any]) -> dict[str, Any]:
        first = request["after"] is None
        page = [label("a")] if first else [label("b")]
        after = ["final", "a" if first else "b"]
        page_answer = {"root": "/l", "now_ns": 5, "labels": page, "after": after, "more": first}
        return {"id": request["id"], "ok": page_answer}

    channel.answers = answers
    listing = await agent.list_labels("/s", [("final", "a")])
    assert [label.name for label in listing.labels] == ["a", "b"]
    assert listing.labels[0].mtime_ns == 10**18 + 1
    assert [asked["after"] for asked in channel.asked] == [None, ["final", "a"]]
    assert channel.asked[0]["only"] == [["final", "a"]]


async def test_a_program_that_nobody_waits_for_is_stopped(agent: AgentClient, channel: Channel) -> None:
    channel.answers = lambda _: None
    running = asyncio.ensure_future(agent.run_program("python", "source", {"a": 1}, wall_s=5.0))
    await channel.was_asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    begun, stopped = channel.asked
    assert (begun["op"], begun["arguments"], begun["wall_s"]) == ("program.run", {"a": 1}, 5.0)
    assert stopped == {"op": "program.stop", "key": begun["key"]}


async def test_why_a_program_failed_comes_with_its_evidence(agent: AgentClient, channel: Channel) -> None:
    error = {"code": "program_failed", "message": "It failed.", "hint": "", "detail": "Traceback [red]"}
    channel.answers = lambda request: {"id": request["id"], "error": error}
    with pytest.raises(Failed) as caught:
        await agent.run_program("python", "source")
    assert (caught.value.problem.code, caught.value.problem.detail) == ("program_failed", "Traceback [red]")
    assert [asked["op"] for asked in channel.asked] == ["program.run"]


async def test_the_agents_last_words_say_why_it_ended(agent: AgentClient, channel: Channel) -> None:
    await channel.close()
    assert await agent.lost() == "The agent ended: MemoryError: [red]"
