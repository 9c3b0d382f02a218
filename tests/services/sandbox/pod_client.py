"""A client of the demo pod."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from tests.services.sandbox.sandbox_server import until


@asynccontextmanager
async def connected(ready: dict[str, str]) -> AsyncIterator[asyncssh.SSHClientConnection]:
    user, _, place = ready["address"].partition("@")
    host, _, port = place.partition(":")
    async with asyncssh.connect(
        host,
        int(port),
        username=user,
        client_keys=[ready["key"]],
        known_hosts=ready["known_hosts"],
        config=None,
        agent_path=None,
    ) as connection:
        yield connection


def empty(folder: Path) -> bool:
    return not list(folder.iterdir())


async def eventually(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, condition)


async def read_until(read: Callable[[], Awaitable[bytes]], wanted: bytes) -> bytes:
    said = b""
    async with asyncio.timeout(10):
        while wanted not in said:
            more = await read()
            assert more, said
            said += more
    return said
