"""Reading a shell as a person does: until it has said something."""

from __future__ import annotations

import asyncio

from labeltui.hosts.base import Shell


async def read_until(shell: Shell, wanted: bytes) -> bytes:
    """All that the shell says, up to ``wanted``; fails when it ends before."""
    seen = b""
    async with asyncio.timeout(20):
        while wanted not in seen:
            data = await shell.read()
            assert data, seen
            seen += data
    return seen
