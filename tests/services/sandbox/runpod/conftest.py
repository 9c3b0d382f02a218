from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest

from labeltui.sandbox.processes import of_pod
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world.clock import FakeClock
from labeltui.sandbox.runpod.world.world import World
from tests.services.sandbox.runpod import published

GPU = "NVIDIA RTX A5000"


def empty(folder: Path) -> bool:
    return not list(folder.iterdir())


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    """An emulated account on a fake clock. After the test, check that no process and no file of it is left."""
    world = World(clock=FakeClock(), funds=Decimal("100.00"))
    async with Emulator(world, scenario="stopped", folder=tmp_path) as running:
        yield running
    assert not of_pod(running.token)
    assert empty(tmp_path)


async def _judge(response: httpx.Response) -> None:
    if not response.request.url.path.startswith("/v2/") or published.folder() is None:
        return
    if "text/event-stream" in response.headers.get("content-type", ""):
        return
    published.check_answer(response, await response.aread())


@pytest.fixture
async def raw(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose answers are not checked against the contract, for faults of the transport."""
    headers = {"Authorization": f"Bearer {emulator.key}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, timeout=10, verify=False) as client:
        yield client


@pytest.fixture
async def api(raw: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client that fails if an answer violates the published API. Without the contracts nothing is checked."""
    raw.event_hooks = {"response": [_judge]}
    return raw


@pytest.fixture(scope="session")
def key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519", comment="me")


@pytest.fixture
def body(key: asyncssh.SSHKey) -> Callable[..., dict[str, Any]]:
    """Make a create request; keyword arguments replace its fields, None removes one."""

    def make(**changes: Any) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "name": "annot",
            "image": "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404",
            "cloud": "SECURE",
            "gpu": {"id": GPU, "count": 1, "minCudaVersion": "12.4"},
            "disk": 20,
            "mounts": {"persistent": {"size": 100, "path": "/workspace"}},
            "ports": ["22/tcp"],
            "env": {"PUBLIC_KEY": key.export_public_key().decode().strip()},
            "startSsh": True,
        }
        wanted.update(changes)
        return {name: value for name, value in wanted.items() if value is not None}

    return make


@pytest.fixture
def rent(
    api: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> Callable[..., Any]:
    """Rent a pod and advance the clock by a minute, so that it runs and can be reached."""

    async def do(**changes: Any) -> dict[str, Any]:
        made = await api.post("/v2/pods", json=body(**changes))
        assert made.status_code == 201, made.text
        await emulator.advance(60)
        answer: dict[str, Any] = (await api.get(f"/v2/pods/{made.json()['id']}")).json()
        return answer

    return do
