"""A shell on the whole real terminal, and the terminal afterwards."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from labeltui.ui.panes.shell.full_screen import LEAVES, RESTORED, painted
from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine
from tests.bench.pty_program import COLUMNS, ROWS, Program, on_terminal
from tests.tmux_cleanup import kill_tmux
from tests.ui.fake_session import connected, console, settled

SHOWN = (
    b"one\r\n\x1b[1;31mred\x1b[m plain \x1b[48;2;1;2;3mrgb\x1b[m\r\n\xe4\xb8\xad\xe6\x96\x87 wide",
    b"\x1b[?1049h\x1b[5;7Hfull\x1b[?25l\x1b[?1002h\x1b[?1006h\x1b[?2004h\x1b[?1h",
    b"\r\n".join(b"line %d" % n for n in range(60)) + b"\r\n$ ",
    b"",
)


@pytest.mark.parametrize("data", SHOWN, ids=("colours", "whole", "scrolled", "empty"))
async def test_another_terminal_is_made_to_look_and_behave_the_same(data: bytes) -> None:
    engine, other = BitttyEngine(40, 12), BitttyEngine(40, 12)
    await engine.feed(data)
    frame = await engine.sync()
    await other.feed(b"what stood there before\r\n" * 5)
    await other.feed(painted(frame, 12))
    copy = await other.sync()
    assert [row or () for row in copy.rows] == [row or () for row in frame.rows]
    assert copy.cursor == frame.cursor
    assert copy.modes == replace(
        frame.modes, alternate_screen=False
    )  # it is on the alternate screen all the time


async def test_what_a_program_left_on_is_off_again() -> None:
    engine = BitttyEngine(40, 12)
    await engine.feed(
        b"\x1b[?1049h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?1004h\x1b[?1h\x1b=\x1b[?25l\x1b[3;5r\x1b[1;31m\x1b]0;half"
    )
    await engine.feed(RESTORED)
    frame = await engine.sync()
    assert frame.modes == type(frame.modes)()
    assert frame.cursor is not None
    await engine.feed(b"\x1b[Hx")
    assert (await engine.sync()).rows[0][0].look == type(frame.rows[0][0].look)() if frame.rows[0] else True


@pytest.mark.parametrize(
    "typed", [b"\x1d", b"abc\x1d", b"\x1b[93;5u", b"\x1b[93;5:1u", b"\x1b[1098;5u", b"\x1b[27;5;93~"]
)
def test_the_key_that_leaves_is_known_however_it_is_sent(typed: bytes) -> None:
    assert LEAVES.search(typed)


@pytest.mark.parametrize("typed", [b"]", b"\x1b[93u", b"\x1b[27;5;9~", b"\x1b]", b"\x1b[93;3u"])
def test_other_keys_go_to_the_shell(typed: bytes) -> None:
    assert not LEAVES.search(typed)


async def test_without_a_terminal_of_its_own_the_key_says_why() -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("Z")
        assert (
            "Full screen: labeltui does not control a terminal, which a full-screen shell needs"
            in app.last_flash
        )


PROFILE = """
[profiles.here]
host = "local"
[profiles.here.server]
folder = "{folder}"
studies = "{folder}/studies"
[profiles.here.shell]
tmux = false
command = "exec env PS1='pod$ ' bash --norc --noprofile"
"""


def typed(program: Program, text: bytes) -> None:
    os.write(program.terminal, text)


def after(program: Program, mark: int) -> bytes:
    return bytes(program.output[mark:])


@pytest.mark.slow
def test_the_same_shell_there_and_back(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(PROFILE.format(folder=tmp_path))
    argv = [sys.executable, "-m", "labeltui", "--config", str(config), "--profile", "here"]
    variables = {"LABELTUI_STATE": str(tmp_path / "state"), "TEXTUAL_ANIMATIONS": "none", "TMUX": ""}
    with on_terminal(argv, variables) as program:
        program.wait_for(b"pod$", 40)
        program.wait_for(b"ctrl+] leaves", 40)
        typed(program, b"2")
        program.wait_for(b"leaves the shell", 60)
        typed(program, b"v=kept; printf 'here%s\\n' now\r")
        program.wait_for(b"herenow", 60)
        typed(program, b"\x1dZ")
        program.wait_for(b"returns to labeltui", 60)
        mark = len(program.output)
        typed(program, b"stty size; echo $v; printf '\\033[?1003h\\033[?2004h\\033]0;x\\007re%s\\n' ally\r")
        program.wait_for(b"really", 60)
        raw = after(program, mark)
        assert f"{ROWS} {COLUMNS}".encode() in raw
        assert b"kept" in raw
        assert b"\x1b[?1003h" in raw  # as it is, as under ssh
        mark = len(program.output)
        typed(program, b"\x1d")
        program.wait_for(b"back from full screen", 60)
        back = after(program, mark)
        assert RESTORED in back
        assert back.index(RESTORED) < back.index(b"\x1b[?1049h")  # the console's own screen, after that
        while b"really" not in after(program, mark):  # the pane has it too, and paints it with its next frame
            assert select.select([program.terminal], [], [], 20)[0], (
                "the pane does not show what was printed meanwhile"
            )
            program.output += os.read(program.terminal, 65536)


def tmux(folder: Path, *command: str) -> str:
    variables = {**os.environ, "TMUX_TMPDIR": str(folder), "TMUX": ""}
    return subprocess.run(
        ["tmux", "-L", "labeltui", "-f", "/dev/null", *command],
        env=variables,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def wait_until_shown(folder: Path, text: str) -> None:
    end = time.monotonic() + 60
    while text not in (screen := tmux(folder, "capture-pane", "-p")):
        assert time.monotonic() < end, f"{text!r} is not shown, but:\n{screen}"
        time.sleep(0.05)


def terminal_after(folder: Path, program: Sequence[str], steps: Callable[[], None]) -> tuple[str, str]:
    """The scrollback with the screen, and the place of the cursor, after a program has run in a new tmux."""
    (folder / "run").write_text(f"#!/bin/sh\necho $$ > pid\nexec {shlex.join(program)}\n")
    (folder / "run").chmod(0o755)
    shell = f"cd {shlex.quote(str(folder))}; exec env PS1='outer$ ' bash --norc --noprofile"
    try:
        tmux(folder, "new-session", "-d", "-x", "100", "-y", "30", shell)
        wait_until_shown(folder, "outer$")
        tmux(folder, "send-keys", "seq 40; printf 'no newline'; ./run; echo ended", "Enter")
        steps()
        wait_until_shown(folder, "newlineended\nouter$")
        place = tmux(
            folder,
            "display-message",
            "-p",
            "#{cursor_x},#{cursor_y},#{history_size},#{alternate_on},#{cursor_flag}",
        )
        return tmux(folder, "capture-pane", "-p", "-S", "-"), place
    finally:
        kill_tmux(folder)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
@pytest.mark.parametrize("leaves", ["by keys", "by a signal", "after its shell ended"])
def test_the_terminal_is_as_any_full_screen_program_leaves_it(tmp_path: Path, leaves: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(PROFILE.format(folder=tmp_path))

    def resized_inside() -> None:
        for size in ("70x20", "120x35", "100x30"):
            columns, rows = size.split("x")
            tmux(tmp_path, "resize-window", "-x", columns, "-y", rows)
            wait_until_shown(tmp_path, "inside")

    def other_program() -> None:
        wait_until_shown(tmp_path, "inside")
        resized_inside()
        tmux(tmp_path, "send-keys", "Enter")

    def labeltui() -> None:
        wait_until_shown(tmp_path, "pod$")
        wait_until_shown(tmp_path, "zoom")
        tmux(tmp_path, "send-keys", "Z")
        tmux(
            tmp_path,
            "send-keys",
            "seq 100; clear; printf '\\033[?1049h\\033[?1049l\\033[5;9r\\033[3;3H'; echo ins''ide",
            "Enter",
        )
        wait_until_shown(tmp_path, "inside")
        resized_inside()
        if leaves == "by a signal":
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
            return
        tmux(tmp_path, "send-keys", "C-]" if leaves == "by keys" else "C-d")
        wait_until_shown(tmp_path, "back from full screen" if leaves == "by keys" else "the shell exited")
        tmux(tmp_path, "send-keys", "C-]", "q")

    variables = [f"LABELTUI_STATE={tmp_path / 'state'}", "TEXTUAL_ANIMATIONS=none"]
    other = ["sh", "-c", "printf '\\033[?1049hinside'; read line; printf '\\033[?1049l'"]
    ours = ["env", *variables, sys.executable, "-m", "labeltui", "--config", str(config), "--profile", "here"]
    before = terminal_after(tmp_path, other, other_program)
    assert terminal_after(tmp_path, ours, labeltui) == before
