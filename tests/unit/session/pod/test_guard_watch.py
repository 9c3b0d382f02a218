"""The console as the second means to stop a pod: when the guard can't, and when its stops take too long."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from tests.checkpoints import checkpoint
from tests.fakes.guard import FakeGuard
from tests.fakes.session import KEY
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

DUE = {"left_s": 0.0, "blocks": [], "words": "Idle for 45 min, but the guard can't stop the pod."}


@pytest.mark.parametrize(
    ("decision", "within_s"),
    [({**DUE, "state": "stuck", "problem": "No key works"}, 15.0), ({**DUE, "state": "stopping"}, 150.0)],
)
@in_virtual_time
async def test_a_due_pod_that_its_guard_does_not_stop_is_stopped_by_the_console(
    tmp_path: Path, decision: dict[str, Any], within_s: float
) -> None:
    async with desk(tmp_path, rents=True) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        await it.session.link.ready()
        (pod,) = it.world.pods.values()
        guard.decision |= decision
        began = asyncio.get_running_loop().time()
        await it.session.store.wait_for(lambda _: pod.status == "EXITED", 300)
        took_s = asyncio.get_running_loop().time() - began
    assert took_s <= within_s
    assert (decision["state"] == "stuck") == (took_s < 120)


@pytest.mark.parametrize(
    "decision",
    [
        {"state": "stuck", "left_s": 900.0, "problem": "No key works"},
        {
            "state": "stuck",
            "left_s": 0.0,
            "problem": "No key works",
            "blocks": ["1 label is not copied to a desk"],
        },
        {"state": "stuck", "left_s": None, "problem": "No key works"},
        {"state": "waiting", "left_s": 0.0, "blocks": ["a training of deepedit runs"]},
    ],
)
@in_virtual_time
async def test_a_pod_that_is_not_due_is_left_alone(tmp_path: Path, decision: dict[str, Any]) -> None:
    async with desk(tmp_path, rents=True) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        await it.session.link.ready()
        guard.decision |= decision
        await asyncio.sleep(600)
        (pod,) = it.world.pods.values()
        alerts = [alert.message for alert in it.session.store.state.alerts if alert.key == "guard"]
    assert pod.status == "RUNNING"
    assert len(alerts) == 1


@in_virtual_time
async def test_a_stop_of_the_consoles_that_fails_is_sent_again_once_a_minute(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        await it.session.link.ready()
        client = await it.session.account.client()
        tries: list[float] = []
        stop = client.stop

        async def failing(pod_id: str) -> Any:
            tries.append(asyncio.get_running_loop().time())
            if len(tries) < 4:
                raise Unreachable(Code.RUNPOD_DROPPED, "No answer.")
            return await stop(pod_id)

        client.stop = failing  # type: ignore[method-assign]
        guard.rate = 99.0  # the guard has not taken up the price that this console knows
        guard.decision |= {**DUE, "state": "stuck", "problem": "No key works"}
        (pod,) = it.world.pods.values()
        await it.session.store.wait_for(lambda _: pod.status == "EXITED", 600)
    assert len(tries) == 4
    assert all(59 <= after - before <= 70 for before, after in pairwise(tries))


@in_virtual_time
async def test_a_key_that_the_pods_memory_lost_is_lent_again(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, guard={"operator_key": True}) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        await it.session.link.ready()
        state = await it.session.store.wait_for(lambda s: s.pod.value is not None, 60)
        assert state.pod.value is not None
        guard.rate = float(state.pod.value.cost_per_hour or 0)
        await asyncio.sleep(60)
        lent = len(guard.requests("ensure"))
        guard.lent_key = False  # the container started again
        await it.session.store.wait_for(lambda _: guard.lent_key, 60)
        await asyncio.sleep(60)
        again = guard.requests("ensure")[lent:]
        guard.keeps_key = guard.lent_key = False  # a host without a file system in memory
        await asyncio.sleep(60)
        in_vain = guard.requests("ensure")[lent + 1 :]
    assert [one["key"] for one in again] == [KEY]
    assert len(in_vain) == 1


@in_virtual_time
async def test_the_log_of_actions_names_the_command_that_does_what_was_done(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        guard = FakeGuard(it.host)
        guard.alive = False
        await it.rent()
        await it.session.link.ready()
        await asyncio.sleep(60)
        entries = {entry.title: entry.command for entry in it.session.journal.entries}
        assert entries["Start the guard"] == "labeltui guard set"
        guard.alive = False
        await it.run("guard.set")
    assert guard.alive


@in_virtual_time
async def test_the_guard_reads_all_the_time_that_a_model_is_being_copied(tmp_path: Path) -> None:
    file = "~/labeltui/apps/radiology/model/deepedit_dynunet.pt"
    async with desk(tmp_path, rents=True, models={"copy": "never"}) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        await it.session.link.ready()
        it.host.files.write(file, checkpoint(b"trained"))
        download = it.host.download

        async def slow(*given: Any, **named: Any) -> None:
            await it.session.models.refresh()  # a list of the models in between
            await asyncio.sleep(120)
            await download(*given, **named)

        it.host.download = slow  # type: ignore[method-assign]
        await it.run("models.pull")
        await asyncio.sleep(20)
        reports = [request["copying"] for request in guard.requests("models")]
    assert reports.count("deepedit") >= 120 / 10
    assert reports[-1] == ""
