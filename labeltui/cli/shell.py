"""``labeltui shell``: this terminal, connected to a shell on the host."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.output import Output, OutputClosed
from labeltui.cli.parser import Request
from labeltui.cli.running import Opener, opened
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused, Refused, Unreachable
from labeltui.hosts.base import Shell
from labeltui.support.desk import WINDOWS

if TYPE_CHECKING:
    from labeltui.session.session import Session
if not WINDOWS:
    import termios
    import tty

END_OF_INPUT = b"\x04"


async def run_shell(request: Request, output: Output, opener: Opener) -> int:
    """Run a shell or a command on the host. Returns its exit code. Raises LabeltuiError."""
    command = command_text(request.shell_command)
    if request.as_json and command is None:
        raise Misused(
            Code.USAGE,
            "A shell can't be printed as JSON.",
            "Give a command: labeltui shell --json -- COMMAND.",
        )
    if request.launch.read_only:
        raise Refused(
            Code.READ_ONLY, "A shell can change things, and this session is read-only.", "Drop --read-only."
        )
    if WINDOWS and command is None:
        raise Refused(
            Code.NOT_ON_WINDOWS,
            "On Windows, labeltui has an interactive shell only in its console.",
            "Open the console and press 2, or give a command: labeltui shell -- COMMAND.",
        )
    proxy = bool(request.params.get("proxy"))
    if proxy and command is not None:
        raise Misused(
            Code.USAGE, "RunPod's proxy can't run a command.", "Leave out --proxy, or leave out the command."
        )
    prompter = TerminalPrompter(output.progress)
    opening = opened(request.launch, output, prompter, opener, connect=not proxy, allowed=_refuse_read_only)
    async with opening as session:
        size = shutil.get_terminal_size()
        if proxy:
            shell = (await session.shells.open_proxy(size.columns, size.lines)).shell
        else:
            shell = await session.open_shell(size.columns, size.lines, command)
        try:
            if request.as_json:
                return await _collect(shell, output)
            return await passthrough(shell, sys.stdin.fileno(), sys.stdout.fileno())
        finally:
            await shell.close()


def _refuse_read_only(session: Session) -> None:
    if session.read_only:
        raise Refused(
            Code.READ_ONLY,
            "A shell can change things, and this profile is read-only.",
            "Use another profile.",
        )


def command_text(words: Sequence[str]) -> str | None:
    """Return the command line for these arguments. Returns None if there are none, which means a shell.

    A single argument is a command line, as with ``ssh``. Several arguments are a program and its arguments, and
    are quoted.
    """
    if not words:
        return None
    return words[0] if len(words) == 1 else shlex.join(words)


async def passthrough(shell: Shell, source: int, target: int) -> int:
    """Connect this terminal to the shell, raw, until the shell ends. Returns its exit code. Raises Unreachable."""
    loop = asyncio.get_running_loop()

    def resized() -> None:
        size = os.get_terminal_size(source)
        shell.resize(size.columns, size.lines)

    follows = not WINDOWS and os.isatty(source)
    with _raw(source):
        if not WINDOWS and follows:
            loop.add_signal_handler(signal.SIGWINCH, resized)
        try:
            _feed(shell, source, loop)
            while data := await shell.read():
                _write_all(target, data)
        finally:
            if not WINDOWS and follows:
                loop.remove_signal_handler(signal.SIGWINCH)
    return _code(await shell.wait())


async def _collect(shell: Shell, output: Output) -> int:
    """Run a command for ``--json``. A terminal mixes stdout and stderr, so one field of the document holds both."""
    data = bytearray()
    while piece := await shell.read():
        data += piece
    code = _code(await shell.wait())
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    output.document({"as_of": moment(datetime.now(UTC)), "exit_code": code, "output": text})
    return code


def _code(code: int | None) -> int:
    if code is None:
        raise Unreachable(
            Code.CONNECTION_LOST, "The connection was lost while the shell ran.", "Run the command again."
        )
    return 128 - code if code < 0 else code


def _feed(shell: Shell, source: int, loop: asyncio.AbstractEventLoop) -> None:
    """Send the bytes of ``source`` to the shell; a daemon thread reads them."""

    def type_(data: bytes) -> None:
        shell.write(data)

    def read() -> None:
        while True:
            try:
                data = os.read(source, 65536)
            except OSError:
                return
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(type_, data or END_OF_INPUT)
            if not data:
                return

    threading.Thread(target=read, name="labeltui-shell", daemon=True).start()


@contextmanager
def _raw(source: int) -> Iterator[None]:
    """Put this terminal into raw mode, and restore it afterwards."""
    if not WINDOWS and os.isatty(source):
        before = termios.tcgetattr(source)
        try:
            tty.setraw(source)
            yield
        finally:
            termios.tcsetattr(source, termios.TCSADRAIN, before)
    else:
        yield


def _write_all(target: int, data: bytes) -> None:
    """Write to this terminal. Raises OutputClosed."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(target, view) :]
    except OSError as error:
        raise OutputClosed("" if isinstance(error, BrokenPipeError) else error.strerror) from None
