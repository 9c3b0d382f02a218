"""Asks a line at the console of Windows."""

from __future__ import annotations

import asyncio
import msvcrt
import os
import threading

CONSOLE = "CONIN$"
CTRL_C, CTRL_Z = "\x03", "\x1a"


def has_terminal() -> bool:
    """Return whether the process has a console."""
    try:
        os.close(os.open(CONSOLE, os.O_RDWR))
    except OSError:
        return False
    return True


async def ask_line(question: str, *, echo: bool) -> str | None:
    """Ask for a line and return it; None after Ctrl-C or Ctrl-Z. Raises OSError without a console."""
    os.close(os.open(CONSOLE, os.O_RDWR))
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(value: str | None) -> None:
        if not answer.done():
            answer.set_result(value)

    def read() -> None:
        line = read_line(question, echo=echo)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, line)

    threading.Thread(target=read, name="labeltui-ask", daemon=True).start()  # Ctrl-C does not wait for input
    return await answer


def read_line(question: str, *, echo: bool) -> str | None:
    """Print the question, and read keys until Enter. Blocks."""
    _put(question)
    line = ""
    while True:
        key = msvcrt.getwch()
        if key in "\r\n":
            _put("\r\n")
            return line
        if key in (CTRL_C, CTRL_Z):
            _put("\r\n")
            return None
        if key in "\x00\xe0":  # an arrow or function key, whose second half follows
            msvcrt.getwch()
        elif key == "\b":
            _put("\b \b" if line and echo else "")
            line = line[:-1]
        else:
            line += key
            _put(key if echo else "")


def _put(text: str) -> None:
    for character in text.replace("\r\n", "\n").replace("\n", "\r\n"):
        msvcrt.putwch(character)
