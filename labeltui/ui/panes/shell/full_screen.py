"""Shows one shell on the whole real terminal, without the console around the shell.

Output goes to the terminal unchanged, as under ``ssh``, and also to the pane's engine, so that the pane is
up to date on return. The real terminal answers the programs' queries. On return, the terminal is reset to the
state that the console needs.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.color import ColorSystem
from textual.app import App

from labeltui.ui.restore import ConsoleDriver
from labeltui.ui.widgets.terminal.engine import Cursor, Frame, Modes, Mouse
from labeltui.ui.widgets.terminal.paint import style_of

if TYPE_CHECKING:
    from labeltui.ui.panes.shell.run import ShellRun
    from labeltui.ui.panes.shell.view import ShellView

READ_BYTES = 65536
# ctrl+] as terminals send it: plain, with kitty's keys (also on Russian and Ukrainian layouts), with xterm's
# modifyOtherKeys
LEAVES = re.compile(rb"\x1d|\x1b\[(?:93|1098|1111);5(?::1)?(?:;93)?u|\x1b\[27;5;93~")
TITLE = b"\x1b[22;0t\x1b]2;shell - ctrl+] returns to labeltui\x07"
# Resets all state that a program may have set: cut-off sequences, screens, mouse, paste, focus, keys, colours, title.
RESTORED = (
    b"\x18\x1b\\\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l"
    b"\x1b[?2026l\x1b[?2048l\x1b[?1049l\x1b[?47l\x1b[=0;1u\x1b[<9u\x1b[>4m\x1b[!p\x1b[?1l\x1b>\x1b[?5l\x1b[?6l\x1b[?69l"
    b"\x1b[4l\x1b[20l\x1b[r\x1b[?7h\x1b[?25h\x1b[0 q\x1b[m\x1b(B\x0f\x1b]104\x07\x1b]110\x07\x1b]111\x07\x1b]112\x07"
    b"\x1b[23;0t"
)


async def full_screen(app: App[object], view: ShellView, run: ShellRun) -> None:
    """Show the shell on the whole terminal until ctrl+] is pressed or the shell ends.

    Does nothing without a real terminal or an engine.
    """
    view.show_present()
    engine, source, target = view.engine, sys.__stdin__, sys.__stderr__
    if engine is None or source is None or target is None:
        return
    frame = await engine.sync()
    with app.batch_update(), app.suspend(), _silent(app):
        terminal = _Terminal(source.fileno(), target.fileno(), view, run)
        await terminal.serve(frame)
    columns, rows = view.room
    engine.resize(columns, rows)
    run.resize(columns, rows)
    view.changed()
    app.screen.refresh(layout=True)


@contextmanager
def _silent(app: App[object]) -> Iterator[None]:
    """Discard the console's output inside the block. The caller redraws the whole screen afterwards."""
    driver = app._driver
    vars(driver)["write"] = _drop
    if isinstance(driver, ConsoleDriver):
        driver.undo = RESTORED
    try:
        yield
    finally:
        del vars(driver)["write"]
        if isinstance(driver, ConsoleDriver):
            driver.undo = b""


def _drop(_data: str) -> None:
    return


class _Terminal:
    """The real terminal while a shell uses the whole screen."""

    def __init__(self, source: int, target: int, view: ShellView, run: ShellRun) -> None:
        self._input, self._output = source, target
        self._view, self._run = view, run
        self._left = asyncio.Event()

    async def serve(self, frame: Frame) -> None:
        """Pass bytes in both directions until the operator presses ctrl+] or the shell ends."""
        loop = asyncio.get_running_loop()
        before = termios.tcgetattr(self._input)
        tty.setraw(self._input, termios.TCSADRAIN)  # unlike TCSAFLUSH, discards no typed keys
        await self._show(TITLE + painted(frame, os.get_terminal_size(self._input).lines))
        self._run.tap = self._show
        try:
            loop.add_signal_handler(signal.SIGWINCH, self._resized)
            loop.add_reader(self._input, self._typed)
            self._resized()
            await self._over()
        finally:
            self._run.tap = None
            loop.remove_reader(self._input)
            loop.remove_signal_handler(signal.SIGWINCH)
            _write_all(self._output, RESTORED)  # at once: a console that ends does not wait for a thread
            termios.tcsetattr(self._input, termios.TCSADRAIN, before)

    async def _over(self) -> None:
        waits = [asyncio.create_task(self._left.wait()), asyncio.create_task(self._run.over())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _show(self, data: bytes) -> None:
        """Write in a thread, so that a slow terminal does not block the connection."""
        await asyncio.to_thread(_write_all, self._output, data)

    def _resized(self) -> None:
        try:
            size = os.get_terminal_size(self._input)
        except OSError:
            return
        if self._view.engine is not None:
            self._view.engine.resize(size.columns, size.lines)
        self._run.resize(size.columns, size.lines)

    def _typed(self) -> None:
        try:
            data = os.read(self._input, READ_BYTES)
        except OSError:
            data = b""
        if not data:  # the terminal is gone
            self._left.set()
            return
        found = LEAVES.search(data)
        if found is not None:
            data = data[: found.start()]
            self._left.set()
        if data:
            self._run.send(data)


def _write_all(target: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(target, view) :]
    except OSError:
        return  # the terminal is gone


def painted(frame: Frame, height: int) -> bytes:
    """Return bytes that give an empty terminal of ``height`` rows the content and modes of ``frame``."""
    modes = frame.modes
    parts = ["\x1b[?1049h" if modes.alternate_screen else "\n" * height, "\x1b[H\x1b[2J"]
    rows = list(frame.rows)
    last = max((y for y, row in enumerate(rows) if row), default=0)
    last = max(last, frame.cursor.row if frame.cursor else 0)
    first = max(0, last + 1 - height)
    lines = []
    for row in rows[first : last + 1]:
        lines.append(
            "".join(style_of(r.look).render(r.text, color_system=ColorSystem.TRUECOLOR) for r in row)
        )
    parts.append("\r\n".join(lines))
    if frame.cursor is not None:
        parts.append(_placed(frame.cursor, first))
    else:
        parts.append("\x1b[?25l")
    return "".join([*parts, *_set(modes)]).encode()


def _placed(cursor: Cursor, first: int) -> str:
    return f"\x1b[{cursor.row - first + 1};{cursor.column + 1}H"


def _set(modes: Modes) -> Iterator[str]:
    """Return the escape sequences that set the program's modes."""
    wanted = (
        (modes.application_cursor, "\x1b[?1h"),
        (modes.application_keypad, "\x1b="),
        (modes.bracketed_paste, "\x1b[?2004h"),
        (modes.focus_events, "\x1b[?1004h"),
        (modes.newline, "\x1b[20h"),
        (modes.mouse_sgr, "\x1b[?1006h"),
        (modes.mouse is Mouse.CLICKS, "\x1b[?1000h"),
        (modes.mouse is Mouse.DRAGS, "\x1b[?1002h"),
        (modes.mouse is Mouse.ANY, "\x1b[?1003h"),
    )
    return (code for on, code in wanted if on)
