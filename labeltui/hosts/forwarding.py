"""A local port that leads to another port of the same machine."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from typing import cast

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed

LOOPBACK = "127.0.0.1"


def port_taken(port: int) -> Failed:
    """The failure for a local port that is in use."""
    return Failed(
        Code.PORT_TAKEN,
        f"Port {port} of this machine is in use.",
        "Stop the program that uses it, or choose another port.",
    )


class Relay:
    """Listens on ``local_port`` and copies bytes in both directions.

    If that is 0 or the remote port itself, nothing is started, because callers can use the remote port
    directly.
    """

    def __init__(self, remote_port: int, local_port: int) -> None:
        self.local_port = local_port or remote_port
        self.direct = self.local_port == remote_port
        self._remote_port = remote_port
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Raises Failed ``port_taken`` if the port is in use."""
        if self.direct:
            return
        try:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.local_port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise port_taken(self.local_port) from None
            raise Failed(
                Code.PORT_REFUSED, f"labeltui can't listen on port {self.local_port}: {error.strerror}."
            ) from error

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._busy.add(task)
        try:
            there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._remote_port)
            try:
                await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
            finally:
                there_writer.close()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()
            self._busy.discard(task)

    async def close(self) -> None:
        """Stop listening and end the connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._busy):
            task.cancel()
        if self._busy:
            await asyncio.wait(self._busy)
        self._server = None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
