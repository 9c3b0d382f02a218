"""Pane 2 over a real PTY of this machine."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from labeltui.domain.states import LinkState
from labeltui.hosts.base import Shell
from labeltui.hosts.local import LocalHost, LocalShell
from labeltui.ui.app import Console
from labeltui.ui.panes.shell.pane import ShellPane
from labeltui.ui.panes.shell.words import Phase
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from tests.fakes.store import put
from tests.ui.fake_session import NOW, FakeSession, connected, dead, settled, wait_for

SIZE = (120, 40)
PROMPT = "pod$"


class Lossy:
    """A shell whose connection can be cut."""

    def __init__(self, shell: LocalShell) -> None:
        self.shell = shell
        self.cut = False
        self.sizes: list[tuple[int, int]] = []

    async def read(self, limit: int = 65536) -> bytes:
        return b"" if self.cut else await self.shell.read(limit)

    def write(self, data: bytes) -> None:
        self.shell.write(data)

    def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))
        self.shell.resize(columns, rows)

    async def wait(self) -> int | None:
        return None if self.cut else await self.shell.wait()

    async def close(self) -> None:
        await self.shell.close()

    def foreground(self) -> str | None:
        return self.shell.foreground()

    async def lose(self) -> None:
        """As when the network goes: reading ends, and nobody knows how the shell is."""
        self.cut = True
        await self.shell.close()


class WithShell(FakeSession):
    """A session whose host is this machine."""

    def __init__(self, *arguments: Any, home: Path, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.host = LocalHost(env={"HOME": str(home), "PS1": f"{PROMPT} ", "TMPDIR": str(home)})
        self.lossy: list[Lossy] = []
        self.command = "bash --norc --noprofile"

    async def open_shell(self, columns: int, rows: int, command: str | None = None) -> Shell:
        shell = await self.host.shell(columns, rows, command=f"exec env PS1='{PROMPT} ' {self.command}")
        self.lossy.append(Lossy(shell))
        return self.lossy[-1]

    async def close(self) -> None:
        await super().close()
        await self.host.close()


class Desk:
    """The console with its shell, and what the operator does."""

    def __init__(self, pilot: Pilot[Any], app: Console, session: WithShell) -> None:
        self.pilot, self.app, self.session = pilot, app, session
        pane = app.panes["shell"]
        assert isinstance(pane, ShellPane)
        self.pane = pane
        self.later = timedelta()

    @property
    def text(self) -> str:
        return "\n".join(
            self.pane.view.render_line(y).text.rstrip() for y in range(self.pane.view.size.height)
        )

    async def until(self, holds: Callable[[], object], what: str) -> None:
        try:
            await wait_for(self.pilot, holds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.pane.phase} {self.pane.facts}\n{self.text}") from None

    async def sees(self, pattern: str) -> None:
        await self.until(lambda: re.search(pattern, self.text, re.M), f"{pattern!r} on the screen")

    async def prompted(self) -> None:
        """The last line is an empty prompt."""
        await self.until(lambda: self.text.rstrip().endswith(PROMPT), "a prompt")

    async def focus(self) -> None:
        await self.pilot.press("2")
        await self.until(lambda: self.pane.view.has_focus, "the keyboard in the shell")

    async def type(self, line: str) -> None:
        for letter in line:
            self.app.post_message(events.Key(letter, letter))
        await self.pilot.press("enter")

    def host(self, state: LinkState, detail: str = "") -> None:
        """Change the state of the connection."""
        before = self.session.store.state
        status = replace(before.host.value, state=state, detail=detail)
        put(self.session.store, host=before.host.succeeded(status, NOW))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    session = WithShell(connected(), home=tmp_path)
    desks: list[Desk] = []

    def clock() -> datetime:
        return NOW + (desks[0].later if desks else timedelta())

    app = Console(session=session, clock=clock)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        desks.append(Desk(pilot, app, session))
        yield desks[0]


async def test_what_is_typed_runs_and_is_shown(desk: Desk) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("echo $((6*7)) 'été'")
    await desk.sees("^42 été$")
    assert desk.pane.note.startswith("root@203.0.113.7:40022")
    assert "ctrl+] leaves" in desk.pane.facts


async def test_the_remote_has_a_true_size_and_hears_of_another(desk: Desk) -> None:
    await desk.prompted()
    await desk.focus()
    columns, rows = desk.pane.view.size
    assert columns == 80
    await desk.type("stty size")
    await desk.sees(f"^{rows} 80$")
    await desk.pilot.resize_terminal(200, 60)
    await desk.until(lambda: desk.session.lossy[0].sizes, "the new size at the remote")
    await desk.type("clear; stty size")
    columns, rows = desk.pane.view.size
    await desk.sees(f"^{rows} {columns}$")


async def test_every_key_goes_to_the_remote_but_the_one_that_leaves(desk: Desk) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("cat -v")
    await desk.pilot.press("tab", "escape", "q", "question_mark", "ctrl+p", "f5", "shift+tab", "enter")
    await desk.sees(r"\^\[q\?\^P\^\[\[15~\^\[\[Z")
    await desk.pilot.press("ctrl+c")
    await desk.prompted()
    assert desk.pane.view.has_focus
    await desk.pilot.press("ctrl+right_square_bracket")
    await desk.until(lambda: not desk.pane.view.has_focus, "the keyboard elsewhere")
    await desk.pilot.press("question_mark")
    await desk.until(
        lambda: desk.app.screen is not desk.app.frame_screen, "the help, now that keys are ours again"
    )


FULL_SCREEN = r"""
printf '\033[?1049h\033[2J\033[3;5Hin full\033[?25l'; read -r _; printf '\033[?1049l\033[?25h'; echo left
"""


async def test_a_program_with_the_whole_screen_gives_it_back(desk: Desk, tmp_path: Path) -> None:
    script = tmp_path / "full.sh"
    script.write_text(FULL_SCREEN)
    await desk.prompted()
    await desk.focus()
    await desk.type(f"echo before; sh {script}")
    await desk.until(lambda: desk.text.split("\n")[2] == "    in full", "the alternate screen")
    assert "before" not in desk.text
    await desk.pilot.press("enter")
    await desk.sees("^left$")
    await desk.sees("^before$")


@pytest.mark.slow
async def test_a_flood_leaves_the_console_awake_and_ctrl_c_ends_it(desk: Desk) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("yes flood")
    await desk.until(lambda: desk.text.count("flood\n") > 5, "the flood")
    await desk.pilot.press("ctrl+c")
    await desk.prompted()
    await desk.pilot.press("shift+pageup")
    await desk.until(lambda: "rows back" in desk.pane.facts, "the scrollback")
    assert desk.text.count("flood") >= desk.pane.view.size.height - 1
    await desk.type("echo awake")
    await desk.sees("^awake$")


async def test_a_lost_connection_keeps_the_screen_and_the_next_shell_says_it_is_new(desk: Desk) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("echo kept")
    await desk.sees("^kept$")
    desk.host(LinkState.RECONNECTING, "Connection reset by peer")
    await desk.session.lossy[0].lose()
    await desk.until(lambda: desk.pane.phase is Phase.LOST, "the loss")
    await desk.sees("^kept$")
    assert "the connection was lost" in desk.pane.facts
    await desk.pilot.press("x", "q")  # meant for the shell: must not reach the console
    assert desk.app.is_running
    await desk.pilot.press("enter")
    await desk.until(lambda: desk.session.reconnects == 1, "another try at once")
    desk.host(LinkState.CONNECTED)
    desk.later += timedelta(seconds=5)
    desk.app.paint()
    await desk.sees("the connection was lost; this is a new shell")
    await desk.prompted()
    await desk.sees("^kept$")
    await desk.type("echo again")
    await desk.sees("^again$")
    assert len(desk.session.lossy) == 2


async def test_a_shell_that_exits_waits_for_enter(desk: Desk) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("exit 3")
    await desk.until(lambda: "exited with code 3 · enter starts a new one" in desk.pane.facts, "the end")
    assert desk.pane.phase is Phase.EXITED
    desk.later += timedelta(seconds=60)
    desk.app.paint()
    assert len(desk.session.lossy) == 1
    await desk.pilot.press("enter")
    await desk.prompted()
    assert len(desk.session.lossy) == 2


async def test_several_lines_are_asked_about_when_each_would_run(desk: Desk) -> None:
    desk.session.command = "sh"
    await desk.prompted()
    await desk.focus()
    await desk.type("exec cat")  # knows nothing of bracketed paste
    await desk.pilot.press("enter")
    await desk.until(lambda: not desk.pane.view.modes.bracketed_paste, "no bracketed paste")
    desk.app.post_message(events.Paste("one\ntwo\n"))
    await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question")
    await desk.pilot.press("n")
    await desk.until(lambda: desk.app.screen is desk.app.frame_screen, "the answer")
    assert "two" not in desk.text
    desk.app.post_message(events.Paste("one\ntwo\n"))
    await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question")
    await desk.pilot.press("y")
    await desk.sees("^two$")
    desk.app.post_message(events.Paste("single"))
    await desk.sees("^single$")


async def test_without_a_connection_the_pane_teaches_and_keys_are_the_consoles(tmp_path: Path) -> None:
    app = Console(session=WithShell(dead(), home=tmp_path), clock=lambda: NOW)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        desk = Desk(pilot, app, app.session)  # type: ignore[arg-type]
        await desk.sees("refused the connection; pane 1 shows why")
        await desk.focus()
        await pilot.press("3")
        await desk.until(lambda: not desk.pane.view.has_focus, "another pane")
        assert not desk.session.lossy


CANARY = b"\x1b]52;c;Y2FuYXJ5\x07\x1b]0;canary\x1b\\\x1b[5;31mcanary\x1b]8;;http://canary\x07x\x1b[21t\x1bPcanary\x1b\\\x9b5n\x1b[>c"


async def test_no_escape_that_was_fed_reaches_the_outer_terminal(
    desk: Desk, tmp_path: Path, monkeypatch: Any
) -> None:
    await desk.prompted()
    await desk.focus()
    (tmp_path / "canary").write_bytes(CANARY * 20)
    written = io.StringIO()
    driver = desk.app._driver
    assert driver is not None
    monkeypatch.setattr(driver, "write", written.write)
    await desk.type(f"cat {tmp_path}/canary; echo; echo after")
    await desk.sees("^after$")
    out = written.getvalue()
    assert "]52" not in out
    assert "]8;" not in out
    assert "\x1bP" not in out
    for y in range(desk.pane.view.size.height):
        assert not re.search("[\x00-\x1f\x7f-\x9f]", desk.pane.view.render_line(y).text)
