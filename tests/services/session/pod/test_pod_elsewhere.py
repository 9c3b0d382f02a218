"""Changes of pods by others are noticed and followed, also by ssh's configuration, and other pods are not touched."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.domain.states import LinkState
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world.events import happen
from labeltui.session.session import Session
from tests.actions import run_confirmed
from tests.services.emulated_session import GPU


@pytest.mark.slow
async def test_ssh_itself_reaches_the_pod_and_follows_it_to_another_address(
    session: Session, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    pod = await run_confirmed(session, "pod.create", gpu=GPU, max_price=1.0)
    written = await run_confirmed(session, "ssh-config", write=True)
    config = str(tmp_path / "home/.ssh/config")
    argv = ["ssh", "-F", config, "-o", "BatchMode=yes", written["host"], "echo here"]

    async def ran() -> str:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await process.communicate()
        return out.decode() or error.decode()

    assert await ran() == "here\n"
    address = f"root@{written['address'].split('@')[1]}"
    happen(emulator.world, "address_changed", pod=pod["id"])
    await emulator.settle()
    emulator.containers.drop(pod["id"], refuse=False)
    session.account.wake()
    await session.store.wait_for(
        lambda s: (
            s.host.value is not None
            and s.host.value.state is LinkState.CONNECTED
            and s.host.value.address != address
        ),
        40,
    )
    state = await session.store.wait_for(lambda s: any(e.kind == "address" for e in s.pod_events), 40)
    assert [e.kind for e in state.pod_events].count("pinned") == 1  # the container is the same: so is its key
    await session.link.ready(30)
    assert await ran() == "here\n"


@pytest.mark.slow
async def test_what_happens_elsewhere_is_noticed_and_a_pod_of_that_name_followed(
    session: Session, emulator: Emulator
) -> None:
    pod = await run_confirmed(session, "pod.create", gpu=GPU, max_price=1.0)
    await session.link.ready(30)
    new = happen(emulator.world, "migrated", pod=pod["id"])
    await emulator.settle()
    session.account.wake()
    await session.store.wait_for(lambda s: s.pod.value is not None and s.pod.value.id == new, 60)
    kinds = [event["kind"] for event in (await run_confirmed(session, "pod.events"))["events"]]
    assert "migrated" in kinds
    await session.store.wait_for(lambda s: s.pod.value.ssh is not None, 60)  # type: ignore[union-attr]
    await session.link.ready(60)

    happen(emulator.world, "deleted_elsewhere", pod=new)
    await emulator.settle()
    session.account.wake()
    state = await session.store.wait_for(lambda s: s.pod_events[-1].kind == "gone", 60)
    assert state.pod.value is not None
    assert state.pod.value.status is PodStatus.TERMINATED
    state = await session.store.wait_for(lambda s: any(alert.key == "pod" for alert in s.alerts), 60)
    assert any("terminated" in alert.message for alert in state.alerts)


async def test_a_pod_of_somebody_else_is_not_touched_without_its_name(
    session: Session, emulator: Emulator
) -> None:
    await run_confirmed(session, "pod.create", gpu=GPU, max_price=1.0)
    client = await session.account.client()
    other = await client.create_once(PodSpec("annot-of-ben", f"NVIDIA {GPU}"))
    with pytest.raises(Refused) as unnamed:
        await run_confirmed(session, "pod.stop", pod="annot-of-ben")
    assert unnamed.value.problem.code == "pod_not_named"
    with pytest.raises(LabeltuiError) as part:
        await run_confirmed(session, "pod.terminate", pod="annot-of", named="annot-of-ben")
    assert part.value.problem.code == "no_pod"
    assert {pod.status for pod in emulator.world.pods.values()} <= {"RUNNING", "STARTING", "PROVISIONING"}
    stopped = await run_confirmed(session, "pod.stop", pod=other.id, named="annot-of-ben")
    assert (stopped["name"], stopped["status"]) == ("annot-of-ben", "stopped")
