"""The terminal after the console has ended: by a signal, by a crash, at any moment."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bench.pty_program import Program, on_terminal

pytestmark = pytest.mark.slow

WITHIN_S = 30.0
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
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])|\x1b\[([<>])[0-9]*u")
ON_AT_FIRST = {b"25", b"7"}  # cursor, line wrap


def left_over(output: bytes) -> set[bytes]:
    """The modes that differ from a fresh terminal's, and ``kitty`` for a keyboard mode that was not taken back."""
    on, pushed = set(ON_AT_FIRST), 0
    for found in MODE.finditer(output):
        if found[3]:
            pushed += 1 if found[3] == b">" else -1
        for mode in (found[1] or b"").split(b";"):
            (on.add if found[2] == b"h" else on.discard)(mode)
    return (on ^ ON_AT_FIRST) - {b""} | ({b"kitty"} if pushed else set())


def ended(program: Program) -> int:
    """Read to the end of the program, and return its exit code."""
    end = time.monotonic() + WITHIN_S
    while program.process.poll() is None or select.select([program.terminal], [], [], 0.05)[0]:
        assert time.monotonic() < end, f"it goes on: {bytes(program.output[-2000:])!r}"
        if select.select([program.terminal], [], [], 0.1)[0]:
            try:
                program.output += os.read(program.terminal, 65536)
            except OSError:
                break
    return program.process.wait(WITHIN_S)


def started(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    config = tmp_path / "config.toml"
    config.write_text(PROFILE.format(folder=tmp_path))
    argv = ["--config", str(config), "--profile", "here"]
    return argv, {
        "LABELTUI_STATE": str(tmp_path / "state"),
        "TEXTUAL_ANIMATIONS": "none",
        "TMPDIR": str(tmp_path),
    }


def lines_of(program: Program) -> list[object]:
    """The line discipline: echo, raw mode, signals of keys. The PTY's own end sees the same settings."""
    with suppress(termios.error):
        return termios.tcgetattr(program.terminal)[:4]
    return []


def in_shell(program: Program) -> None:
    program.wait_for(b"pod$", 40)
    program.wait_for(b"ctrl+] leaves", 40)


def in_full_screen(program: Program) -> None:
    in_shell(program)
    os.write(program.terminal, b"Z")
    program.wait_for(b"returns to labeltui", 40)
    os.write(program.terminal, b"printf '\\033[?1049h\\033[?1003h\\033[?2004h\\033[?25lre%s' ady\r")
    program.wait_for(b"ready", 40)


MOMENTS = {
    "start": lambda program: program.wait_for(b"\x1b[?1049h", 40),
    "at rest": in_shell,
    "full screen": in_full_screen,
}


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_gives_the_terminal_back(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    argv, variables = started(tmp_path)
    with on_terminal([sys.executable, "-m", "labeltui", *argv], variables) as program:
        before = lines_of(program)
        MOMENTS[moment](program)
        os.kill(program.process.pid, number)
        assert ended(program) == 128 + number
        assert left_over(bytes(program.output)) == set()
        assert lines_of(program) == before
        assert b"Traceback" not in program.output


CRASHES = {
    "the first message": "core.Core.on_mount = boom",
    "the panes": "core.Core._fill = boom",
    "a paint": "core.Core.paint = boom",
    "the end": "core.Core.on_unmount = boom; core.Core._fill = lambda self: self.exit(0)",
    "the crash report": "crash.write_crash = boom; core.Core._fill = boom",
    "the keyboard": "restore.getincrementaldecoder = boom",
    "the driver": "linux_driver.LinuxDriver._query_in_band_window_resize = boom",
    "a loop": "core.Core._fill = forever",
}
CRASHING = """
import os, signal, sys, time
from textual.drivers import linux_driver
from labeltui.ui import core, crash, restore
def boom(*_, **__):
    raise RuntimeError("boom")
def forever(self):
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        time.sleep(0.05)
{change}
from labeltui.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("what", CRASHES)
def test_a_crash_gives_the_terminal_back(tmp_path: Path, what: str) -> None:
    argv, variables = started(tmp_path)
    code = CRASHING.format(change=CRASHES[what])
    with on_terminal([sys.executable, "-c", code, *argv], variables) as program:
        before = lines_of(program)
        assert ended(program) == (128 + signal.SIGTERM if what == "a loop" else 1)
        output = bytes(program.output)
        assert left_over(output) == set()
        assert lines_of(program) == before
        assert what == "a loop" or b"RuntimeError: boom" in output


def test_a_console_whose_terminal_is_gone_ends(tmp_path: Path) -> None:
    argv, variables = started(tmp_path)
    with on_terminal([sys.executable, "-m", "labeltui", *argv], variables) as program:
        in_shell(program)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, program.terminal)
        os.close(nowhere)
        assert program.process.wait(WITHIN_S) == 129
