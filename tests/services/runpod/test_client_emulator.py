"""The client against the emulated RunPod in this process, on a clock that passes only by waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from labeltui.domain.amounts import cents
from labeltui.domain.deploy.candidates import by_price
from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.money import cost_of
from labeltui.domain.pod.pod import Cloud, PodAction, PodStatus
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from labeltui.sandbox.runpod.api.app import build_app
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.clock import FakeClock
from labeltui.sandbox.runpod.world.world import Key, World
from tests.asgi import CutAsgi

CANARY = "rpa_CANARY0123456789abcdefCANARY"
SPEC = PodSpec("labeltui-7f3a", "NVIDIA RTX A5000", volume_disk_gb=100, container_disk_gb=50)


class Account:
    """An account on the emulator, and a client of it; ``wait`` lets time pass for both."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.world = World(clock=self.clock, funds=Decimal("100.00"), keys={CANARY: Key()})
        key = Secret(CANARY)
        transport = Transport(
            key,
            "http://127.0.0.1",
            transport=CutAsgi(build_app(self.world)),
            sleep=self.wait,
            clock=lambda: self.clock.now().timestamp(),
        )
        self.client = RunpodClient(
            key,
            transport=transport,
            api="v2",
            now=self.clock.now,
            clock=lambda: self.clock.now().timestamp(),
        )

    async def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        timeline.advance(self.world)


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    made = Account()
    yield made
    await made.client.close()


async def code_of(asked: Any) -> str:
    with pytest.raises(LabeltuiError) as caught:
        await asked
    assert CANARY not in str(caught.value.problem)
    return caught.value.problem.code


async def test_what_is_offered_is_what_is_shown(account: Account) -> None:
    offers = by_price(await account.client.gpu_offers(), Cloud.SECURE)
    assert SPEC.gpu_id in [offer.id for offer in offers]
    assert all(offer.data_centres for offer in offers if offer.stock.value != "none")
    assert all(place.gpus for place in await account.client.data_centres())
    volume = await account.client.create_network_volume("labels", 50, "EU-RO-1")
    assert await account.client.network_volumes() == (volume,)
    assert await account.client.create_network_volume("labels", 50, "EU-RO-1") == volume


async def test_a_session_is_paid_to_the_cent(account: Account) -> None:
    pod = await account.client.create_once(SPEC)
    await account.wait(8 * 3600)
    running = await account.client.pod(pod.id)
    assert running is not None
    assert running.cost_per_hour is not None
    spent = account.world.ledger.spent(account.clock.now())
    assert cents(cost_of(running.cost_per_hour, timedelta(hours=8))) == cents(spent)
    await account.client.stop(pod.id)
    stopped = await account.client.pod(pod.id)
    assert stopped is not None
    assert stopped.cost_per_hour == stopped.cost_per_hour_stopped
    await account.wait(72 * 3600)
    more = account.world.ledger.spent(account.clock.now()) - spent
    assert cents(cost_of(stopped.cost_per_hour_stopped, timedelta(hours=72))) == cents(more)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"name": "no_capacity"}, "runpod_no_capacity"),
        ({"name": "no_resources"}, "runpod_no_capacity"),
        ({"name": "over_limit"}, "runpod_spend_limit"),
        ({"name": "status", "method": "POST", "status": 402}, "runpod_no_credit"),
        ({"name": "status", "method": "POST", "status": 403}, "runpod_pool_forbidden"),
        ({"name": "status", "method": "POST", "status": 422}, "runpod_invalid"),
    ],
)
async def test_a_refused_pod(account: Account, fault: dict[str, Any], code: str) -> None:
    account.world.faults.arm(fault["name"], **{k: v for k, v in fault.items() if k != "name"})
    assert await code_of(account.client.create_once(SPEC)) == code
    assert account.world.pods == {}


@pytest.mark.parametrize("lag_s", [0, 20, 100])
@pytest.mark.parametrize(
    "fault",
    [
        {"name": "answer_lost"},
        {"name": "cut"},
        {"name": "status", "status": 502, "shape": "html"},
        {"name": "status", "status": 524, "shape": "html"},
        {"name": "status", "status": 500},
    ],
)
async def test_a_lost_answer_and_a_list_that_lags_rent_one_pod(
    account: Account, fault: dict[str, Any], lag_s: float
) -> None:
    if lag_s:
        account.world.faults.arm("list_lag", times=None, seconds=lag_s)
    account.world.faults.arm(fault["name"], method="POST", **{k: v for k, v in fault.items() if k != "name"})
    for _ in range(3):
        try:
            made = await account.client.create_once(SPEC)
        except LabeltuiError as error:
            if error.problem.code != "runpod_create_unclear":
                raise
        else:
            assert made.name == SPEC.name
            break
    assert len(account.world.pods) == 1


async def test_a_list_in_short_pages(account: Account) -> None:
    for name in ("a", "b", "c"):
        await account.client.create_once(PodSpec(name, SPEC.gpu_id))
    account.world.faults.arm("short_pages", times=None)
    assert sorted(pod.name for pod in await account.client.pods()) == ["a", "b", "c"]


async def stopped(account: Account) -> str:
    pod = await account.client.create_once(SPEC)
    await account.wait(60)
    await account.client.stop(pod.id)
    return pod.id


async def test_a_host_that_is_full(account: Account) -> None:
    pod_id = await stopped(account)
    account.world.faults.arm("host_full")
    assert await code_of(account.client.start(pod_id)) == "runpod_host_full"
    assert (await account.client.start(pod_id)).status is not PodStatus.STOPPED


async def test_a_pod_that_comes_back_without_its_gpu(account: Account) -> None:
    pod_id = await stopped(account)
    account.world.faults.arm("zero_gpu")
    await account.client.start(pod_id)
    await account.wait(60)
    pod = await account.client.pod(pod_id)
    assert pod is not None
    assert pod.lost_its_gpu


async def test_a_pod_that_terminate_does_not_end(account: Account) -> None:
    pod = await account.client.create_once(SPEC)
    await account.wait(60)
    account.world.faults.arm("terminate_ignored", times=2)
    await account.client.terminate(pod.id)
    assert account.world.pods == {}
    pod = await account.client.create_once(PodSpec("other", SPEC.gpu_id))
    account.world.faults.arm("terminate_ignored", times=None)
    assert await code_of(account.client.terminate(pod.id)) == "runpod_still_there"


async def test_what_may_be_done_follows_the_state(account: Account) -> None:
    pod_id = await stopped(account)
    pod = await account.client.pod(pod_id)
    assert pod is not None
    assert pod.actions == (PodAction.START, PodAction.TERMINATE)
    assert await code_of(account.client.restart(pod_id)) == "runpod_not_now"
    assert (await account.client.stop(pod_id)).status is PodStatus.STOPPED
    assert await code_of(account.client.start("nobody")) == "runpod_pod_gone"
