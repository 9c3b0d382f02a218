# ruff: noqa: ASYNC240 (small files, and nothing else runs meanwhile)
from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.base import Host
from labeltui.hosts.local import LocalHost
from labeltui.hosts.ssh.host import SshHost
from tests.services.hosts.ssh_server import Answers, Server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path / "home")
    await running.start()
    yield running
    await running.close()


@pytest.fixture
async def ssh(tmp_path: Path) -> AsyncIterator[Callable[..., SshHost]]:
    """Return a function that creates hosts without this machine's own ssh configuration.

    They are closed after the test.
    """
    made: list[SshHost] = []

    def make(address: str, **options: Any) -> SshHost:
        options = {
            "own_known_hosts": tmp_path / "state" / "known_hosts",
            "known_hosts": (),
            "config": None,
            "prompter": Answers(),
            **options,
        }
        made.append(SshHost(address, **options))
        return made[-1]

    yield make
    for host in made:
        await host.close()


@pytest.fixture(params=["local", "ssh"])
async def host(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Host]:
    """A connected host of each kind, whose home is ``tmp_path/home``; its jobs are ended after the test."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    if request.param == "local":
        made: Host = LocalHost(env={"HOME": str(home)})
        server = None
    else:
        server = Server(home)
        await server.start()
        made = SshHost(
            server.address,
            key=server.key_file,
            own_known_hosts=tmp_path / "known_hosts",
            known_hosts=(),
            config=None,
            prompter=Answers(),
        )
    await made.connect()
    yield made
    await made.close()
    if server is not None:
        await server.close()
    for path in tmp_path.rglob("jobs/*.json"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(json.loads(path.read_text())["pgid"], signal.SIGKILL)
