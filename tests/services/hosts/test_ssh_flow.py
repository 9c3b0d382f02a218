"""A slow reader holds the remote back; what waits here stays small."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from labeltui.hosts.ssh.channels import SshChannel, SshShell
from labeltui.hosts.ssh.host import SHELL_WINDOW, WINDOW, SshHost
from tests.services.hosts.ssh_server import Server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    home = tmp_path / "home"
    home.mkdir()
    running = Server(home)
    await running.start()
    yield running
    await running.close()


def waiting(stream: SshShell | SshChannel) -> int:
    """Bytes that have come and were not read."""
    process = stream._process
    return process._recv_buf_len + sum(len(data) for data, _kind in process.channel._recv_buf)


async def read_slowly(stream: SshShell | SshChannel, pieces: int) -> int:
    """Take small pieces, leaving the remote all the time it wants in between; the most that waited."""
    most = 0
    for _ in range(pieces):
        assert await asyncio.wait_for(stream.read(2048), 5)
        for _ in range(8):
            await asyncio.sleep(0)
        most = max(most, waiting(stream))
    return most


@pytest.mark.parametrize("kind", ["shell", "channel"])
async def test_what_waits_is_bounded(kind: str, server: Server, ssh: Callable[..., SshHost]) -> None:
    host = ssh(server.address, key=server.key_file)
    await host.connect()
    flood = "yes 0123456789012345678901234567890123456789"
    stream = await host.shell(80, 24, command=flood) if kind == "shell" else await host.open(flood)
    most = await read_slowly(stream, 600)
    assert most <= 3 * (SHELL_WINDOW if kind == "shell" else WINDOW)
    await stream.close()
