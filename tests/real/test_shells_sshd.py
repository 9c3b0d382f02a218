"""Pane 2 over a real OpenSSH server and a real tmux: a shell after a lost connection, a restart and a long paste."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from labeltui.config.model import Profile
from labeltui.hosts.base import HostKey
from labeltui.opening.hosts import host_of
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from labeltui.ui.app import Console
from labeltui.ui.panes.shell.pane import ShellPane
from labeltui.ui.panes.shell.words import Phase
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from tests.sshd import RealSshd
from tests.tmux_cleanup import kill_tmux

WAIT_S = 40.0


class Trusting:
    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    def notice(self, text: str) -> None:
        return

    async def trust_host_key(self, key: HostKey) -> bool:
        return True


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[RealSshd]:
    server = RealSshd(tmp_path, env={"TMUX_TMPDIR": str(tmp_path), "SHELL": "/bin/bash"})
    (server.home / ".bash_profile").write_text("PS1='pod$ '; HISTFILE=; . ~/.from_login 2>/dev/null\n")
    with server:
        yield server
    kill_tmux(tmp_path)


class Desk:
    def __init__(self, pilot: Pilot[Any], app: Console) -> None:
        self.pilot, self.app = pilot, app
        pane = app.panes["shell"]
        assert isinstance(pane, ShellPane)
        self.pane = pane

    @property
    def text(self) -> str:
        view = self.pane.view
        return "\n".join(view.render_line(y).text.rstrip() for y in range(view.size.height))

    async def until(self, holds: Callable[[], object], what: str) -> None:
        import time

        end = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < end, f"never: {what}\n{self.pane.phase} {self.pane.facts}\n{self.text}"
            await self.pilot.pause(0.02)

    async def sees(self, text: str) -> None:
        await self.until(lambda: text in self.text, repr(text))

    async def type(self, line: str, end: str = "enter") -> None:
        for letter in line:
            self.app.post_message(events.Key(letter, letter))
        await self.pilot.press(end)

    async def at_prompt(self) -> None:
        await self.until(lambda: self.text.rstrip().endswith("pod$"), "a prompt")


class AtDesk:
    """A whole console over the server, from its start to its end."""

    def __init__(self, sshd: RealSshd, **shell: Any) -> None:
        profile = Profile.model_validate(
            {
                "host": "ssh",
                "ssh": {"address": sshd.address, "key": str(sshd.client_key), "config": "none"},
                "server": {"folder": str(sshd.folder / "work")},
                "shell": shell,
            }
        )
        state = StateFolder(sshd.folder / "state")
        self.session = Session("liver", profile, host_of(profile, state, Trusting()), state)
        self.app = Console(session=self.session)

    async def __aenter__(self) -> Desk:
        self.running = self.app.run_test(size=(120, 40))
        pilot = await self.running.__aenter__()
        while self.app.session is None or not self.app.panes:
            await pilot.pause(0.02)
        desk = Desk(pilot, self.app)
        await desk.at_prompt()
        await pilot.press("2")
        await desk.until(lambda: desk.pane.view.has_focus, "the keyboard")
        return desk

    async def __aexit__(self, *error: object) -> None:
        await self.running.__aexit__(None, None, None)


@pytest.fixture
async def desk(sshd: RealSshd) -> AsyncIterator[Desk]:
    async with AtDesk(sshd) as desk:
        yield desk


async def test_an_editor_and_a_loop_survive_the_connection(desk: Desk, sshd: RealSshd) -> None:
    await desk.type("vim -u NONE note.txt")
    await desk.sees("note.txt")
    await desk.type("ikept over a drop", "escape")
    await desk.sees("kept over a drop")
    await desk.pilot.press("ctrl+right_square_bracket", "exclamation_mark", "n")
    await desk.until(lambda: len(desk.pane.tabs) == 2, "a second shell")
    await desk.at_prompt()
    await desk.type("n=0; while :; do n=$((n+1)); echo $n > count; echo at $n; sleep 0.05; done")
    await desk.sees("at 5")
    for gone in (sshd.drop_sessions, lambda: (sshd.kill(), sshd.start())):
        before = int((sshd.home / "count").read_text() or 0)
        gone()
        await desk.until(lambda: all(tab.phase is Phase.LOST for tab in desk.pane.tabs), "both lost")
        assert "at " in desk.text  # the screen stays
        await desk.until(lambda: all(tab.phase is Phase.LIVE for tab in desk.pane.tabs), "both back")
        await desk.until(lambda b=before: int((sshd.home / "count").read_text() or 0) > b, "it counts on")
    opened = desk.pane.current.opened
    assert opened is not None
    assert opened.resumed
    while not desk.text.rstrip().endswith("pod$"):  # bash goes on where its command ends at that moment
        await desk.pilot.press("ctrl+c")
        await desk.pilot.pause(0.5)
    await desk.pilot.press("ctrl+right_square_bracket", "exclamation_mark", "exclamation_mark")
    await desk.sees("kept over a drop")
    await desk.type("A, and saved", "escape")
    await desk.type(":wq")
    await desk.at_prompt()
    assert (sshd.home / "note.txt").read_text() == "kept over a drop, and saved\n"


async def test_a_new_console_finds_the_shells_again(sshd: RealSshd) -> None:
    async with AtDesk(sshd) as desk:
        await desk.type("v=still; seq 3000")
        await desk.sees("3000")
    async with AtDesk(sshd) as desk:
        await desk.type("echo $v here")
        await desk.sees("still here")
        await desk.pilot.press("shift+pageup")
        await desk.sees("2980")
        assert "rows back" in desk.pane.facts


@pytest.mark.parametrize("tmux", [True, False], ids=("kept", "plain"))
async def test_ten_thousand_lines_arrive_whole(sshd: RealSshd, tmux: bool) -> None:
    lines = "".join(f"{n:05} {hashlib.sha1(str(n).encode()).hexdigest()} été\n" for n in range(10_000))
    async with AtDesk(sshd, tmux=tmux) as desk:
        await desk.type("stty -echo; cat > ~/pasted; stty echo; echo all $((1+1)) there")
        await desk.until(lambda: not desk.pane.view.modes.bracketed_paste, "cat has the terminal")
        desk.app.post_message(events.Paste(lines))
        await desk.until(lambda: isinstance(desk.app.screen, ConfirmScreen), "the question")
        await desk.pilot.press("y")
        await desk.until(lambda: (sshd.home / "pasted").stat().st_size >= len(lines.encode()), "all of it")
        await desk.pilot.press("ctrl+d")
        await desk.sees("all 2 there")
        assert hashlib.sha256((sshd.home / "pasted").read_bytes()).digest() == (
            hashlib.sha256(lines.encode()).digest()
        )
        # bracketed: the program hears where it begins and ends, and nothing is asked
        wanted = b"\x1b[200~" + lines.replace("\n", "\r").encode() + b"\x1b[201~"
        await desk.type(
            f"stty raw -echo; printf '\\033[?2004h'; head -c {len(wanted)} > ~/wrapped; "
            "stty sane; echo that $((1+1)) too"
        )
        await desk.until(lambda: desk.pane.view.modes.bracketed_paste, "the program asks for brackets")
        await desk.until((sshd.home / "wrapped").exists, "the program listens")
        desk.app.post_message(events.Paste(lines))
        await desk.sees("that 2 too")
        assert (sshd.home / "wrapped").read_bytes() == wanted


async def test_the_environment_is_of_the_login_not_of_an_older_server(sshd: RealSshd) -> None:
    (sshd.home / ".from_login").write_text("export POD_SAYS=one\n")
    async with AtDesk(sshd) as desk:
        await desk.type("echo $POD_SAYS $TERM ${TMUX-none}")
        await desk.sees("one tmux-256color none")
        (sshd.home / ".from_login").write_text("export POD_SAYS=two\n")
        await desk.pilot.press("ctrl+right_square_bracket", "exclamation_mark", "n")
        await desk.until(lambda: len(desk.pane.tabs) == 2, "a second shell")
        await desk.at_prompt()
        await desk.type("echo $POD_SAYS")
        await desk.sees("two")
