"""End a process of the sandbox after a signal, or together with the console that started the process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path


@contextlib.asynccontextmanager
async def stop_event() -> AsyncIterator[asyncio.Event]:
    """Yield an event that SIGTERM, SIGINT, SIGHUP or the end of stdin sets. Stdin ends with the console."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    watch = asyncio.create_task(_end_with_console(stop))
    try:
        yield stop
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _end_with_console(stop: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
    stop.set()


def log_to(path: Path) -> None:
    """Redirect stderr to a file. The parent stops reading stderr after the start, and a full pipe would block."""
    with path.open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
