"""Runs a ProxyCommand, whose standard input and output are the connection, and says why it ended."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
from contextlib import suppress

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.support.desk import WINDOWS

STDERR_BYTES = 4096
ENDS_WITHIN_S = 2.0
NOT_FOUND = 127  # exit code of a shell
NOT_EXECUTABLE = 126


class ProxyCommand:
    """A running ProxyCommand.

    ``socket`` is its standard input and output. asyncssh's own implementation is not used, because it would
    read the command's stderr as part of the connection.
    """

    def __init__(self, command: str, process: asyncio.subprocess.Process, end: socket.socket) -> None:
        self.socket = end
        self._command, self._process = command, process
        self._stderr = bytearray()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: str) -> ProxyCommand:
        """Start the command in the operator's shell, as ssh does. Raises Failed if it can't be started."""
        if WINDOWS:  # its programs take no socket as standard input
            raise Failed(
                Code.NOT_ON_WINDOWS,
                "On Windows, labeltui can't connect through a ProxyCommand.",
                "Use ProxyJump in ~/.ssh/config, or open labeltui in WSL.",
            )
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        shell = os.environ.get("SHELL") or "/bin/sh"
        try:
            process = await asyncio.create_subprocess_exec(
                shell, "-c", f"exec {command}",
                stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise Failed(
                Code.PROXY_COMMAND,
                f"The shell {shell} can't run a ProxyCommand: {error.strerror}.",
                "Correct the environment variable SHELL.",
            ) from None
        finally:
            theirs.close()
        return cls(command, process, ours)

    async def _read(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(STDERR_BYTES)):
            self._stderr += data
            del self._stderr[:-STDERR_BYTES]

    async def problem(self, shown: str) -> LabeltuiError | None:
        """Why the command ended. None if it still runs 2 s after the connection was lost."""
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                code = await self._process.wait()
                await self._reading
        except TimeoutError:
            return None
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1].strip().rstrip('.')}" if lines else ""
        if code in (NOT_FOUND, NOT_EXECUTABLE):
            why = "is not installed" if code == NOT_FOUND else "can't be run"
            return Failed(
                Code.PROXY_COMMAND,
                f"The ProxyCommand for {shown} needs {_program(self._command)!r}, which {why}{said}.",
                "Install it, or correct ProxyCommand in ~/.ssh/config.",
            )
        ended = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        return Unreachable(
            Code.PROXY_COMMAND,
            f"The ProxyCommand {_program(self._command)!r} for {shown} ended with {ended}{said}.",
            f"Run the command in a terminal to see what it needs: {self._command}",
        )

    async def close(self) -> None:
        """End the command and the processes that it started."""
        self.socket.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):  # the end of its input ends most
                await self._process.wait()
        with suppress(ProcessLookupError):
            if not WINDOWS:
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


def _program(command: str) -> str:
    try:
        return shlex.split(command)[0]
    except (ValueError, IndexError):
        return command
