"""Read a shell's output until it contains a text."""

from __future__ import annotations

import asyncio

from labeltui.hosts.base import Shell


async def read_until(shell: Shell, wanted: bytes) -> bytes:
    """Return the output up to and including ``wanted``. Fails when the shell ends first, or after 20 seconds."""
    output = b""
    async with asyncio.timeout(20):
        while wanted not in output:
            data = await shell.read()
            assert data, output
            output += data
    return output
