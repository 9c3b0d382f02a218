"""Running a command although a login shell and its start-up files come first.

An SSH server hands each command line to the user's login shell, which reads its start-up files. They may print
(with or without a last newline), and may put another shell in the login shell's place: that one never sees the
command line, and reads its standard input as a script instead. So

- a command says MARK before it begins, and whatever was printed before that is dropped;
- the first line of its standard input is the command once more. The command passes over it; a shell that took the
  place of the login shell runs it;
- input of the command's own is sent only after the MARK, since shells read ahead.
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
_SAY_MARK = 'echo; echo labeltui:"begin"; '
_SKIP_LINE = "read -r labeltui; "
_AWAIT_GO = "read -r labeltui || exit 0; "
START_S = 15.0
END_S = 5.0
TAKEN_AT_ONCE = 4 << 20  # more than asyncssh can hold with any window used here
NOISE_SHOWN = 2000
HINT = (
    "Its start-up files must leave commands alone: let them start another shell only for a person, "
    "as in `case $- in *i*) exec fish ;; esac`."
)


def command_line(command: str, *, streams: bool) -> str:
    """What the server is asked to run. With ``streams`` the command gets input of its own."""
    return posix(_SKIP_LINE + _SAY_MARK + (_AWAIT_GO if streams else "") + command)


def first_line(command: str, *, streams: bool) -> bytes:
    """What goes first into its standard input."""
    line = posix(_SAY_MARK + (_AWAIT_GO if streams else "") + command)
    return line.encode("utf-8", "surrogateescape") + b"\n"


async def await_start(
    process: asyncssh.SSHClientProcess[bytes],
    command: str,
    address: str,
    *,
    streams: bool,
    stderr: Callable[[], bytes],
) -> bytes:
    """Have the command begin; returns what it printed so far.

    Raises Failed ``login_shell`` with what the host printed where no command is run, OSError and asyncssh.Error
    where the connection breaks.
    """
    with contextlib.suppress(BrokenPipeError):  # it may have ended already; its output tells why
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
    """What comes after the MARK; None when the output ends without one."""
    while data := await process.stdout.read(TAKEN_AT_ONCE):
        noise += data
        if MARK in noise:
            return bytes(noise.partition(MARK)[2])
        del noise[: -NOISE_SHOWN - len(MARK)]
    return None


async def _no_start(
    process: asyncssh.SSHClientProcess[bytes], address: str, noise: bytearray, stderr: Callable[[], bytes]
) -> Failed:
    """Why nothing begins: a shell that runs its input only at the end of it has taken our place, or it is slow."""
    said = _said(noise, stderr)
    try:
        async with asyncio.timeout(END_S):
            process.stdin.write_eof()
            if await _after_mark(process, noise) is not None:
                return Failed(
                    Code.LOGIN_SHELL, f"The start-up files of {address} put another shell in place of the command.",
                    HINT, said,
                )  # fmt: skip
    except (TimeoutError, BrokenPipeError):
        pass
    return Failed(
        Code.LOGIN_SHELL, f"{address} began no command within {START_S:g} s{_last(said)}.", HINT, said
    )


def _ended(exit_code: int, address: str, noise: bytearray, stderr: Callable[[], bytes]) -> Failed:
    said = _said(noise, stderr)
    return Failed(
        Code.LOGIN_SHELL, f"{address} ended the session (exit code {exit_code}) before a command began{_last(said)}.",
        "Check the login shell and its start-up files there.", said,
    )  # fmt: skip


def _said(noise: bytearray, stderr: Callable[[], bytes]) -> str:
    text = b"\n".join((bytes(noise[-NOISE_SHOWN:]), stderr()[-NOISE_SHOWN:]))
    return text.decode("utf-8", "replace").strip()


def _last(said: str) -> str:
    lines = said.splitlines()
    return f": {lines[-1].strip()[:200].rstrip('.')}" if lines else ""
