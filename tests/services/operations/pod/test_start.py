"""Yesterday's pod is started again: as it was, without its GPU, or not at all; and what is tried then."""

from __future__ import annotations

import asyncio

import pytest

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.offers import offers
from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.operations.pod import start as podresume
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.session import Session
from tests.doing import Told, do
from tests.services.emulated_session import GPU


@pytest.fixture
async def pod_id(session: Session, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pod that was stopped; looks follow each other at once."""
    monkeypatch.setattr(podresume, "FIRST_POLLS_S", 0.1)
    for step in ("provision", "pull", "boot", "ports"):
        setattr(emulator.world.timing, step, 0.1)
    client = await session.account.client()
    pod = await client.create_once(PodSpec("annot", f"NVIDIA {GPU}", container_disk_gb=20, volume_disk_gb=20))
    await podresume.wait_until(session, pod, podresume.can_be_reached, Told())
    await client.stop(pod.id)
    return pod.id


async def failing(session: Session, **params: object) -> LabeltuiError:
    with pytest.raises(LabeltuiError) as failed:
        await do(session, "pod.start", **params)
    return failed.value


async def test_a_full_host_offers_what_can_be_done_and_is_tried_again_until_it_works(
    session: Session, emulator: Emulator, pod_id: str
) -> None:
    emulator.world.faults.arm("host_full", times=3)
    problem = (await failing(session)).problem
    assert problem.code == "runpod_host_full"
    assert offers(problem)[0] == "pod.retry"
    told = Told()
    pod = await do(session, "pod.start", told, retry=True, every=0.001)
    assert pod["status"] == "running"
    assert sum("Next try in" in line for line in told.lines) == 2
    assert pod["id"] == pod_id


@pytest.mark.slow
async def test_one_that_came_back_without_its_gpu_is_stopped_and_started_again(
    session: Session, emulator: Emulator, pod_id: str
) -> None:
    emulator.world.faults.arm("zero_gpu", times=2)
    problem = (await failing(session)).problem
    assert problem.code == "runpod_no_gpu"
    assert {"pod.retry", "pod.data", "pod.stop"} <= set(offers(problem))
    data = await do(session, "pod.start", data_only=True)
    assert "copy the labels, then stop it" in data["message"]
    told = Told()
    with pytest.raises(Refused, match="labels"):
        await do(session, "pod.start", told, retry=True)  # it is stopped first: nobody knows of its labels
    pod = await do(session, "pod.start", told, retry=True, every=0.001, lose_labels=True)
    assert pod["status"] == "running"
    assert emulator.world.pods[pod_id].gpus == 1
    assert any("has no GPU" in line for line in told.lines)


async def test_waiting_for_a_gpu_can_be_given_up_and_costs_nothing_more_then(
    session: Session, emulator: Emulator, pod_id: str
) -> None:
    emulator.world.faults.arm("host_full", times=None)
    told = Told()
    waiting = asyncio.create_task(do(session, "pod.start", told, retry=True, every=10.0))
    await told.said("Next try in")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert emulator.world.pods[pod_id].status == "EXITED"
    assert session.journal.entries[-1].outcome == "cancelled"


@pytest.mark.parametrize(
    ("fault", "code"), [("fails_to_start", "runpod_pod_error"), ("no_ports", "pod_no_address")]
)
async def test_one_that_never_comes_back_says_so(
    session: Session, emulator: Emulator, pod_id: str, fault: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podresume, "ADDRESS_WITHIN_S", 0.5)
    emulator.world.faults.arm(fault)
    problem = (await failing(session)).problem
    assert problem.code == code
    assert offers(problem)
    assert pod_id in emulator.world.pods


async def test_without_a_gpu_for_its_data(session: Session, emulator: Emulator, pod_id: str) -> None:
    emulator.world.faults.arm("host_full", times=None)
    pod = await do(session, "pod.start", data_only=True)
    assert pod["status"] == "running"
    assert emulator.world.pods[pod_id].gpus == 0
