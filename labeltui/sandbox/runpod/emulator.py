"""The complete emulator on one event loop: the world, the API on loopback, and the pods' containers."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn

from labeltui.sandbox.pod import free_port
from labeltui.sandbox.processes import sweep
from labeltui.sandbox.runpod.api.app import build_app
from labeltui.sandbox.runpod.api.gate import Limits
from labeltui.sandbox.runpod.containers.containers import Containers
from labeltui.sandbox.runpod.containers.proxy_shell import ProxyShell
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.clock import FakeClock
from labeltui.sandbox.runpod.world.pods import Mount, Spec
from labeltui.sandbox.runpod.world.world import Key, Timing, World
from labeltui.sandbox.scenarios import find

_TICK = 0.05
IMAGE = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"
GPU = "NVIDIA RTX A5000"


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def cut(self) -> None:
        """Stop listening and abort every connection, because log streams never end by themselves."""
        for listener in getattr(self, "servers", []):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()


def _new_folder(inside: Path | None) -> Path:
    return Path(tempfile.mkdtemp(prefix="labeltui-runpod-", dir=inside)).resolve()


class Emulator:
    """An emulated RunPod. Use it as an async context manager.

    The caller may prepare ``world`` (a fake clock, prices, stock). ``url`` replaces ``https://api.runpod.io``: REST
    is below ``/v2``, GraphQL at ``/graphql``. Files go into a new folder inside ``folder``, which defaults to the
    system's temporary folder.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        scenario: str = "healthy",
        folder: Path | None = None,
        key: str | None = None,
        limits: Limits | None = None,
        port: int = 0,
    ) -> None:
        self.world = world if world is not None else World()
        self.scenario = find(scenario)
        self.limits = limits or Limits()
        self.key = key or f"rpa_{secrets.token_hex(20).upper()}"
        self.world.keys.setdefault(self.key, Key())
        self.token = secrets.token_hex(12)
        self.control_token = secrets.token_urlsafe(24)
        self.server_port = free_port()
        self._folder = folder
        self._port = port or free_port()
        self._tasks: list[asyncio.Task[Any]] = []
        self._server: _Server | None = None
        self.root = Path()

    @property
    def url(self) -> str:
        """The address that replaces ``https://api.runpod.io``."""
        return f"http://127.0.0.1:{self._port}"

    def ready(self) -> dict[str, Any]:
        """Return the address, keys and other facts that a client or a test needs, as JSON values."""
        return {
            "ready": True,
            "url": self.url,
            "key": self.key,
            "control": self.control_token,
            "server_port": self.server_port,
            "scenario": self.scenario.name,
            "root": str(self.root),
            "token": self.token,
        }

    async def __aenter__(self) -> Emulator:
        self.root = _new_folder(self._folder)
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise
        return self

    async def _start(self) -> None:
        self.containers = Containers(self.world, self.root, self.token, self.scenario, self.server_port)
        self.proxy_shell = ProxyShell(self.world, self.containers)
        self.world.hardware = self.containers
        self.world.extra_env["RUNPOD_API_BASE_URL"] = self.url
        self.containers.begin()
        await self.proxy_shell.start()
        self.world.proxy = ("127.0.0.1", self.proxy_shell.port)
        app = build_app(self.world, self.limits, self)
        config = uvicorn.Config(
            app, "127.0.0.1", self._port, log_level="critical", lifespan="off", http="h11", ws="none",
            timeout_graceful_shutdown=0,
        )  # fmt: skip
        self._server = _Server(config)
        self._tasks = [asyncio.create_task(self._server.serve()), asyncio.create_task(self._tick())]
        while not self._server.started:
            if self._tasks[0].done():
                raise RuntimeError("The emulator could not listen.")
            await asyncio.sleep(0.01)

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End servers, containers and processes, and remove the files. May be called twice."""
        if self._server is not None:
            self._server.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self.world.hardware is not None:
            await self.proxy_shell.close()
            await self.containers.close()
            self.world.hardware = None
        await asyncio.to_thread(sweep, self.token, self.root)
        if self.root != Path():
            await asyncio.to_thread(shutil.rmtree, self.root, ignore_errors=True)

    async def _tick(self) -> None:
        while True:
            timeline.advance(self.world)
            await asyncio.sleep(_TICK)

    async def rent_first(self, name: str, public_key: str) -> None:
        """Rent a pod that ``public_key`` opens, without RunPod's usual delays, and wait until its sshd listens."""
        usual, self.world.timing = self.world.timing, Timing(provision=0, pull=0, boot=0, ports=0)
        timeline.create(
            self.world,
            Spec(
                name, IMAGE, disk=20, ports=["22/tcp"], env={"PUBLIC_KEY": public_key}, gpu=GPU, start_ssh=True,
                mount=Mount("/workspace", size=100),
            ),
        )  # fmt: skip
        await self.settle()
        self.world.timing = usual

    async def settle(self) -> None:
        """Carry out all due steps, and wait until the containers have finished their jobs."""
        timeline.advance(self.world)
        await self.containers.settled()

    async def advance(self, span: float | timedelta) -> None:
        """Advance a fake clock (a number means seconds), and settle. Raises ``TypeError`` for a real clock."""
        clock = self.world.clock
        if not isinstance(clock, FakeClock):
            raise TypeError("only a fake clock can be moved")
        clock.advance(span.total_seconds() if isinstance(span, timedelta) else span)
        await self.settle()
