"""The console on a PTY whose other end answers as a terminal with images: they come, go, and leave nothing behind."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from labeltui.ui.graphics.terminal import QUERY, SIZES
from tests.bench.pty_program import COLUMNS, ROWS, Program, on_terminal
from tests.ui.screens.preview.kitty_terminal import KittyTerminal
from tests.ui.screens.preview.sixel_terminal import SixelTerminal
from tests.ui.test_terminal_restored import ended, left_over

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

WITHIN_S = 60.0
PROGRAM = """
import json, sys
from labeltui.operations.studies import preview
from labeltui.ui.restore import run_restored
from tests.ui.screens.preview.test_preview import Opened, app_with_copies
preview.open_preview = Opened().open
app, keys = app_with_copies(), []
typed = app.keyboard.typed
async def noted(event):
    keys.append(getattr(event, "key", "paste"))
    await typed(event)
app.keyboard.typed = noted
code = run_restored(app)
open(sys.argv[1], "w").write(json.dumps(keys))
sys.exit(code)
"""
ANSWERS = (b"\x1bP>|kitty(0.36.4)\x1b", b"\\\x1b_Gi=31;O", b"K\x1b\\\x1b[6;2", b"0;10t\x1b[?6", b"2;c")
GARBAGE = (b"\x1bP>|\xff\xfe\x00%n\x1b\\\x1b_G;;;\x07\x1b[6;;t\x1b_Gi=31;EIN", b"VAL:\x01\x1b\\\x1b[6;999;1t")


def until(program: Program, terminal: KittyTerminal, count: int) -> None:
    """Read until the terminal has so many images."""
    end = time.monotonic() + WITHIN_S
    while len(terminal.images) != count:
        assert time.monotonic() < end, bytes(program.output[-500:])
        if select.select([program.terminal], [], [], 0.1)[0]:
            data = os.read(program.terminal, 65536)
            program.output += data
            terminal.read(data.decode("latin-1"))


def in_preview(program: Program) -> None:
    program.wait_for(b"liver_042", WITHIN_S)
    os.write(program.terminal, b"4V")
    program.wait_for(QUERY.encode(), WITHIN_S)
    program.wait_for(b"27 of 40", WITHIN_S)
    assert b"\xe2\x96\x80" in program.output, "half blocks, because nothing was answered"


def test_images_come_after_late_answers_in_pieces_and_go_with_dialogs_and_the_console(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with on_terminal([sys.executable, "-c", PROGRAM, str(keys)], {"TERM": "xterm-kitty"}) as program:
        in_preview(program)
        terminal = KittyTerminal()
        for piece in (*GARBAGE, *ANSWERS):
            os.write(program.terminal, piece)
        until(program, terminal, 3)
        os.write(program.terminal, b"l")
        until(program, terminal, 0)
        program.wait_for(b"label to show", WITHIN_S)
        os.write(program.terminal, b"\x1b")
        until(program, terminal, 3)
        shown = len(program.output)
        os.kill(program.process.pid, signal.SIGTERM)
        assert ended(program) == 128 + signal.SIGTERM
        terminal.read(bytes(program.output[shown:]).decode("latin-1"))
        assert not terminal.images
        assert program.output.rindex(b"a=d,") < program.output.rindex(b"\x1b[?1049l")
        assert left_over(bytes(program.output)) == set()
    assert json.loads(keys.read_text()) == ["4", "V", "l", "escape"]


def screen_of(program: Program) -> SixelTerminal:
    """The screen after all that was written so far."""
    terminal = SixelTerminal((COLUMNS, ROWS), (4, 8))
    terminal.read(bytes(program.output).decode(errors="ignore"))
    return terminal


def until_sixels(program: Program, *, shown: bool) -> None:
    """Read until the screen has pixels, or has none."""
    end = time.monotonic() + WITHIN_S
    while True:
        assert time.monotonic() < end, bytes(program.output[-500:])
        if select.select([program.terminal], [], [], 0.3)[0]:
            program.output += os.read(program.terminal, 65536)
        elif bool(screen_of(program).covered) is shown:
            return


def test_sixels_come_after_late_answers_and_go_with_dialogs_and_the_console(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with on_terminal([sys.executable, "-c", PROGRAM, str(keys)], {"TERM": "xterm"}) as program:
        in_preview(program)
        os.write(program.terminal, b"\x1bP>|XTerm(379)\x1b\\\x1b[?63;1;2;4")
        os.write(program.terminal, b";6;22c")
        program.wait_for(SIZES.encode(), WITHIN_S)
        os.write(program.terminal, b"\x1b[6;8;4t\x1b[?1;0;256S\x1b[?2;3;0S\x1b[?63;1;2;4;6;22c")
        until_sixels(program, shown=True)
        os.write(program.terminal, b"l")
        program.wait_for(b"label to show", WITHIN_S)
        until_sixels(program, shown=False)
        os.write(program.terminal, b"\x1b")
        until_sixels(program, shown=True)
        os.kill(program.process.pid, signal.SIGTERM)
        assert ended(program) == 128 + signal.SIGTERM
        assert not screen_of(program).covered
        assert left_over(bytes(program.output)) == set()
    assert json.loads(keys.read_text()) == ["4", "V", "l", "escape"]
