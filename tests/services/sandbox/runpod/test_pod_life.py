"""From no pod to none: rent, log in, stop, start, terminate; which files survive and which are lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncssh
import httpx
import pytest

from labeltui.sandbox.processes import of_pod
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world import events


class _Pinned(asyncssh.SSHClient):
    """Accepts exactly the host keys whose fingerprints are in the log."""

    def __init__(self, fingerprints: set[str]) -> None:
        self._fingerprints = fingerprints

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return key.get_fingerprint() in self._fingerprints


def fingerprints(emulator: Emulator, pod: dict[str, Any]) -> set[str]:
    """Return those of the present start: the ones after the last heading."""
    lines = [line.text for line in emulator.world.pods[pod["id"]].log.lines if line.source == "container"]
    last = len(lines) - 1 - lines[::-1].index("SSH host keys:")
    return {line.split()[1] for line in lines[last + 1 : last + 4]}


@asynccontextmanager
async def login(
    pod: dict[str, Any], key: asyncssh.SSHKey, pins: set[str]
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    endpoint = pod["ssh"]["direct"]
    async with asyncssh.connect(
        endpoint["host"],
        endpoint["port"],
        username=endpoint["username"],
        client_keys=[key],
        known_hosts=([], [], []),
        client_factory=lambda: _Pinned(pins),
        config=None,
        agent_path=None,
    ) as connection:
        yield connection


async def said(connection: asyncssh.SSHClientConnection, command: str) -> str:
    return str((await connection.run(command, check=True)).stdout).strip()


async def act(api: httpx.AsyncClient, emulator: Emulator, pod: dict[str, Any], action: str) -> dict[str, Any]:
    """Do it and let a minute pass; returns the pod as it is then."""
    done = await api.post(f"/v2/pods/{pod['id']}/action", json={"action": action})
    assert done.status_code in (200, 204), done.text
    await emulator.advance(60)
    answer: dict[str, Any] = (await api.get(f"/v2/pods/{pod['id']}")).json()
    return answer


async def test_the_whole_story(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    pod = await rent()
    first = fingerprints(emulator, pod)
    async with login(pod, key, first) as ssh:
        assert "spleen_002.nii.gz" in await said(ssh, "ls ~/workspace/studies")
        await said(ssh, "echo kept > ~/workspace/kept; echo lost > ~/lost")
        # A process has no environment while it starts a program, so wait until sleep is running.
        started = "until [ $(cat /proc/$!/comm) = sleep ]; do :; done"
        await said(ssh, f"(setsid sleep 600 >/dev/null 2>&1 & {started})")
        assert len(of_pod(emulator.token)) > 0
        home = emulator.containers.home(pod["id"])
        await act(api, emulator, pod, "stop")
        await asyncio.wait_for(ssh.wait_closed(), 10)
    assert not of_pod(emulator.token)
    assert home is not None
    assert not home.exists()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        async with login(pod, key, first):
            pass
    pod = await act(api, emulator, pod, "start")
    second = fingerprints(emulator, pod)
    assert not first & second
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with login(pod, key, first):
            pass
    async with login(pod, key, second) as ssh:
        assert await said(ssh, "cat ~/workspace/kept; ls ~") == "kept\nworkspace"
    volume = emulator.containers.volume(f"disk-{pod['id']}")
    assert volume.exists()
    await act(api, emulator, pod, "terminate")
    assert not volume.exists()
    assert (await api.get("/v2/pods")).json()["pods"] == []


async def test_a_network_volume_outlives_its_pod(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    wanted = {"name": "data", "size": 50, "dataCenter": "EU-RO-1"}
    volume = (await api.post("/v2/network-volumes", json=wanted)).json()["id"]
    mounts = {"network": [{"volumeId": volume, "path": "/workspace"}]}
    pod = await rent(mounts=mounts)
    async with login(pod, key, fingerprints(emulator, pod)) as ssh:
        await said(ssh, "echo kept > ~/workspace/kept")
    await act(api, emulator, pod, "terminate")
    again = await rent(mounts=mounts)
    async with login(again, key, fingerprints(emulator, again)) as ssh:
        assert await said(ssh, "cat ~/workspace/kept") == "kept"
        python = "~/workspace/labeltui/venv/bin/python"
        assert await said(ssh, f"{python} -c 'import os; print(os.environ[\"LABELTUI_DEMO_POD\"])'") == (
            f"{emulator.token}.{again['id']}"
        )


async def test_a_host_that_failed_has_lost_the_volume(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    pod = await rent()
    events.happen(emulator.world, "host_failed", pod=pod["id"])
    await emulator.settle()
    assert (await api.get(f"/v2/pods/{pod['id']}")).json()["actions"] == ["start", "terminate"]
    pod = await act(api, emulator, pod, "start")
    async with login(pod, key, fingerprints(emulator, pod)) as ssh:
        assert await said(ssh, "ls ~/workspace") == ""


async def test_a_migrated_pod_has_another_id_and_the_data(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    pod = await rent()
    async with login(pod, key, fingerprints(emulator, pod)) as ssh:
        await said(ssh, "echo kept > ~/workspace/kept")
    new = events.happen(emulator.world, "migrated", pod=pod["id"])
    await emulator.advance(60)
    assert (await api.get(f"/v2/pods/{pod['id']}")).status_code == 404
    moved = (await api.get(f"/v2/pods/{new}")).json()
    assert moved["name"] == pod["name"]
    async with login(moved, key, fingerprints(emulator, moved)) as ssh:
        assert await said(ssh, "cat ~/workspace/kept") == "kept"


async def test_an_address_that_changes_during_a_start(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    pod = await rent()
    pins = fingerprints(emulator, pod)
    events.happen(emulator.world, "address_changed", pod=pod["id"])
    await emulator.settle()
    moved = (await api.get(f"/v2/pods/{pod['id']}")).json()
    assert moved["ssh"]["direct"]["port"] != pod["ssh"]["direct"]["port"]
    assert moved["startedAt"] == pod["startedAt"]
    async with login(moved, key, pins) as ssh:
        assert await said(ssh, "echo here") == "here"


async def test_the_old_port_is_reported_for_a_while(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    pod = await rent()
    await act(api, emulator, pod, "stop")
    emulator.world.faults.arm("stale_address", seconds=90)
    stale = await act(api, emulator, pod, "start")
    assert stale["ssh"]["direct"]["port"] == pod["ssh"]["direct"]["port"]
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        async with login(stale, key, fingerprints(emulator, stale)):
            pass
    await emulator.advance(60)
    true = (await api.get(f"/v2/pods/{pod['id']}")).json()
    async with login(true, key, fingerprints(emulator, true)) as ssh:
        assert await said(ssh, "echo here") == "here"


@pytest.mark.parametrize(
    ("fault", "changes", "endpoint"),
    [
        ("no_ports", {}, False),
        ("no_sshd", {}, True),
        (None, {"env": None}, True),
        (None, {"args": "bash -c 'sleep infinity'"}, True),
        (None, {"ports": ["8000/http"]}, False),
    ],
)
async def test_running_and_not_reachable(
    emulator: Emulator,
    rent: Callable[..., Any],
    key: asyncssh.SSHKey,
    fault: str | None,
    changes: dict[str, Any],
    endpoint: bool,
) -> None:
    if fault is not None:
        emulator.world.faults.arm(fault)
    pod = await rent(**changes)
    assert pod["status"] == "RUNNING"
    assert (pod["ssh"]["direct"] is not None) == endpoint
    if endpoint:
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            async with login(pod, key, set()):
                pass


async def test_the_pod_stops_itself_with_its_own_key(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    mine, other = await rent(name="mine"), await rent(name="other")
    async with login(mine, key, fingerprints(emulator, mine)) as ssh:
        assert "RUNPOD_POD_ID" not in await said(ssh, "env")
        assert mine["id"] in await said(ssh, 'cat "$LABELTUI_RP_ENVIRONMENT"')
        refused = await ssh.run(f"runpodctl pod stop {other['id']}")
        assert "403" in str(refused.stderr)
        events.happen(emulator.world, "pod_key_refused", pod=mine["id"])
        assert "403" in str((await ssh.run(f"runpodctl pod stop {mine['id']}")).stderr)
        emulator.world.keys[emulator.world.pods[mine["id"]].api_key].scope = "all"
        await ssh.run(f"runpodctl pod stop {mine['id']}")
    await emulator.settle()
    states = {pod["name"]: pod["status"] for pod in (await api.get("/v2/pods")).json()["pods"]}
    assert states == {"mine": "EXITED", "other": "RUNNING"}


async def test_the_stand_in_serves_from_the_volume(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    pod = await rent()
    url = f"http://127.0.0.1:{emulator.server_port}/datastore/"
    async with login(pod, key, fingerprints(emulator, pod)) as ssh:
        await said(
            ssh,
            "cd ~/workspace && setsid labeltui/venv/bin/monailabel start_server --app labeltui/apps/radiology "
            f"--studies studies --conf models deepedit --host 127.0.0.1 --port {emulator.server_port} "
            "</dev/null >server.log 2>&1 &",
        )
        async with httpx.AsyncClient(verify=False) as client, asyncio.timeout(20):
            while True:
                try:
                    total = (await client.get(url)).json()["total"]
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
    assert total == 12
    await act(api, emulator, pod, "stop")
    async with httpx.AsyncClient(verify=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_keys_of_the_account_reach_only_pods_rented_later(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], key: asyncssh.SSHKey
) -> None:
    before = await rent(env=None, name="before")
    public = key.export_public_key().decode().strip()
    await api.put("/v2/account/ssh-keys", json={"keys": [public]})
    after = await rent(env=None, name="after")
    assert "PUBLIC_KEY" not in (await act(api, emulator, before, "restart"))["env"]
    assert after["env"]["PUBLIC_KEY"] == public
    async with login(after, key, fingerprints(emulator, after)) as ssh:
        assert await said(ssh, "echo in") == "in"
