"""Runs a command reliably, independent of the login shell and its start-up files.

An SSH server gives each command line to the user's login shell, which reads its start-up files first. These
files may print text, with or without a last newline. They may also replace the login shell with another shell.
That shell never sees the command line; it reads its standard input as a script instead. Therefore

- a command prints MARK before it starts, and everything printed before that is dropped;
- the first line of its standard input is the command again. The command skips it; a shell that replaced the login
  shell runs it;
- the command's own input is sent only after the MARK, because shells read ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import asyncssh

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.hosts.quoting import posix

MARK = b"\nlabeltui:begin\n"
GO = b"go\n"
# The quotes keep a shell that echoes its commands from printing the MARK itself.
_PRINT_MARK = 'echo; echo labeltui:"begin"; '
_SKIP_LINE = "read -r labeltui; "
_AWAIT_GO = "read -r labeltui || exit 0; "
START_S = 15.0
END_S = 5.0
READ_AT_ONCE = 4 << 20  # more than asyncssh can hold with any window used here
NOISE_SHOWN = 2000
HINT = (
    "Change the start-up files (such as ~/.bashrc) so that they start another shell only in a terminal, "
    "as in `case $- in *i*) exec fish ;; esac`."
)


def command_line(command: str, *, streams: bool) -> str:
    """Return the command line for the SSH server. ``streams`` is True if the command reads its own input."""
    return posix(_SKIP_LINE + _PRINT_MARK + (_AWAIT_GO if streams else "") + command)


def first_line(command: str, *, streams: bool) -> bytes:
    """Return the first line of the command's standard input."""
    line = posix(_PRINT_MARK + (_AWAIT_GO if streams else "") + command)
    return line.encode("utf-8", "surrogateescape") + b"\n"


async def await_start(
    process: asyncssh.SSHClientProcess[bytes],
    command: str,
    address: str,
    *,
    streams: bool,
    stderr: Callable[[], bytes],
) -> bytes:
    """Start the command. Returns the output that has arrived so far.

    Raises Failed ``login_shell`` with the host's output if the command does not start, OSError and asyncssh.Error if
    the connection is lost.
    """
    with contextlib.suppress(BrokenPipeError):  # the command may have ended; its output has the reason
        process.stdin.write(first_line(command, streams=streams))
        if not streams:
            process.stdin.write_eof()
    noise = bytearray()
    try:
        async with asyncio.timeout(START_S if streams else None):
            rest = await _after_mark(process, noise)
    except TimeoutError:
        raise await _no_start(process, address, noise, stderr) from None
    if rest is None:
        await process.wait_closed()
        if process.returncode is None:
            raise asyncssh.ConnectionLost("No exit code was received")
        raise _ended(process.returncode, address, noise, stderr)
    if streams:
        process.stdin.write(GO)
    return rest


async def _after_mark(process: asyncssh.SSHClientProcess[bytes], noise: bytearray) -> bytes | None:
    """The output after the MARK; None if the output ends without one."""
    while data := await process.stdout.read(READ_AT_ONCE):
        noise += data
        if MARK in noise:
            return bytes(noise.partition(MARK)[2])
        del noise[: -NOISE_SHOWN - len(MARK)]
    return None


async def _no_start(
    process: asyncssh.SSHClientProcess[bytes], address: str, noise: bytearray, stderr: Callable[[], bytes]
) -> Failed:
    """Return the failure for a command that did not start.

    Either the shell reads all of its input first, or the host is slow.
    """
    said = _said(noise, stderr)
    try:
        async with asyncio.timeout(END_S):
            process.stdin.write_eof()
            if await _after_mark(process, noise) is not None:
                return Failed(
                    Code.LOGIN_SHELL, f"The start-up files of {address} start another shell in place of the command.",
                    HINT, said,
                )  # fmt: skip
    except (TimeoutError, BrokenPipeError):
        pass
    return Failed(
        Code.LOGIN_SHELL, f"{address} started no command within {START_S:g} s{_last(said)}.", HINT, said
    )


def _ended(exit_code: int, address: str, noise: bytearray, stderr: Callable[[], bytes]) -> Failed:
    said = _said(noise, stderr)
    return Failed(
        Code.LOGIN_SHELL, f"{address} ended the session (exit code {exit_code}) before a command started{_last(said)}.",
        "Check the login shell and its start-up files on that host.", said,
    )  # fmt: skip


def _said(noise: bytearray, stderr: Callable[[], bytes]) -> str:
    text = b"\n".join((bytes(noise[-NOISE_SHOWN:]), stderr()[-NOISE_SHOWN:]))
    return text.decode("utf-8", "replace").strip()


def _last(said: str) -> str:
    lines = said.splitlines()
    return f": {lines[-1].strip()[:200].rstrip('.')}" if lines else ""
