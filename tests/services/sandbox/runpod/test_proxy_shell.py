"""The proxy shell: a shell on a terminal, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncssh
import pytest

from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world import events


@asynccontextmanager
async def through(pod: dict[str, Any], key: asyncssh.SSHKey) -> AsyncIterator[asyncssh.SSHClientConnection]:
    endpoint = pod["ssh"]["proxy"]
    async with asyncssh.connect(
        endpoint["host"],
        endpoint["port"],
        username=endpoint["username"],
        client_keys=[key],
        known_hosts=None,
        config=None,
        agent_path=None,
    ) as connection:
        yield connection


async def read_until(process: asyncssh.SSHClientProcess[str], wanted: str) -> str:
    said = ""
    async with asyncio.timeout(10):
        while wanted not in said:
            more = await process.stdout.read(4096)
            assert more, said
            said += more
    return said


@pytest.mark.parametrize("ports", [["22/tcp"], []])
async def test_a_shell_needs_nothing_in_the_pod(
    emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey, ports: list[str]
) -> None:
    pod = await rent(ports=ports)
    async with through(pod, key) as ssh:
        shell = await ssh.create_process(term_type="xterm-256color", term_size=(80, 24))
        await read_until(shell, "pod:")  # a shell that is still starting may drop what is typed
        shell.stdin.write("echo $((40+2)) $RUNPOD_POD_ID; ls -d workspace\n")
        assert f"42 {pod['id']}" in await read_until(shell, f"42 {pod['id']}")
        dropped = await ssh.create_process("echo $((50+2))", term_type="xterm-256color")
        before = await read_until(dropped, "pod:")
        dropped.stdin.write("echo $((60+2))\n")
        assert "52" not in before + await read_until(dropped, "62")


async def test_what_it_cannot_do(emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey) -> None:
    pod = await rent()
    async with through(pod, key) as ssh:
        done = await ssh.run("echo hello")
        assert (done.stdout, done.exit_status) == ("Error: Your SSH client doesn't support PTY\n", 1)
        with pytest.raises(asyncssh.ChannelOpenError):
            await ssh.start_sftp_client()
        listener = await ssh.forward_local_port("127.0.0.1", 0, "127.0.0.1", emulator.server_port)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
        assert await reader.read() == b""
        writer.close()


async def test_who_does_not_get_in(
    emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    pod = await rent()
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(asyncssh.PermissionDenied):
        async with through(pod, stranger):
            pass
    events.happen(emulator.world, "stopped_elsewhere", pod=pod["id"])
    await emulator.settle()
    async with through(pod, key) as ssh:
        shell = await ssh.create_process(term_type="xterm")
        assert await read_until(shell, "running") == "container not running\r\n"
    events.happen(emulator.world, "deleted_elsewhere", pod=pod["id"])
    with pytest.raises(asyncssh.PermissionDenied):
        async with through(pod, key):
            pass
