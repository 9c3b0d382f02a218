"""The console on a terminal, with a shell that says hostile things: started by tests.bench.fuzz.

``python -m tests.bench.fuzzed KILOBYTES SEED ANSWER``: leaves what it measured in the file ANSWER, and ends.
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
from tests.bench.cost import leave, resident_kib
from tests.terminal.hostile_output import pieces
from tests.ui.fake_session import NOW, FakeSession, connected

# What may be written to a remote while nobody types: answers of known shapes, and where the keyboard is.
SAID = re.compile(
    rb"(\x1b\[\d+;\d+R|\x1b\[0n|\x1b\[[?>]?[\d;]+c|\x1bP!\|0{8}\x1b\\|\x1bP>\|labeltui\x1b\\|\x1b\[\??\d+;\d\$y|\x1b\[[IO])*"
)
TICK_S = 0.005
HELD_S = 0.1


class Hostile:
    """A shell that sends ``stream`` as fast as it is taken; then it is silent."""

    def __init__(self, stream: Iterator[bytes], told: dict[str, Any], over: asyncio.Event) -> None:
        self._stream, self._told, self._over = stream, told, over
        self._gone = asyncio.Event()
        self._left = b""

    async def read(self, limit: int = 65536) -> bytes:
        if not self._left:
            self._left = next(self._stream, b"")
        if not self._left:
            self._over.set()
            await self._gone.wait()
        piece, self._left = self._left[:limit], self._left[limit:]
        self._told["fed"] += len(piece)
        return piece

    def write(self, data: bytes) -> None:
        self._told["answered"] += len(data)
        if not SAID.fullmatch(data):
            self._told["typed"].append(repr(data[:60]))

    def resize(self, columns: int, rows: int) -> None:
        """As big as it likes."""

    async def wait(self) -> int | None:
        return 0

    async def close(self) -> None:
        self._gone.set()


class Session(FakeSession):
    """A session whose every shell goes on in the same stream."""

    def __init__(self, *arguments: Any, size: int, seed: int) -> None:
        super().__init__(*arguments)
        self.told: dict[str, Any] = {
            "fed": 0, "answered": 0, "typed": [], "deaths": [], "shells": 0, "held_s": 0.0, "own_s": 0.0, "over": 0,
            "grown_kib": 0, "helper_kib": 0, "engine": "",
        }  # fmt: skip
        self.over, self.opened = asyncio.Event(), asyncio.Event()
        self._stream = pieces(seed, size)

    async def open_shell(self, columns: int, rows: int, *_: Any, **__: Any) -> Hostile:
        self.told["shells"] += 1
        self.opened.set()
        return Hostile(self._stream, self.told, self.over)


async def held(told: dict[str, Any]) -> None:
    """The longest that the event loop kept others waiting: by the clock, and by what it computed meanwhile."""
    while True:
        started, own = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK_S)
        late, used = time.perf_counter() - started - TICK_S, time.thread_time() - own
        told["held_s"], told["own_s"] = max(told["held_s"], late), max(told["own_s"], used)
        told["over"] += late > HELD_S


async def grown(told: dict[str, Any]) -> None:
    """The most that this process grew, and that a helper took."""
    me, start = psutil.Process(), resident_kib() or 0
    while True:
        await asyncio.sleep(0.5)
        told["grown_kib"] = max(told["grown_kib"], (resident_kib() or 0) - start)
        with contextlib.suppress(psutil.NoSuchProcess):
            sizes = [child.memory_info().rss >> 10 for child in me.children()]
            told["helper_kib"] = max([told["helper_kib"], *sizes])


async def operate(app: Console, session: Session, answer: Path) -> None:
    """As somebody who looks back now and then, refuses what is asked, and brings a new shell when one has died."""
    told = session.told
    await session.opened.wait()
    pane = app.panes["shell"]
    assert isinstance(pane, ShellPane)
    app.post_message(events.Key("2", "2"))
    await asyncio.sleep(0.5)
    tasks = [asyncio.create_task(watch(told)) for watch in (held, grown)]
    turn = 0
    while not session.over.is_set():
        await asyncio.sleep(0.1)
        turn += 1
        if app.screen is not app.frame_screen:
            app.post_message(events.Key("escape", "\x1b"))
        elif pane.phase is Phase.EXITED:
            if pane.view.engine is not None:
                told["deaths"].append(pane.view.engine.died)
            app.post_message(events.Key("enter", "\r"))
            await asyncio.sleep(0.3)
        elif turn % 10 < 2:
            pane.view.look_back(-50 if turn % 10 == 0 else 50)
    for task in tasks:
        task.cancel()
    told["engine"] = "" if pane.view.engine is None else pane.view.engine.name
    leave(answer, told)
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
