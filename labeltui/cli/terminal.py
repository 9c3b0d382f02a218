"""Asks a line at the controlling terminal of Linux and macOS."""

from __future__ import annotations

import asyncio
import os
import termios
import threading

TERMINAL = "/dev/tty"


def has_terminal() -> bool:
    """Return whether there is a controlling terminal."""
    try:
        os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def ask_line(question: str, *, echo: bool) -> str | None:
    """Ask for a line and return it; None at the end of input. Raises OSError without a terminal."""
    terminal = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY)
    before = termios.tcgetattr(terminal)
    try:
        if not echo:
            silent = termios.tcgetattr(terminal)
            silent[3] &= ~termios.ECHO
            termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
        os.write(terminal, question.encode())
        line = await _read_line(terminal)
        if not echo:
            os.write(terminal, b"\n")
        return line
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
        os.close(terminal)


async def _read_line(terminal: int) -> str | None:
    """Read one line in a daemon thread, so that Ctrl-C does not wait for input."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()
    copy = os.dup(terminal)

    def settle(value: str | None) -> None:
        if not answer.done():
            answer.set_result(value)

    def read() -> None:
        try:
            data = os.read(copy, 4096)
        except OSError:
            data = b""
        finally:
            os.close(copy)
        text = data.decode("utf-8", "replace").rstrip("\r\n") if data else None
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, text)

    threading.Thread(target=read, name="labeltui-ask", daemon=True).start()
    return await answer
