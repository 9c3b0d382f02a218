"""Several shells in pane 2, in a real tmux on this machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual import events

from labeltui.config.model import ShellSection
from labeltui.domain.states import LinkState
from labeltui.hosts.local import LocalHost
from labeltui.session.connection.shells import Shells
from labeltui.ui.panes.shell.tab_bar import ShellRow
from labeltui.ui.panes.shell.words import Phase
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.dialogs.find import FindScreen
from labeltui.ui.widgets.terminal.engine import Mouse
from tests.tmux_cleanup import kill_tmux, tmux_processes
from tests.ui.panes.shell.tabs_desk import AtDesk, Keeping, KeepingHost, Tabs
from tests.ui.panes.shell.test_pane import Lossy


def test_nothing_of_a_tmux_is_left_also_when_its_server_has_only_begun(tmp_path: Path) -> None:
    env = {"TMUX_TMPDIR": str(tmp_path), "PATH": os.environ["PATH"], "SHELL": "/bin/sh"}
    command = ["tmux", "-u", "-L", "labeltui", "new-session", "-d", "-s", "labeltui-liver-ct-1", "sleep 1000"]
    subprocess.run(command, env=env, check=True)
    assert tmux_processes(tmp_path)
    (tmp_path / f"tmux-{os.getuid()}" / "labeltui").unlink()  # it can't be asked to end
    kill_tmux(tmp_path)
    assert tmux_processes(tmp_path) == []
    late = subprocess.Popen(command, env=env)
    kill_tmux(tmp_path)
    late.wait()
    kill_tmux(tmp_path)
    assert tmux_processes(tmp_path) == []


@pytest.fixture
def host(tmp_path: Path) -> Any:
    host = KeepingHost(tmp_path)
    yield host
    kill_tmux(tmp_path)


@pytest.fixture
async def desk(host: KeepingHost) -> AsyncIterator[Tabs]:
    async with AtDesk(Keeping(host)) as desk:
        yield desk


@pytest.mark.slow
async def test_one_more_shell_the_next_and_none(desk: Tabs) -> None:
    await desk.prompted()
    assert "kept running by tmux" in desk.pane.facts
    assert not desk.pane.query_one(ShellRow).display
    await desk.focus()
    await desk.type("echo one")
    await desk.sees("^one$")
    await desk.leader("n")
    await desk.count(2)
    await desk.prompted()
    await desk.until(lambda: desk.pane.view.has_focus, "the keyboard in the new shell")
    assert desk.pane.query_one(ShellRow).display
    await desk.type("echo two")
    await desk.sees("^two$")
    await desk.leader("exclamation_mark")
    await desk.sees("^one$")
    await desk.leader("p")
    await desk.sees("^two$")
    await desk.pilot.click(desk.pane.query_one(ShellRow), offset=(1, 0))
    await desk.sees("^one$")
    await desk.leader("r")
    await desk.until(lambda: isinstance(desk.app.screen, FindScreen), "the question for a name")
    await desk.press(*"data", "enter")
    await desk.until(lambda: desk.pane.tabs[0].label == "data", "the name")
    await desk.leader("exclamation_mark")
    await desk.sees("^two$")
    await desk.leader("x")
    await desk.count(1)
    await desk.sees("^one$")
    assert not desk.pane.query_one(ShellRow).display
    await desk.type("echo still")
    await desk.sees("^still$")


@pytest.mark.slow
async def test_closing_asks_where_a_program_runs(desk: Tabs) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("sleep 1000")
    opened = desk.pane.current.opened
    assert opened is not None
    for _ in range(100):
        if await desk.session.shells.foreground(opened) == "sleep":  # type: ignore[attr-defined]
            break
    await desk.leader("x")
    await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question")
    await desk.press("n")
    await desk.until(lambda: desk.app.screen is desk.app.frame_screen, "the answer")
    assert desk.pane.phase is Phase.LIVE
    await desk.leader("x")
    await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question")
    await desk.press("y")
    await desk.until(lambda: desk.pane.phase is Phase.EXITED, "the end")
    assert "the shell was closed · enter starts a new one" in desk.pane.facts
    await desk.press("enter")
    await desk.prompted()
    assert "sleep" not in desk.text


async def test_a_shell_outlives_its_connection(desk: Tabs, host: KeepingHost) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("n=0; while :; do n=$((n+1)); echo count $n; sleep 0.02; done")
    await desk.sees("^count 5")
    desk.host(LinkState.RECONNECTING, "Connection reset by peer")
    await host.shells[0].lose()
    await desk.until(lambda: desk.pane.phase is Phase.LOST, "the loss")
    assert "count" in desk.text
    desk.host(LinkState.CONNECTED)
    desk.app.clock.later += timedelta(seconds=5)  # type: ignore[attr-defined]
    desk.app.paint()
    await desk.until(lambda: desk.pane.phase is Phase.LIVE, "the shell again")
    assert desk.pane.current.opened is not None
    assert desk.pane.current.opened.resumed
    await desk.sees("^count [0-9]{2,}")
    await desk.interrupt()
    assert "new shell" not in desk.text
    assert desk.names == [1]


async def test_what_is_typed_before_the_shell_is_there_reaches_it(host: KeepingHost) -> None:
    go = asyncio.Event()

    class SlowHost(KeepingHost):
        async def shell(self, columns: int, rows: int, *, command: str | None = None) -> Lossy:
            await go.wait()
            return await super().shell(columns, rows, command=command)

    async with AtDesk(Keeping(SlowHost(Path(host.env["HOME"])))) as desk:
        await desk.until(lambda: desk.pane.phase is Phase.OPENING, "the opening")
        await desk.focus()
        await desk.type("echo typed $((6*7))")
        go.set()
        await desk.sees("^typed 42$")


async def test_shells_outlive_the_console_and_come_back_as_tabs(host: KeepingHost) -> None:
    async with AtDesk(Keeping(host)) as desk:
        await desk.prompted()
        await desk.focus()
        await desk.type("echo first; v=kept")
        await desk.sees("^first$")
        await desk.leader("n")
        await desk.count(2)
        await desk.prompted()
        await desk.type("echo second")
        await desk.sees("^second$")
    again = KeepingHost(Path(host.env["HOME"]))
    async with AtDesk(Keeping(again)) as desk:
        await desk.count(2)
        assert desk.names == [1, 2]
        await desk.sees("^first$")
        await desk.focus()
        await desk.type("echo $v")
        await desk.sees("^kept$")
        await desk.leader("exclamation_mark")
        await desk.sees("^second$")


@pytest.mark.slow
async def test_exiting_ends_the_session_and_keeps_the_last_screen(desk: Tabs, host: KeepingHost) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("echo last words; exit 3")
    await desk.until(lambda: desk.pane.phase is Phase.EXITED, "the end")
    await desk.sees("^last words$")
    assert await desk.session.shells.tmux_sessions() == ()  # type: ignore[attr-defined]
    await desk.press("enter")
    await desk.prompted()


@pytest.mark.slow
async def test_what_tmux_remembers_can_be_scrolled_and_searched(desk: Tabs) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("seq 20000 29999")
    await desk.sees("^29999$")
    await desk.press("shift+pageup")
    await desk.until(lambda: "rows back" in desk.pane.facts, "the past")
    await desk.sees("^29980$")
    view = desk.pane.view
    assert view.engine is not None
    assert await view.engine.search("20123", older=True)
    view.changed()
    await desk.sees("^20123$")
    await desk.press("x", "backspace")
    await desk.sees("^29999$")
    assert not view.shows_past
    await desk.type("echo typed on")
    await desk.sees("^typed on$")


@pytest.mark.slow
async def test_another_console_can_take_a_shell_and_it_can_be_taken_back(
    desk: Tabs, host: KeepingHost
) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type("v=mine")
    other = Shells(desk.session.connected_host, ShellSection(), desk.session.name)  # type: ignore[attr-defined]
    taken = await other.open(1, 80, 24)
    assert taken.resumed
    await desk.until(lambda: desk.pane.phase is Phase.EXITED, "the loss of it")
    assert "another console took over the shell · enter shows it here again" in desk.pane.facts
    await desk.press("enter")
    await desk.prompted()
    await desk.type("echo still $v")
    await desk.sees("^still mine$")
    await taken.shell.close()


@pytest.mark.slow
async def test_without_tmux_the_shell_is_plain_and_says_so(host: KeepingHost) -> None:
    async with AtDesk(Keeping(host, tmux=False)) as desk:
        await desk.prompted()
        assert "ends with the connection: tmux is off in the profile" in desk.pane.facts


async def test_a_host_without_tmux_has_shells_all_the_same(host: KeepingHost, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("bash", "env"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    host.local = LocalHost(env={**host.env, "PATH": str(tmp_path / "bin")})
    async with AtDesk(Keeping(host)) as desk:
        await desk.prompted()
        assert "ends with the connection: no tmux on the host" in desk.pane.facts


@pytest.mark.slow
@pytest.mark.parametrize("tmux", [True, False], ids=("kept", "plain"))
async def test_every_kind_of_key_arrives_as_it_was_pressed(host: KeepingHost, tmux: bool) -> None:
    async with AtDesk(Keeping(host, tmux=tmux)) as desk:
        await desk.prompted()
        await desk.focus()
        await desk.type("cat -v")
        await desk.until(lambda: "cat -v" in desk.text, "cat")
        keys = {
            "alt+x": "^[x", "f1": "^[OP", "f5": "^[[15~", "f12": "^[[24~", "shift+tab": "^[[Z",
            "ctrl+space": "^@", "alt+up": "^[[1;3A", "ctrl+left": "^[[1;5D", "shift+f5": "^[[15;2~", "pageup": "^[[5~",
            "delete": "^[[3~", "home": "^[[1~|^[[H|^[OH", "ctrl+underscore": "^_",
        }  # fmt: skip
        for key, wanted in keys.items():
            await desk.press(key)
            await desk.until(
                lambda w=wanted: any(one in desk.text for one in w.split("|")), f"{key} as {wanted}"
            )
        for letter in "@€ß\u4e2d":  # AltGr and input methods: a character, whatever the key
            desk.app.post_message(events.Key("unknown", letter))
        await desk.press("enter")
        await desk.until(lambda: desk.text.count("M-bM-^BM-,") == 1 or "@€ß中" in desk.text, "the characters")


@pytest.mark.slow
async def test_clipboard_title_bell_focus_and_mouse_pass_through_tmux(desk: Tabs) -> None:
    await desk.prompted()
    await desk.focus()
    await desk.type(
        "printf '\\033]0;my title\\007'; sleep 0.2; printf '\\a'; printf '\\033]52;c;aGVsbG8=\\007'"
    )
    await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question about the clipboard")
    await desk.press("n")
    await desk.until(lambda: "my title" in desk.pane.note, "the title")
    await desk.until(lambda: desk.app.last_flash == "the shell rang its bell", "the bell")
    await desk.type("clear; printf '\\033[?1004h\\033[?1000h\\033[?1006h'; cat -v")
    view = desk.pane.view
    await desk.until(
        lambda: view.modes.mouse is not Mouse.OFF and view.modes.focus_events, "what it asks for"
    )
    await desk.pilot.click(view, offset=(4, 5))
    await desk.until(lambda: "^[[<0;5;6M" in desk.text, "the click")
    await desk.press("ctrl+right_square_bracket")
    await desk.until(lambda: "^[[O" in desk.text, "that it lost the keyboard")
    await desk.press("2")
    await desk.until(lambda: "^[[I" in desk.text, "that it has it again")
