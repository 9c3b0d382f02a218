"""A shell of this machine is on a terminal of its own: job control, size, exit code, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import psutil
import pytest

from labeltui.hosts.base import Shell
from labeltui.hosts.local import LocalHost
from tests.shell_output import read_until


async def settles(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - another process's doing has no event here
            await asyncio.sleep(0.01)


@pytest.fixture
async def shell() -> Shell:
    host = LocalHost(env={"PS1": "pod$ "})
    return await host.shell(80, 24, command="exec env PS1='pod$ ' bash --norc --noprofile -i")


async def test_job_control_and_what_has_the_terminal(shell: Shell) -> None:
    await read_until(shell, b"pod$ ")
    await settles(lambda: shell.foreground() == "")
    shell.write(b"sleep 1000\r")
    await settles(lambda: shell.foreground() == "sleep")
    shell.write(b"\x1a")
    await read_until(shell, b"Stopped")
    await settles(lambda: shell.foreground() == "")
    shell.write(b"fg\r")
    await settles(lambda: shell.foreground() == "sleep")
    shell.write(b"\x03")
    await read_until(shell, b"pod$ ")
    shell.resize(101, 37)
    shell.write(b"stty size; tty\r")
    assert b"37 101" in await read_until(shell, b"/dev/pts")
    shell.write(b"exit 7\r")
    while await shell.read():
        pass
    assert await shell.wait() == 7
    await shell.close()
    assert shell.foreground() == ""


async def test_hanging_up_ends_what_runs_and_leaves_no_zombie(shell: Shell) -> None:
    await read_until(shell, b"pod$ ")
    shell.write(b"sleep 1001\r")
    await settles(lambda: shell.foreground() == "sleep")
    children = psutil.Process(os.getpid()).children(recursive=True)
    sleeping = [one for one in children if one.name() in ("sleep", "bash")]
    assert sleeping
    await shell.close()
    await settles(lambda: not any(one.is_running() for one in sleeping))
