"""Shows one shell on the whole real terminal, without the console around the shell.

Output goes to the terminal as under ``ssh``, and also to the pane's engine, so that the pane is up to date on
return. The real terminal answers the programs' queries. Everything is drawn on the terminal's alternate screen,
so that the terminal's earlier content and cursor are there again afterwards.
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

from labeltui.ui.panes.shell.passed_output import RESET, PassedOutput
from labeltui.ui.restore import ConsoleDriver
from labeltui.ui.widgets.terminal.engine import Cursor, Engine, Frame, Modes, Mouse
from labeltui.ui.widgets.terminal.paint import style_of

if TYPE_CHECKING:
    from labeltui.ui.panes.shell.run import ShellRun
    from labeltui.ui.panes.shell.view import ShellView

READ_BYTES = 65536
# ctrl+] as terminals send it: plain, with kitty's keys (also on Russian and Ukrainian layouts), with xterm's
# modifyOtherKeys
LEAVES = re.compile(rb"\x1d|\x1b\[(?:93|1098|1111);5(?::1)?(?:;93)?u|\x1b\[27;5;93~")
# The alternate screen, a level of kitty's keyboard modes, and the title, all of which RESTORED takes back
BEGIN = b"\x1b[?1049h\x1b[>0u\x1b[22;0t\x1b]2;shell - ctrl+] returns to labeltui\x07"
# Leaving the alternate screen comes last: it restores the cursor, which resetting the margins moves.
RESTORED = RESET + b"\x1b[<u\x1b[23;0t\x1b[?1049l"


async def full_screen(app: App[object], view: ShellView, run: ShellRun) -> None:
    """Show the shell on the whole terminal until ctrl+] is pressed or the shell ends.

    Does nothing without a real terminal or an engine.
    """
    view.show_present()
    engine, source, target = view.engine, sys.__stdin__, sys.__stderr__
    if engine is None or source is None or target is None:
        return
    with app.batch_update(), app.suspend(), _silent(app):
        await _Terminal(source.fileno(), target.fileno(), engine, run).serve()
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

    def __init__(self, source: int, target: int, engine: Engine, run: ShellRun) -> None:
        self._input, self._output = source, target
        self._engine, self._run = engine, run
        self._passed = PassedOutput()
        self._left = asyncio.Event()
        self._one_writer = asyncio.Lock()
        self._repainting: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Pass bytes in both directions until the operator presses ctrl+] or the shell ends."""
        loop = asyncio.get_running_loop()
        before = termios.tcgetattr(self._input)
        tty.setraw(self._input, termios.TCSADRAIN)  # unlike TCSAFLUSH, discards no typed keys
        await self._write(BEGIN)
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
            if self._repainting is not None:
                self._repainting.cancel()
            # At once: a console that ends does not wait for a thread.
            _write_all(self._output, self._passed.pops + RESTORED)
            termios.tcsetattr(self._input, termios.TCSADRAIN, before)

    async def _over(self) -> None:
        waits = [asyncio.create_task(self._left.wait()), asyncio.create_task(self._run.over())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _show(self, data: bytes) -> None:
        """Pass output to the terminal and to the engine."""
        async with self._one_writer:
            for piece in self._passed.pieces(data):
                if piece.shown:
                    await self._write(piece.shown)
                await self._engine.feed(piece.raw)
                if piece.repaints:
                    await self._repaint()

    async def _repaint(self) -> None:
        frame = await self._engine.sync()
        await self._write(painted(frame, os.get_terminal_size(self._input).lines))

    async def _write(self, data: bytes) -> None:
        """Write in a thread, so that a slow terminal does not block the connection."""
        await asyncio.to_thread(_write_all, self._output, data)

    def _resized(self) -> None:
        """Adopt the terminal's new size and draw all rows again.

        Terminals cut lines on the alternate screen, but the engine wraps them.
        """
        try:
            size = os.get_terminal_size(self._input)
        except OSError:
            return
        self._engine.resize(size.columns, size.lines)
        self._run.resize(size.columns, size.lines)

        async def repaint() -> None:
            async with self._one_writer:
                await self._repaint()

        self._repainting = asyncio.create_task(repaint(), name="repaint")

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
    """Return bytes that give a terminal of ``height`` rows the content and modes of ``frame``."""
    parts = ["\x1b[m\x1b[H\x1b[2J"]
    rows = list(frame.rows)
    last = max((y for y, row in enumerate(rows) if row), default=0)
    last = max(last, frame.cursor.row if frame.cursor else 0)
    first = max(0, last + 1 - height)
    for y, row in enumerate(rows[first : last + 1], 1):
        if row:
            cells = (style_of(r.look).render(r.text, color_system=ColorSystem.TRUECOLOR) for r in row)
            parts.append(f"\x1b[{y};1H" + "".join(cells))
    parts.append("\x1b[?25l" if frame.cursor is None else "\x1b[?25h" + _placed(frame.cursor, first))
    return "".join([*parts, *_set(frame.modes)]).encode()


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
