"""Ask the operator at the controlling terminal, also when stdin and stdout are pipes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from labeltui.domain.literal import visible
from labeltui.hosts.base import HostKey
from labeltui.support.desk import WINDOWS

if WINDOWS:
    from labeltui.cli.windows_terminal import ask_line, has_terminal
else:
    from labeltui.cli.terminal import ask_line, has_terminal


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
        return has_terminal()

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
            self._asking_since = time.monotonic()
            try:
                return await ask_line(question + " ", echo=echo)
            except OSError:
                self._show(
                    f"{question.splitlines()[0]}\nThis question needs a terminal: run the command in a terminal once."
                )
                return None
            finally:
                self._asked_s = self.asked_s
                self._asking_since = None
