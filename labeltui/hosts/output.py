"""Reads the output of a command into memory, up to a limit that no command of labeltui needs to exceed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed

STDOUT_MOST = 4 << 20  # bytes; more is no answer to any command that labeltui runs
STDERR_TAIL = 64 << 10
PIECE = 64 << 10

Read = Callable[[int], Awaitable[bytes]]
"""A function that returns the next bytes of a stream, about as many as its argument says; ``b""`` at the end."""


async def read_stdout(read: Read, address: str, begun: bytes = b"") -> bytes:
    """Read to the end.

    Returns ``begun``, which was read before, and all bytes after it. Raises Failed ``too_much_output`` beyond 4
    MiB.
    """
    received = bytearray(begun)
    while len(received) <= STDOUT_MOST:
        data = await read(PIECE)
        if not data:
            return bytes(received)
        received += data
    raise Failed(
        Code.TOO_MUCH_OUTPUT,
        f"A command on {address} printed more than {STDOUT_MOST >> 20} MB, so it was ended.",
        "Check the login shell and its start-up files on that host, and whether a program there was replaced.",
    )


async def read_stderr(read: Read, into: bytearray, *, most: int = STDERR_TAIL) -> None:
    """Read to the end, and store the last ``most`` bytes in ``into``. Programs print the reason for a failure last."""
    while data := await read(PIECE):
        into += data
        del into[:-most]
        await asyncio.sleep(0)  # a flood must leave time for other tasks
