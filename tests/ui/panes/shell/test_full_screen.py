"""A shell on the whole real terminal, and the terminal afterwards."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from labeltui.ui.panes.shell.full_screen import LEAVES, RESTORED, painted
from labeltui.ui.widgets.terminal.bittty_engine import BitttyEngine
from tests.bench.pty_program import COLUMNS, ROWS, Program, on_terminal
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
    assert copy.modes == frame.modes


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
            "Full screen: labeltui does not run in a terminal that a shell could take over" in app.last_flash
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
