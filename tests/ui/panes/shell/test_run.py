"""A shell and its terminal begin together, and neither is left behind when the other fails."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from textual.geometry import Size

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.session.connection.shells import Lifetime, OpenShell
from labeltui.ui.panes.shell import run as shell_run
from labeltui.ui.panes.shell.run import ShellRun
from labeltui.ui.panes.shell.words import Phase
from labeltui.ui.widgets.terminal.engine import EngineDied
from tests.ui.fake_session import SilentShell

WITHIN_S = 10.0


class View:
    """What a run needs of its view."""

    def __init__(self) -> None:
        self.room = Size(80, 24)
        self.engine: Any = None
        self.in_tmux = self.live = False

    @property
    def present(self) -> Any:
        return self.engine

    def show_present(self) -> None:
        """It never shows the past."""

    def changed(self) -> None:
        """Nothing is drawn."""


class Terminal:
    died = ""

    def __init__(self) -> None:
        self.closed = False
        self.size = (0, 0)

    def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    async def feed(self, _data: bytes) -> bytes:
        return b""

    def close(self) -> None:
        self.closed = True


class Opening:
    """Terminal and shell, each behind a latch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.terminal, self.shell = Terminal(), SilentShell(b"pod$ ")
        self.terminal_begun, self.shell_begun = asyncio.Event(), asyncio.Event()
        self.terminal_may, self.shell_may = asyncio.Event(), asyncio.Event()
        self.terminal_fails: Exception | None = None
        self.shell_fails: Exception | None = None
        self.view = View()
        self.run = ShellRun(cast(Any, self.view), lambda: None)
        monkeypatch.setattr(shell_run, "start_engine", self._start)

    async def _start(self, *_size: int, history: int) -> Terminal:
        self.terminal_begun.set()
        await self.terminal_may.wait()
        if self.terminal_fails is not None:
            raise self.terminal_fails
        return self.terminal

    async def _open(self, _columns: int, _rows: int) -> OpenShell:
        self.shell_begun.set()
        await self.shell_may.wait()
        if self.shell_fails is not None:
            raise self.shell_fails
        return OpenShell(cast(Any, self.shell), Lifetime.PROXY)

    async def begin(self) -> None:
        """Wait until both have begun."""
        self.run.start(cast(Any, None), self._open, 1000)
        async with asyncio.timeout(WITHIN_S):
            await self.terminal_begun.wait()
            await self.shell_begun.wait()

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not holds():  # noqa: ASYNC110 - the loop's own turns are what is waited for
                await asyncio.sleep(0)


def any_runs(*names: str) -> bool:
    return any(task.get_name() in names for task in asyncio.all_tasks())


@pytest.fixture
async def opening(monkeypatch: pytest.MonkeyPatch) -> Opening:
    return Opening(monkeypatch)


@pytest.mark.parametrize("first", ["terminal", "shell"])
async def test_both_begin_at_once_and_either_may_be_first(opening: Opening, first: str) -> None:
    await opening.begin()
    opening.view.room = Size(100, 30)  # somebody resizes meanwhile
    latches = [opening.terminal_may, opening.shell_may]
    for latch in latches if first == "terminal" else reversed(latches):
        latch.set()
    await opening.until(lambda: opening.run.phase is Phase.LIVE)
    assert opening.view.engine is opening.terminal
    assert opening.terminal.size == (100, 30)
    opening.run.stop()
    await opening.until(opening.shell.gone.is_set)
    assert opening.terminal.closed


@pytest.mark.parametrize("terminal_is_there", [True, False])
async def test_no_terminal_is_left_where_no_shell_opens(opening: Opening, terminal_is_there: bool) -> None:
    opening.shell_fails = Unreachable(Code.NOT_CONNECTED, "The host is not connected.", "Wait.")
    await opening.begin()
    if terminal_is_there:
        opening.terminal_may.set()
        await opening.until(lambda: not any_runs("terminal begins"))
    opening.shell_may.set()
    await opening.until(lambda: not any_runs("shell", "terminal begins"))
    await asyncio.sleep(0)
    assert opening.run.phase is Phase.NONE
    assert opening.view.engine is None
    assert opening.terminal.closed is terminal_is_there


async def test_no_terminal_is_left_when_the_operator_will_not_wait(opening: Opening) -> None:
    await opening.begin()
    opening.run.stop()
    await opening.until(lambda: not any_runs("shell", "terminal begins"))
    assert opening.view.engine is None


async def test_no_shell_is_left_where_no_terminal_starts(opening: Opening) -> None:
    opening.terminal_fails = EngineDied("could not be started")
    await opening.begin()
    opening.terminal_may.set()
    opening.shell_may.set()
    await opening.until(lambda: opening.run.phase is Phase.EXITED)
    await opening.until(opening.shell.gone.is_set)
    assert "could not be started" in opening.run.ended
