"""Ask the operator at the controlling terminal, also when stdin and stdout are pipes."""

from __future__ import annotations

import asyncio
import os
import termios
import threading
import time
from collections.abc import Callable

from labeltui.cli.text import visible
from labeltui.hosts.base import HostKey

TERMINAL = "/dev/tty"


class TerminalPrompter:
    """A :class:`~labeltui.hosts.base.Prompter` on the controlling terminal. Without a terminal, every answer is no.

    ``show`` prints a line for people, for example that there is no terminal.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._asked_s = 0.0
        self._asking_since: float | None = None
        self._turn = asyncio.Lock()

    @property
    def asked_s(self) -> float:
        """Seconds spent waiting for answers so far. Callers exclude this time from deadlines."""
        running = 0.0 if self._asking_since is None else time.monotonic() - self._asking_since
        return self._asked_s + running

    @property
    def present(self) -> bool:
        """True if there is a controlling terminal."""
        try:
            os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY))
        except OSError:
            return False
        return True

    async def secret(self, title: str, prompt: str) -> str | None:
        """Ask for a password or passphrase without echo. Returns None without an answer."""
        return await self.ask(f"{visible(title)}\n{visible(prompt)}", echo=False)

    async def trust_host_key(self, key: HostKey) -> bool | None:
        """Show the fingerprint and ask whether to trust the key. Only the whole word yes counts as consent.

        Without a terminal, return None and show nothing, because the error that follows names the key.
        """
        if not self.present:
            return None
        expected = "".join(f"  {visible(one)}\n" for one in key.expected)
        because = f"{visible(key.because)}\n{expected}" if key.because else ""
        question = (
            f"labeltui has not connected to {visible(key.address)} before. Its {visible(key.algorithm)} key is\n"
            f"  {visible(key.fingerprint)}\n{because}Trust it? Type yes or no:"
        )
        return (await self.ask(question) or "").strip().lower() == "yes"

    def notice(self, text: str) -> None:
        """Print a line of text on stderr."""
        self._show(visible(text))

    async def ask(self, question: str, *, echo: bool = True) -> str | None:
        """Ask for a line and return it. Returns None without a terminal or at the end of input."""
        async with self._turn:
            try:
                terminal = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY)
            except OSError:
                self._show(
                    f"{question.splitlines()[0]}\nThis question needs a terminal: run the command in a terminal once."
                )
                return None
            self._asking_since = time.monotonic()
            try:
                return await _ask_on(terminal, question + " ", echo)
            finally:
                self._asked_s = self.asked_s
                self._asking_since = None


async def _ask_on(terminal: int, question: str, echo: bool) -> str | None:
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
