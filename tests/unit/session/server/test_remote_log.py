"""A server that somebody else started shows its app.log: new bytes only, rotation and failures marked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.domain.problems import Unreachable
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import ServerState
from labeltui.monailabel.client import LogChunk, _chunk
from labeltui.monailabel.http import Answer
from labeltui.session.log.store import HALVED, LogStore
from labeltui.session.runtime.store import Store
from labeltui.session.server import remote_log as foundlog
from labeltui.session.server.process import ServerWatch
from labeltui.session.server.remote_log import RemoteLog
from tests.fakes.store import put
from tests.virtual_time import in_virtual_time

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


class File:
    """``app.log`` as the server gives it."""

    def __init__(self) -> None:
        self.data, self.asked, self.fails = b"one\ntwo\n", list[int](), False

    async def log_from(self, offset: int) -> LogChunk:
        self.asked.append(offset)
        if self.fails:
            raise Unreachable("gone", "Nobody answers.", "Wait.")
        if offset > len(self.data):
            return LogChunk(0, self.data, len(self.data), restarted=True)
        return LogChunk(offset, self.data[offset:], len(self.data))


class Ranged(File):
    """The same over HTTP: 206 and 416, or always the whole file."""

    def __init__(self) -> None:
        super().__init__()
        self.data, self.heeds = b"", True

    async def log_from(self, offset: int) -> LogChunk:
        if self.fails:
            raise Unreachable("gone", "Nobody answers.", "Wait.")
        size = len(self.data)
        if not self.heeds:
            return _chunk(Answer("logs", 200, httpx.Headers(), self.data), offset)
        if offset >= size:
            return _chunk(
                Answer("logs", 416, httpx.Headers({"content-range": f"bytes */{size}"}), b""), offset
            )
        return _chunk(Answer("logs", 206, httpx.Headers(), self.data[offset:]), offset)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foundlog, "OVERLAP", 5)


def running(run_id: str | None) -> Reading[ServerStatus]:
    return Reading(ServerStatus(ServerState.RUNNING, "http://127.0.0.1:8000", None, run_id=run_id), NOW)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while True:
            if holds():
                return
            await asyncio.sleep(0.1)


@in_virtual_time
async def test_what_is_new_comes_and_what_breaks_is_marked() -> None:
    store, log, file = Store(SessionState(Identity("p"))), LogStore(), File()
    watch = ServerWatch(store, log, lambda: NOW, lambda: None)
    lines: list[int] = []
    watch.on_problem.append(lambda _problem, line, _at: lines.append(line))
    task = asyncio.create_task(RemoteLog(store, watch, lambda: file).run())  # type: ignore[arg-type,return-value]
    try:
        await asyncio.sleep(0)
        assert (file.asked, log.run_id) == ([], None), "nothing is asked of a server that is not there"
        put(store, server=running(None))
        await until(lambda: log.size == 8)
        assert (log.source, log.lines(0, 9)) == ("app.log", [b"one", b"two"])
        file.data += b"OSError: No space left on device\n"
        await until(lambda: log.line_count == 3)
        assert lines == [2], "it is read for its meaning, like stdout"
        assert 3 in file.asked, "only what is new is asked for, and a little to know the file by"

        file.fails = True
        await until(lambda: log.marks)
        assert (log.marks[0].line, log.marks[0].back_at, log.marks[0].why) == (3, None, "Nobody answers.")
        file.fails = False
        await until(lambda: log.marks[0].back_at is not None)

        file.data = b"three\n"
        await until(lambda: log.line_count == 4)
        assert log.line(3) == b"three"
        assert [mark.why for mark in log.marks[1:]] == [HALVED]
        file.data += b"four\n"
        await until(lambda: log.line_count == 5)

        put(store, server=running("r1"))
        watch.begin("r1", "/log")
        before = len(file.asked)
        await asyncio.sleep(600)
        assert len(file.asked) == before, "labeltui's own server is followed by its stdout"
        assert (log.size, log.source) == (0, "")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@in_virtual_time
async def test_a_server_that_was_away_goes_on_where_it_was() -> None:
    store, log, file = Store(SessionState(Identity("p"))), LogStore(), File()
    watch = ServerWatch(store, log, lambda: NOW, lambda: None)
    task = asyncio.create_task(RemoteLog(store, watch, lambda: file).run())  # type: ignore[arg-type,return-value]
    try:
        put(store, server=running(None))
        await until(lambda: log.size == 8)
        generation = log.generation
        put(store, server=Reading(ServerStatus(ServerState.STOPPED, None, None), NOW))
        file.data += b"three\n"
        await asyncio.sleep(600)
        put(store, server=running(None))
        await until(lambda: log.line_count == 3)
        assert (log.generation, log.lines(0, 9)) == (generation, [b"one", b"two", b"three"])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


OPERATIONS = st.lists(
    st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from(["rotate", "poll_once", "fail", "older"])),
    max_size=30,
)


@given(OPERATIONS)
@settings(max_examples=100, deadline=None)
async def test_what_is_stored_is_what_was_written(operations: list[bytes | str]) -> None:
    """Whether the server heeds ranges or sends the whole file, and whatever bytes it writes."""
    store, log, file = Store(SessionState(Identity("p"))), LogStore(), Ranged()
    put(store, server=running(None))
    watch = ServerWatch(store, log, lambda: NOW, lambda: None)
    watch.begin_remote("app.log")
    asking = RemoteLog(store, watch, lambda: file)  # type: ignore[arg-type,return-value]
    written, rotations = b"", 0

    async def poll_once() -> None:
        nonlocal rotations
        before = log.size
        await asking.poll()
        if log.size == before:  # another file: it is asked for from its start
            await asking.poll()

    for number, operation in enumerate(operations):
        if isinstance(operation, bytes):
            data = operation + b"<%03d>" % number  # no two files have the same overlap
            file.data += data
            written += data
        elif operation == "rotate":
            await poll_once()
            file.data = b""
            rotations += 1
        elif operation == "poll_once":
            await poll_once()
        else:
            file.fails, file.heeds = operation == "fail", operation != "older"
            await poll_once()
            file.fails = False
    await poll_once()
    assert log.bytes() == written
    assert sum(mark.why == HALVED for mark in log.marks) <= rotations
