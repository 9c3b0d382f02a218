"""Renting by a plan against the emulated account in this process: every refusal, and never two pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.actions.params import NoParams
from labeltui.actions.pods import PodCreateParams, PodGpusParams, PodMakeVolumeParams
from labeltui.domain.problems import ExitCode, Refused
from labeltui.operations.deploy.deployment import Deployment
from labeltui.operations.deploy.market import pod_gpus, pod_make_volume, pod_volumes
from labeltui.operations.deploy.rent import RENTING, pending_name, rent
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.world import World
from tests.unit.operations.deploy.renting_desk import CANARY, KEY, Desk, fault, http, problem_of

A5000, R4090 = "NVIDIA RTX A5000", "NVIDIA GeForce RTX 4090"


@pytest.fixture(autouse=True)
def api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", CANARY)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("happens", "code", "exit_code", "todo"),
    [
        (fault("no_capacity"), "runpod_no_capacity", ExitCode.FAILED, "wait until a machine is free"),
        (fault("no_resources"), "runpod_no_capacity", ExitCode.FAILED, "next GPU"),
        (fault("over_limit"), "runpod_spend_limit", ExitCode.REFUSED, "Stop another pod"),
        (lambda w: timeline.set_balance(w, Decimal("0.05")), "runpod_no_credit", ExitCode.REFUSED, "Add credit"),
        (http(402), "runpod_no_credit", ExitCode.REFUSED, "Add credit"),
        (http(403), "runpod_pool_forbidden", ExitCode.REFUSED, "Choose another GPU"),
        (http(422), "runpod_invalid", ExitCode.FAILED, "would fail again"),
        (http(409), "runpod_not_now", ExitCode.REFUSED, ""),
        (http(400, detail="mounts.network must not be empty"), "runpod_bad_request", ExitCode.FAILED, "the disks"),
        (http(401), "runpod_key_refused", ExitCode.REFUSED, "Make a new key"),
        (http(410), "runpod_api_off", ExitCode.FAILED, ""),
        (http(500, times=None), "runpod_create_unclear", ExitCode.UNREACHABLE, "Check the list"),
        (fault("something_wrong"), "runpod_create_unclear", ExitCode.UNREACHABLE, "Check the list"),
        (lambda w: w.faults.arm("cut", method="POST"), "runpod_create_unclear", ExitCode.UNREACHABLE, "searches for"),
    ],
)  # fmt: skip
async def test_each_refusal_has_its_own_words_and_rents_nothing(
    desk: Desk, happens: Callable[[World], None], code: str, exit_code: ExitCode, todo: str
) -> None:
    happens(desk.world)
    error = await problem_of(desk.rent())
    assert (error.problem.code, error.exit_code) == (code, exit_code)
    assert todo in error.problem.hint
    assert not desk.world.pods
    assert (pending_name(desk.session) == "annot") == (code == "runpod_create_unclear")


async def test_too_many_requests_are_waited_out(desk: Desk) -> None:
    http(429, retry_after=7)(desk.world)
    assert (await desk.rent()).new
    assert sum(desk.waited) >= 7


async def test_an_answer_that_is_lost_rents_once(desk: Desk) -> None:
    desk.world.faults.arm("answer_lost", method="POST", path="pods$")
    rented = await desk.rent()
    assert len(desk.world.pods) == 1
    again = await desk.rent()
    assert (again.pod.id, again.new) == (rented.pod.id, False)
    assert len(desk.world.pods) == 1


async def test_a_killed_console_does_not_rent_a_second_pod(desk: Desk) -> None:
    desk.world.faults.arm("answer_lost", method="POST", path="pods$")
    desk.world.faults.arm("list_lag", times=None, seconds=100)
    error = await problem_of(desk.rent())
    assert error.problem.code == "runpod_create_unclear"
    assert len(desk.world.pods) == 1
    desk.another()
    assert pending_name(desk.session) == "annot"
    rented = await desk.rent()
    assert len(desk.world.pods) == 1
    assert rented.pod.id in desk.world.pods
    assert desk.session.state_folder.read(RENTING)["id"] == rented.pod.id
    assert pending_name(desk.session) is None


async def test_a_pod_that_the_list_shows_late_is_not_rented_again(desk: Desk) -> None:
    rented = await desk.rent()
    desk.world.faults.arm("list_lag", times=None, seconds=100)
    desk.another()
    again = await desk.rent()
    assert (again.pod.id, again.new) == (rented.pod.id, False)
    assert len(desk.world.pods) == 1


async def test_a_cancelled_request_is_remembered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def never(*_: Any, **__: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("labeltui.operations.deploy.rent.create_first", never)
    task = asyncio.create_task(desk.rent())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pending_name(desk.session) == "annot"


async def test_the_next_gpu_is_asked_for_within_the_price(desk: Desk) -> None:
    desk.world.faults.arm("no_capacity", times=None, gpu=A5000)
    cheap = await problem_of(desk.rent(max_price=0.5, fallback=True))
    assert cheap.problem.code == "runpod_no_capacity"
    assert not desk.world.pods
    rented = await desk.rent(max_price=0.8, fallback=True)
    assert rented.pod.gpu_id == R4090
    assert any("RTX A5000: RunPod has no free machine" in line for line in desk.report.texts)


async def test_named_gpus_are_asked_for_in_their_order(desk: Desk) -> None:
    desk.world.faults.arm("no_capacity", times=None, gpu=A5000)
    plan = await desk.plan(**{"or": ["L40S", "RTX A4000"]})
    assert [one.name for one in plan.offers] == ["RTX A5000", "L40S", "RTX A4000"]
    assert (await desk.rent(**{"or": ["L40S", "RTX A4000"]})).pod.gpu_id == "NVIDIA L40S"
    assert (await problem_of(desk.plan(**{"or": ["Voodoo 2"]}))).problem.code == "unknown_gpu"


async def test_waiting_goes_on_until_one_is_free(desk: Desk) -> None:
    desk.world.faults.arm("no_capacity", times=3)
    desk.world.faults.arm("cut", times=1, method="POST")
    assert (await desk.rent(wait=True)).new
    assert len(desk.world.pods) == 1
    long = [pause for pause in desk.waited if pause > 8]
    assert all(
        wanted * 0.9 <= pause <= wanted * 1.1 for pause, wanted in zip(long, (10, 20, 40, 80), strict=True)
    )
    assert any("The next try is in" in line for line in desk.report.texts)


async def test_a_price_that_rises_while_waiting_is_not_paid(desk: Desk) -> None:
    desk.world.faults.arm("no_capacity", times=1)
    plan = await desk.plan(wait=True, max_price=0.3)
    desk.world.catalog.gpus[A5000].secure = Decimal("0.99")
    with pytest.raises(Refused, match="the price rose above"):
        await rent(desk.session, plan, Deployment(desk.session, plan, PodCreateParams(), desk.report).steps)
    assert not desk.world.pods


async def test_an_unknown_gpu_is_never_asked_for(desk: Desk) -> None:
    error = await problem_of(desk.plan(gpu="NVIDIA Voodoo 2", wait=True))
    assert error.problem.code == "unknown_gpu"
    assert not desk.waited


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"volume_gb": 5}, "bad_size"),
        ({"volume_gb": 10.5}, "bad_parameter"),
        ({"container_gb": 0}, "bad_size"),
        ({"new_volume_gb": 5000, "data_centre": "EU-RO-1"}, "bad_size"),
        ({"new_volume_gb": 50}, "no_data_centre"),
        ({"new_volume_gb": 50, "data_centre": "AP-JP-1"}, "no_volumes_there"),
        ({"network_volume": "nothing"}, "unknown_volume"),
        ({"name": "x" * 61}, "bad_name"),
        ({"name": "a\nb"}, "bad_name"),
        ({"key": "/nowhere.pub"}, "no_key_file"),
        ({"key": "SHA256:nobody"}, "no_ssh_key"),
        ({"data": "/nowhere"}, "no_folder"),
        ({"max_price": None}, "price_not_agreed"),
        ({"max_price": 0.01}, "too_dear"),
    ],
)
async def test_what_would_be_refused_is_refused_before(desk: Desk, params: dict[str, Any], code: str) -> None:
    assert (await problem_of(desk.plan(**params))).problem.code == code
    assert not desk.world.pods


async def test_the_request_holds_what_every_pod_needs(desk: Desk) -> None:
    await desk.rent(image="runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404")
    (pod,) = desk.world.pods.values()
    assert pod.spec.ports == ["22/tcp"]
    assert pod.spec.start_ssh
    assert pod.spec.env["PUBLIC_KEY"] == KEY
    assert pod.spec.disk == 50
    assert pod.spec.cuda == ("12.8",)
    assert CANARY not in str(pod.spec)


async def test_a_stopped_pod_of_that_name_is_reported_and_nothing_rented(desk: Desk) -> None:
    rented = await desk.rent()
    timeline.act(desk.world, rented.pod.id, "stop")
    error = await problem_of(desk.rent())
    assert error.problem.code == "pod_exists"
    assert "labeltui pod start" in error.problem.hint
    assert len(desk.world.pods) == 1


async def test_volumes_are_made_once_at_a_price_that_was_agreed_to(desk: Desk) -> None:
    request = {"name": "scans", "size": 100, "data_centre": "eu-ro-1"}
    dear = await problem_of(pod_make_volume(desk.session, PodMakeVolumeParams.of(request), desk.report))
    assert "$7.00 a month" in dear.problem.message
    for _ in range(2):
        made = await pod_make_volume(
            desk.session, PodMakeVolumeParams.of({**request, "max_month": 7.0}), desk.report
        )
    assert (made["data_centre"], made["cost_per_month"]) == ("EU-RO-1", "7.0000")
    assert len(desk.world.volumes) == 1
    (listed,) = (await pod_volumes(desk.session, NoParams(), desk.report))["volumes"]
    plan = await desk.plan(network_volume="scans")
    assert (plan.spec.network_volume_id, plan.spec.data_centres) == (listed["id"], ("EU-RO-1",))
    assert plan.spec.volume_disk_gb == 0
    other = await problem_of(desk.plan(network_volume="scans", data_centre="US-KS-2"))
    assert other.problem.code == "other_data_centre"


async def test_gpus_are_filtered(desk: Desk) -> None:
    async def names(**params: Any) -> list[str]:
        found = await pod_gpus(desk.session, PodGpusParams.of(params), desk.report)
        return [gpu["name"] for gpu in found["gpus"]]

    assert await names(vram=24, max_price=0.5) == ["RTX A5000", "RTX 3090"]
    assert await names(vram=24, free=True, max_price=0.5) == ["RTX A5000"]
    assert await names(data_centre="US-KS-2") == ["RTX 4090", "L40S", "A100 80GB PCIe"]
    assert (await names(cloud="community"))[0] == "RTX A5000"
