"""Read a pod's log as an endless stream of server-sent events, and resume the stream after a break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import httpx

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import PodLogLine
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.runpod.replies import Purpose
from labeltui.runpod.transport import Answer, Transport
from labeltui.runpod.wire import moment
from labeltui.support.backoff import backoff_s

SILENT_S = 120.0  # reopen a stream after this silence: the connection may be dead
SETTLED_S = 0.75  # after this silence the backlog is complete
FIRST_S = 10.0  # longest wait for the first line of the backlog
LONGEST_LINE = 2**20
LONGEST_PAUSE_S = 30.0
WHAT = "the request for the pod's log"


class Events:
    """A parser for server-sent events. Call :meth:`line` for each line, without the line end."""

    def __init__(self) -> None:
        self.last_id = ""
        self._data: list[str] = []
        self._size = 0

    def line(self, text: str) -> str | None:
        """Parse one line. Returns the event's data if ``text`` ends an event, otherwise None."""
        if not text:
            data, self._data, self._size = "\n".join(self._data), [], 0
            return data or None
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if field == "id" and "\0" not in value:
            self.last_id = value
        elif field == "data":
            self._size += len(value)
            if self._size <= LONGEST_LINE:
                self._data.append(value)
        return None


def log_line(data: str, event_id: str = "") -> PodLogLine | None:
    """Convert an event's data to a log line. Returns None for malformed data."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("line"), str):
        return None
    source = document.get("source")
    stamp = document.get("ts")
    return PodLogLine(
        source if isinstance(source, str) else "",
        document["line"].rstrip("\r\n"),
        moment(stamp),
        event_id or (stamp if isinstance(stamp, str) else ""),
    )


async def follow(
    transport: Transport, path: str, source: str | None, *, tail: int = 100, last_id: str = ""
) -> AsyncGenerator[PodLogLine, None]:
    """Yield new lines without end, and reconnect after a break.

    Raises LabeltuiError only for lasting failures, such as a pod that is gone or a refused key.
    """
    failures = 0
    while True:
        try:
            async with aclosing(_stream(transport, path, source, tail, last_id, SILENT_S)) as lines:
                async for line in lines:
                    failures, last_id = 0, line.id or last_id
                    yield line
        except Unreachable:
            failures += 1
        except LabeltuiError as error:
            if error.problem.code != Code.RUNPOD_SERVER_ERROR:
                raise
            failures += 1
        pause = backoff_s(failures + 1, 1.0, LONGEST_PAUSE_S, (0.5, 1.0))
        await transport.sleep(max(transport.blocked_s(), pause))


async def recent(transport: Transport, path: str, source: str | None, *, tail: int) -> tuple[PodLogLine, ...]:
    """Fetch the newest lines: read until the stream is silent or ``tail`` lines have arrived."""
    lines: list[PodLogLine] = []
    async with aclosing(_stream(transport, path, source, tail, "", FIRST_S)) as stream:
        waiting = FIRST_S
        while len(lines) < tail:
            try:
                async with asyncio.timeout(waiting):
                    lines.append(await anext(stream))
            except (TimeoutError, StopAsyncIteration):
                break
            waiting = SETTLED_S
    return tuple(lines)


async def _stream(
    transport: Transport, path: str, source: str | None, tail: int, last_id: str, silent_s: float
) -> AsyncGenerator[PodLogLine, None]:
    params = {"tail": tail} | ({"source": source} if source else {})
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    async with transport.opened(
        "GET", path, WHAT, params=params, headers=headers, quiet_s=silent_s
    ) as response:
        if response.status_code != 200:
            raise transport.problem(
                Answer(WHAT, response.status_code, response.headers, await _body(response)), Purpose.READ_POD
            )
        events = Events()
        async for text in _lines(response):
            data = events.line(text)
            line = log_line(data, events.last_id) if data else None
            if line is not None:
                yield line


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    # Lines end with \n or \r\n; other line separators of Unicode are part of a line.
    rest = b""
    async for chunk in response.aiter_bytes():
        rest += chunk
        complete = rest.replace(b"\r\n", b"\n").split(b"\n")
        rest = complete.pop()
        for line in complete:
            yield line.decode("utf-8", "replace")
        if len(rest) > 2 * LONGEST_LINE:
            rest = b""


async def _body(response: httpx.Response) -> bytes:
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > 2**16:
            break
    return content
