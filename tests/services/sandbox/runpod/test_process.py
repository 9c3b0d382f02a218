"""The emulator as a process of its own: ready, controlled, and gone without a trace whatever ends it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest

from labeltui.config.model import Profile
from labeltui.sandbox.processes import of_pod
from labeltui.sandbox.runpod.launch import PodFailed, RunPod, start_runpod
from labeltui.sandbox.scenarios import UnknownScenario


def empty(folder: Path) -> bool:
    return not list(folder.iterdir())


async def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.02)


@pytest.fixture
async def account(tmp_path: Path) -> AsyncIterator[RunPod]:
    running = await start_runpod("stopped", folder=tmp_path, balance="50", fake_clock=True)
    yield running
    await running.close()
    assert not of_pod(running.ready["token"])
    assert empty(tmp_path)


@pytest.fixture
async def client(account: RunPod) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {account.key}", "X-Labeltui-Control": account.control_token}
    async with httpx.AsyncClient(base_url=account.url, headers=headers, timeout=20) as made:
        yield made


async def control(client: httpx.AsyncClient, what: str, **parameters: Any) -> Any:
    answer = await client.post(f"/_control/{what}", json=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["answer"]


async def rent(client: httpx.AsyncClient, public: str) -> dict[str, Any]:
    """Rent a pod, and leave something running in it that would outlive its shell."""
    body = {"name": "a", "image": "i", "gpu": {"id": "NVIDIA RTX A5000"}, "disk": 10, "ports": ["22/tcp"]}
    pod = (await client.post("/v2/pods", json={**body, "env": {"PUBLIC_KEY": public}})).json()["id"]
    await control(client, "advance", seconds=60)
    answer: dict[str, Any] = (await client.get(f"/v2/pods/{pod}")).json()
    return answer


async def leave_something(pod: dict[str, Any], key: asyncssh.SSHKey) -> None:
    endpoint = pod["ssh"]["direct"]
    async with asyncssh.connect(
        endpoint["host"], endpoint["port"], username="root", client_keys=[key], known_hosts=None, config=None
    ) as ssh:
        await ssh.run("setsid sleep 600 </dev/null >/dev/null 2>&1 & :", check=True)


async def test_the_profile_is_valid(account: RunPod) -> None:
    profile = Profile.model_validate(
        {"host": "ssh", "ssh": {"address": "root@127.0.0.1:22"}, "server": account.server("~/workspace")}
    )
    assert profile.server.port == account.server_port


async def test_a_test_controls_it_and_nobody_else(
    account: RunPod, client: httpx.AsyncClient, key: asyncssh.SSHKey
) -> None:
    pod = await rent(client, key.export_public_key().decode())
    state = await control(client, "state")
    assert state["pods"][pod["id"]]["status"] == "RUNNING"
    await control(client, "fault", name="no_capacity", times=2)
    assert (await control(client, "state"))["faults"] == ["no_capacity"]
    await control(client, "clear")
    await control(client, "event", name="deleted_elsewhere", pod=pod["id"])
    assert (await control(client, "state"))["gone"] == [pod["id"]]
    for what, sent in (("fault", {"name": "x"}), ("event", {"name": "x"}), ("advance", {}), ("dance", {})):
        assert (await client.post(f"/_control/{what}", json=sent)).status_code == 400
    stranger = await client.post("/_control/state", headers={"X-Labeltui-Control": "guess"})
    assert stranger.status_code == 403


async def test_a_network_that_drops(account: RunPod, client: httpx.AsyncClient, key: asyncssh.SSHKey) -> None:
    pod = await rent(client, key.export_public_key().decode())
    await control(client, "drop", pod=pod["id"], refuse=True)
    with pytest.raises((asyncssh.Error, OSError)):
        await leave_something(pod, key)
    await control(client, "drop", pod=pod["id"])
    await leave_something(pod, key)


@pytest.mark.parametrize("end", ["close", "term", "kill"])
async def test_nothing_is_left(tmp_path: Path, key: asyncssh.SSHKey, end: str) -> None:
    account = await start_runpod("stopped", folder=tmp_path, fake_clock=True)
    headers = {"Authorization": f"Bearer {account.key}", "X-Labeltui-Control": account.control_token}
    async with httpx.AsyncClient(base_url=account.url, headers=headers, timeout=20) as client:
        pod = await rent(client, key.export_public_key().decode())
    await leave_something(pod, key)
    assert of_pod(account.ready["token"])
    if end == "term":
        os.kill(account.pid, signal.SIGTERM)
        await until(lambda: not of_pod(account.ready["token"]))
    elif end == "kill":
        os.kill(account.pid, signal.SIGKILL)
    await account.close()
    await account.close()
    assert not of_pod(account.ready["token"])
    assert empty(tmp_path)


async def test_the_end_of_its_console_is_its_end(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from labeltui.sandbox.runpod.launch import start_runpod\n"
        "async def main():\n"
        "    account = await start_runpod('stopped', folder=Path(sys.argv[1]))\n"
        "    print(account.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    console = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert console.stdout is not None
    pid = int(await console.stdout.readline())
    assert not empty(tmp_path)
    console.kill()
    await console.wait()
    await until(lambda: empty(tmp_path) and not Path(f"/proc/{pid}/fd").exists())


async def test_what_cannot_start() -> None:
    with pytest.raises(UnknownScenario):
        await start_runpod("nonsense")
    with pytest.raises(PodFailed):
        await start_runpod("stopped", balance="much")
    command = [sys.executable, "-m", "labeltui.sandbox.runpod", "--scenario", "nonsense"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    assert done.returncode == 2
