"""A run's stdout and its app.log through the real agent: one log, whole, whatever is done to the connection."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labeltui.domain.state import Identity, SessionState
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.local import LocalHost
from labeltui.session.log import feed as logfeed
from labeltui.session.log.feed import AppLog
from labeltui.session.log.store import UNREAD, LogStore
from labeltui.session.runtime.store import Store
from labeltui.session.server.process import JOB, ServerWatch

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
TRACEBACK = b'Traceback (most recent call last):\n  File "x.py"\nValueError: no\n'


def said(second: int, message: str, logger: str = "monailabel.x") -> bytes:
    return f"[2026-11-23 17:00:{second:02},000] [1] [T] [INFO] ({logger}:1) - {message}\n".encode()


class Rig:
    """A host with an agent, a run whose files the test writes, and a watch that reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app_log = folder / "app" / "logs" / "app.log"
        self.app_log.parent.mkdir(parents=True)
        self.log = LogStore()
        self.watch = ServerWatch(Store(SessionState(Identity("p"))), self.log, lambda: NOW, lambda: None)
        self.host = LocalHost()
        self.stdout = Path()
        self._agent: AgentClient | None = None
        self._attached: asyncio.Task[None] | None = None

    async def connect(self) -> AgentClient:
        self._agent = await start_agent(self.host, str(self.folder))
        return self._agent

    async def begin(self) -> None:
        """Start a run as ``server start`` does, and watch it."""
        agent = await self.connect()
        meta = await AppLog(str(self.app_log)).to_meta(agent)
        job = await agent.job_start(JOB, ["sleep", "600"], meta=meta)
        assert job.log_path is not None
        self.stdout = Path(job.log_path)
        self.attach()

    def attach(self) -> None:
        assert self._agent is not None
        self._attached = asyncio.create_task(self.watch.attach(self._agent))

    async def drop(self) -> None:
        """The connection goes."""
        if self._agent is not None:
            await self._agent.close()
        if self._attached is not None:
            await asyncio.gather(self._attached, return_exceptions=True)
            self.watch.host_lost("reset")
        self._agent = self._attached = None

    def write(self, data: bytes, *, stdout: bool = True, app_log: bool = True) -> None:
        for path, wanted in ((self.stdout, stdout), (self.app_log, app_log)):
            if wanted:
                with path.open("ab") as file:
                    file.write(data)

    def rotate(self) -> None:
        for number in range(9, 0, -1):
            older = Path(f"{self.app_log}.{number}")
            if older.exists():
                older.rename(f"{self.app_log}.{number + 1}")
        self.app_log.rename(f"{self.app_log}.1")
        self.app_log.touch()

    async def until(self, holds: Callable[[], bool]) -> None:
        changed = asyncio.Event()
        unsubscribe = self.log.subscribe(changed.set)
        try:
            async with asyncio.timeout(20):
                while not holds():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            pytest.fail(f"not merged: {self.log.bytes()!r}")
        finally:
            unsubscribe()

    async def close(self) -> None:
        await self.drop()
        await self.host.close()
        for path in self.folder.rglob("jobs/*.json"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(json.loads(path.read_text())["pgid"], signal.SIGKILL)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(logfeed, "GRACE_S", 0.05)
    monkeypatch.setattr(logfeed, "AGAIN_S", 0.05)
    made = Rig(tmp_path / "pod folder")
    await made.host.connect()
    yield made
    await made.close()


async def test_each_line_once_and_named(rig: Rig) -> None:
    rig.app_log.write_bytes(said(0, "of another run"))
    await rig.begin()
    twice = said(1, "twice")
    rig.write(twice + twice + said(2, "both"))
    rig.write(said(3, "Exception in ASGI application", "uvicorn.error") + TRACEBACK, app_log=False)
    rig.write(said(4, "child's") + b"  goes on\n", stdout=False)
    rig.write(said(5, "last"))
    await rig.until(lambda: b"last" in rig.log.bytes() and b"goes on" in rig.log.bytes())
    stored = rig.log.lines(0, rig.log.line_count)
    assert sorted(stored) == sorted(
        (twice + twice + said(2, "both") + said(3, "Exception in ASGI application", "uvicorn.error") + TRACEBACK
         + said(4, "child's") + b"  goes on\n" + said(5, "last")).splitlines()
    )  # fmt: skip
    sources = {line: rig.log.source_of(number) for number, line in enumerate(stored)}
    assert {line for line, source in sources.items() if source == "app.log"} == {
        said(4, "child's")[:-1], b"  goes on"
    }  # fmt: skip
    assert sources[b"ValueError: no"] == "stdout"


async def test_a_console_that_comes_later_sees_all_in_order(rig: Rig) -> None:
    await rig.begin()
    await rig.drop()
    rig.write(said(1, "both"))
    rig.write(said(2, "child's"), stdout=False)
    rig.write(said(3, "uvicorn's", "uvicorn.error"), app_log=False)
    rig.write(said(4, "both"))
    await rig.connect()
    rig.attach()
    await rig.until(lambda: rig.watch.caught_up and rig.log.line_count == 4)
    assert rig.log.bytes() == (
        said(1, "both") + said(2, "child's") + said(3, "uvicorn's", "uvicorn.error") + said(4, "both")
    )
    assert rig.log.late == ()


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled_by_drops_and_rotation_and_marks_heal(rig: Rig) -> None:
    await rig.begin()
    written, only = [], []
    for number in range(12):
        data = said(number, f"line {number}")
        rig.write(data)
        written.append(data)
        if number % 3 == 0:
            extra = said(number, f"child's {number}")
            rig.write(extra, stdout=False)
            only.append(extra)
        if number % 4 == 3:
            size = sum(map(len, written))
            await rig.until(lambda size=size: rig.log.size >= size - 100)  # type: ignore[misc]
            await rig.drop()
            extra = said(number, f"child's {number}, just before app.log is rotated")
            rig.write(extra, stdout=False)
            only.append(extra)
            rig.rotate()
            await rig.connect()
            rig.attach()
    await rig.until(
        lambda: rig.log.line_count == len(written) + len(only) and all(m.back_at for m in rig.log.marks)
    )
    stored = [line + b"\n" for line in rig.log.lines(0, rig.log.line_count)]
    assert sorted(stored) == sorted(written + only)
    assert [line for line in stored if line in written] == written
    assert [mark.back_at is not None for mark in rig.log.marks] == [True] * 3


async def test_an_alert_knows_its_line_among_those_of_both(rig: Rig) -> None:
    lines: list[int] = []
    rig.watch.on_problem.append(lambda _problem, line, _at: lines.append(line))
    await rig.begin()
    rig.write(said(1, "child's"), stdout=False)
    await rig.until(lambda: rig.log.line_count == 1)
    rig.write(b"OSError: [Errno 28] No space left on device\n")
    await rig.until(lambda: bool(lines))
    assert [rig.log.line(line) for line in lines] == [b"OSError: [Errno 28] No space left on device"]


async def test_a_stdout_that_somebody_empties_goes_on(rig: Rig) -> None:
    await rig.begin()
    rig.write(said(1, "before"))
    await rig.until(lambda: rig.log.line_count == 1)
    os.truncate(rig.stdout, 0)
    rig.write(said(2, "after"))
    await rig.until(lambda: rig.log.line_count == 2)
    assert rig.log.bytes() == said(1, "before") + said(2, "after")


async def test_an_app_log_that_cannot_be_read_is_said_and_stdout_goes_on(rig: Rig) -> None:
    rig.app_log.mkdir()
    await rig.begin()
    rig.write(said(1, "printed"), app_log=False)
    await rig.until(lambda: rig.log.line_count == 1 and bool(rig.log.marks))
    assert [mark.why for mark in rig.log.marks] == [UNREAD]
    assert rig.watch.caught_up
    rig.app_log.rmdir()
    rig.write(said(2, "written"), stdout=False)
    await rig.until(lambda: rig.log.line_count == 2)
    assert [mark.why for mark in rig.log.marks] == [UNREAD]
