"""One connection to an agent: requests, their answers, and events."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.hosts.agent.bootstrap import DEADLINE_S
from labeltui.hosts.agent.messages import AgentHello
from labeltui.hosts.agent.parsing import failure_of, garbled, json_object
from labeltui.hosts.base import Channel

LONGEST_LINE = 8 << 20


class AgentConnection:
    """The protocol with one agent. Every method raises LabeltuiError; ``Unreachable`` if the connection is lost."""

    def __init__(self, channel: Channel, hello: AgentHello, rest: bytes) -> None:
        self.hello = hello
        self._channel = channel
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._write_lock = asyncio.Lock()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(rest), name="agent reader")

    def _event(self, kind: str, message: dict[str, Any]) -> None:
        """Handle an event. Raises Failed for a malformed one, which ends the connection."""
        raise NotImplementedError

    def _on_end(self) -> None:
        """Called once when the connection has ended."""

    async def _read(self, buffered: bytes) -> None:
        reason = "The agent ended."
        try:
            pending = bytearray(buffered)
            while True:
                *lines, rest = bytes(pending).split(b"\n")
                for line in lines:
                    self._receive(line)
                pending = bytearray(rest)
                data = await self._next(pending)
                if not data:
                    said = self._channel.stderr_tail().decode("utf-8", "replace").strip().splitlines()
                    reason = f"The agent ended: {said[-1]}" if said else "The connection to the agent ended."
                    break
        except LabeltuiError as error:
            reason = error.problem.message
        except asyncio.CancelledError:
            reason = "The connection to the agent was closed."
            raise
        finally:
            self._end(reason)

    async def _next(self, pending: bytearray) -> bytes:
        """Read until ``pending`` holds a whole line. Returns the last bytes read; empty at the end of the stream."""
        while True:
            data = await self._channel.read()
            pending += data
            if not data or b"\n" in data:
                return data
            if len(pending) > LONGEST_LINE:
                raise Unreachable(
                    Code.AGENT_GARBLED, "The agent sent a line that is too long.", "Connect again."
                )

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self._gone())
        self._waiting.clear()
        self._on_end()

    def _gone(self) -> Unreachable:
        return Unreachable(Code.AGENT_LOST, self._ended.result(), "Try again once the host is connected.")

    def _receive(self, line: bytes) -> None:
        message = json_object(line)
        if message is None:
            return  # not a message; if an answer is lost, the request fails at its deadline
        if "ev" in message:
            self._event(str(message["ev"]), message)
            return
        number, error, answer = message.get("id"), message.get("error"), message.get("ok")
        future = self._waiting.pop(number, None) if isinstance(number, int) else None
        if future is None or future.done():
            return
        if error is not None:
            future.set_exception(failure_of(error))
        elif isinstance(answer, dict):
            future.set_result(answer)
        else:
            future.set_exception(garbled("an answer that is not a JSON object"))

    async def _write(self, message: Mapping[str, Any]) -> None:
        if self._ended.done():
            raise self._gone()
        async with self._write_lock:
            await self._channel.write(json.dumps(message).encode() + b"\n")

    async def request(self, op: str, *, deadline_s: float = DEADLINE_S, **arguments: Any) -> dict[str, Any]:
        """Send a request and return its answer. Raises the agent's error as Failed, or Failed ``agent_slow``."""
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(deadline_s):
                await self._write({"id": number, "op": op, **arguments})
                return await future
        except TimeoutError:
            raise Failed(
                Code.AGENT_SLOW, f"The agent did not answer within {deadline_s:g} s.", "Try again."
            ) from None
        finally:
            self._waiting.pop(number, None)
            if future.done() and not future.cancelled():
                future.exception()  # marks an error after the deadline as retrieved, since nothing awaits it

    async def lost(self) -> str:
        """Wait until the connection has ended; returns the reason as a sentence."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Close the connection; jobs keep running. May be called twice."""
        self._reader.cancel()
        await asyncio.wait([self._reader])
        self._end("The connection to the agent was closed.")  # a reader that never ran has set no reason
        await self._channel.close()

    async def ping(self) -> float:
        """Return the round-trip time in seconds."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        await self.request("ping")
        return loop.time() - before
