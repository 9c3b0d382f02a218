"""The console with a shell that prints hostile bytes; started by tests.bench.fuzz.

``python -m tests.bench.fuzzed_console KILOBYTES SEED ANSWER`` writes its measurements to the file ANSWER.
"""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_FPS", "240")  # as labeltui does, before Textual is imported

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from textual import events

from labeltui.ui.app import Console
from labeltui.ui.panes.shell.pane import Phase, ShellPane
from tests.bench.cost import resident_kib, write_answer
from tests.terminal.hostile_output import pieces
from tests.ui.fake_session import NOW, FakeSession, connected

# All that may be written to the shell while nobody types: known answers, and focus reports.
ANSWERS = re.compile(
    rb"(\x1b\[\d+;\d+R|\x1b\[0n|\x1b\[[?>]?[\d;]+c|\x1bP!\|0{8}\x1b\\|\x1bP>\|labeltui\x1b\\|\x1b\[\??\d+;\d\$y|\x1b\[[IO])*"
)
TICK_S = 0.005
BLOCKED_S = 0.1


class HostileShell:
    """A shell that sends ``stream`` as fast as it is read, then nothing more."""

    def __init__(self, stream: Iterator[bytes], measured: dict[str, Any], over: asyncio.Event) -> None:
        self._stream, self._measured, self._over = stream, measured, over
        self._gone = asyncio.Event()
        self._left = b""

    async def read(self, limit: int = 65536) -> bytes:
        if not self._left:
            self._left = next(self._stream, b"")
        if not self._left:
            self._over.set()
            await self._gone.wait()
        piece, self._left = self._left[:limit], self._left[limit:]
        self._measured["fed"] += len(piece)
        return piece

    def write(self, data: bytes) -> None:
        self._measured["answered"] += len(data)
        if not ANSWERS.fullmatch(data):
            self._measured["typed"].append(repr(data[:60]))

    def resize(self, columns: int, rows: int) -> None:
        """Ignore the size."""

    async def wait(self) -> int | None:
        return 0

    async def close(self) -> None:
        self._gone.set()


class Session(FakeSession):
    """A session whose shells continue one stream."""

    def __init__(self, *arguments: Any, size: int, seed: int) -> None:
        super().__init__(*arguments)
        self.measured: dict[str, Any] = {
            "fed": 0, "answered": 0, "typed": [], "deaths": [], "shells": 0, "held_s": 0.0, "own_s": 0.0, "over": 0,
            "grown_kib": 0, "helper_kib": 0, "engine": "",
        }  # fmt: skip
        self.over, self.opened = asyncio.Event(), asyncio.Event()
        self._stream = pieces(seed, size)

    async def open_shell(self, columns: int, rows: int, *_: Any, **__: Any) -> HostileShell:
        self.measured["shells"] += 1
        self.opened.set()
        return HostileShell(self._stream, self.measured, self.over)


async def measure_stalls(measured: dict[str, Any]) -> None:
    """Measure the longest stall of the event loop: in wall time and in its own CPU time."""
    while True:
        started, own = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK_S)
        late, used = time.perf_counter() - started - TICK_S, time.thread_time() - own
        measured["held_s"], measured["own_s"] = max(measured["held_s"], late), max(measured["own_s"], used)
        measured["over"] += late > BLOCKED_S


async def measure_memory(measured: dict[str, Any]) -> None:
    """Measure the largest growth of this process, and the largest memory of its helper."""
    me, start = psutil.Process(), resident_kib() or 0
    while True:
        await asyncio.sleep(0.5)
        measured["grown_kib"] = max(measured["grown_kib"], (resident_kib() or 0) - start)
        with contextlib.suppress(psutil.NoSuchProcess):
            sizes = [child.memory_info().rss >> 10 for child in me.children()]
            measured["helper_kib"] = max([measured["helper_kib"], *sizes])


async def operate(app: Console, session: Session, answer: Path) -> None:
    """Scroll back now and then, cancel dialogs, and open a new shell when one has died."""
    measured = session.measured
    await session.opened.wait()
    pane = app.panes["shell"]
    assert isinstance(pane, ShellPane)
    app.post_message(events.Key("2", "2"))
    await asyncio.sleep(0.5)
    tasks = [asyncio.create_task(watch(measured)) for watch in (measure_stalls, measure_memory)]
    turn = 0
    while not session.over.is_set():
        await asyncio.sleep(0.1)
        turn += 1
        if app.screen is not app.frame_screen:
            app.post_message(events.Key("escape", "\x1b"))
        elif pane.phase is Phase.EXITED:
            if pane.view.engine is not None:
                measured["deaths"].append(pane.view.engine.died)
            app.post_message(events.Key("enter", "\r"))
            await asyncio.sleep(0.3)
        elif turn % 10 < 2:
            pane.view.scroll_back(-50 if turn % 10 == 0 else 50)
    for task in tasks:
        task.cancel()
    measured["engine"] = "" if pane.view.engine is None else pane.view.engine.name
    write_answer(answer, measured)
    app.exit()


def main(size: int, seed: int, answer: Path) -> None:
    session = Session(connected(), size=size, seed=seed)
    app = Console(session=session, clock=lambda: NOW)
    task: list[asyncio.Task[None]] = []

    def ready() -> None:
        task.append(asyncio.create_task(operate(app, session, answer)))
        task[0].add_done_callback(lambda done: done.exception() and app.exit(message=repr(done.exception())))

    app.call_later(ready)
    app.run()


if __name__ == "__main__":
    main(int(sys.argv[1]) * 1000, int(sys.argv[2]), Path(sys.argv[3]))
