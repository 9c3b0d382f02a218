"""An agent in this process that only has the datastore's requests. They are the real ones, and read real files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import AgentHello
from labeltui.hosts.agent.remote.agent import problem_of
from labeltui.hosts.agent.remote.studies import Studies

HELLO = AgentHello("1", "3.11", "Linux", "memory", "root", "/root", "b", 1, 0.0, 1, 0)


class StudiesChannel:
    """The channel to the agent.

    ``requests`` counts each operation; ``sent`` is the number of bytes that the agent has sent.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self.studies = Studies(self._send)
        self.requests: list[str] = []
        self.sent = 0

    def _send(self, message: dict[str, Any], bulk: bool = False) -> None:
        line = json.dumps(message).encode() + b"\n"
        self.sent += len(line)
        self._loop.call_soon_threadsafe(self._lines.put_nowait, line)

    async def read(self) -> bytes:
        """The next message."""
        return await self._lines.get()

    async def write(self, data: bytes) -> None:
        """Start a request, which runs in a thread of its own."""
        task = asyncio.create_task(self._answer(json.loads(data)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: dict[str, Any]) -> None:
        number, op = request.pop("id", None), request.pop("op")
        self.requests.append(op)
        operation = getattr(self.studies, op.removeprefix("studies."))
        try:
            answer: dict[str, Any] = {"ok": await asyncio.to_thread(operation, **request)}
        except Exception as error:
            answer = {"error": problem_of(error).document}
        if number is not None:
            self._send({"id": number, **answer})

    async def wait(self) -> int:
        """Wait forever: the agent never ends by itself."""
        return 0

    def stderr_tail(self) -> bytes:
        """Return nothing, because the agent prints nothing."""
        return b""

    async def close(self) -> None:
        """End the watch of the datastore."""
        if self.studies.newest is not None:
            self.studies.newest.end()
        self._lines.put_nowait(b"")


@asynccontextmanager
async def studies_agent() -> AsyncIterator[tuple[AgentClient, StudiesChannel]]:
    """A client of such an agent, and its channel."""
    channel = StudiesChannel()
    agent = AgentClient(channel, HELLO, b"")
    try:
        yield agent, channel
    finally:
        await agent.close()
