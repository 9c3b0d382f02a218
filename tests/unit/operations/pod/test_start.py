"""Yesterday's pod is started again: as before, without its GPU, or not at all; and the actions that follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.offers import offers
from labeltui.domain.problems import LabeltuiError, Refused, Unreachable
from labeltui.sandbox.runpod.world.pods import Pod
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


async def stopped(it: Desk) -> str:
    """The profile's pod, stopped; its id."""
    pod_id = await it.rent()
    it.elsewhere(pod_id, "stop")
    return pod_id


def pod(it: Desk) -> Pod:
    (one,) = it.world.pods.values()
    return one


@in_virtual_time
async def test_it_is_started_and_each_status_until_then_is_reported(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await stopped(it)
        done = await it.run("pod.start")
        entry = it.session.journal.entries[-1]
    assert (done["id"], done["status"]) == (pod_id, "running")
    assert it.report.lines[0] == "Starting annot"
    assert "annot is starting" in it.report.lines
    assert (entry.command, entry.outcome) == ("labeltui pod start", "done")


@pytest.mark.parametrize("action", ["pod.start", "pod.restart"])
@in_virtual_time
async def test_a_pod_that_was_started_has_a_guard(tmp_path: Path, action: str) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        guard = FakeGuard(it.host)
        guard.alive = False
        await (stopped(it) if action == "pod.start" else it.rent())
        done = await it.run(action)
    assert guard.alive
    assert done["guard"] == "Guard: stops the pod after 30 min idle, with RunPod's API (not tested yet)."
    assert it.report.lines[-1] == done["guard"]


@pytest.mark.parametrize(
    ("silent", "words"),
    [(False, "the guard is off. `labeltui guard set` turns it on."), (True, "The guard does not answer.")],
)
@in_virtual_time
async def test_a_started_pod_that_nothing_watches_is_said(tmp_path: Path, silent: bool, words: str) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        guard = FakeGuard(it.host)
        guard.policy["mode"] = "off"
        guard.silent = silent
        await stopped(it)
        done = await it.run("pod.start")
    assert it.report.lines[-1] == done["guard"]
    assert done["guard"].startswith(f"No guard will stop this pod: {words}")


@pytest.mark.parametrize(
    ("error", "why"),
    [(Unreachable, "annot can't be reached: No answer."), (Refused, "No answer.")],
)
@in_virtual_time
async def test_a_started_pod_that_cannot_be_connected_has_no_guard_for_that_reason(
    tmp_path: Path, error: type[LabeltuiError], why: str
) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        await stopped(it)
        it.host.refusals.extend([error(Code.LOGIN_FAILED, "No answer.", "")] * 1000)
        began = asyncio.get_running_loop().time()
        done = await it.run("pod.start")
        took_s = asyncio.get_running_loop().time() - began
    assert done["guard"] == f"No guard will stop this pod: {why}"
    assert (took_s > 120) is (error is Unreachable)


@in_virtual_time
async def test_a_guard_without_any_limit_is_no_guard(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        FakeGuard(it.host).policy["idle_s"] = 0.0
        await stopped(it)
        done = await it.run("pod.start")
    assert done["guard"] == "No guard will stop this pod: its guard has neither an idle limit nor a budget."


@in_virtual_time
async def test_another_pod_of_the_account_is_not_watched(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        other = await it.rent("other")
        it.elsewhere(other, "stop")
        done = await it.run("pod.start", pod="other", named="other")
    assert done["guard"] == "No guard runs on other: it is not this profile's pod."


@in_virtual_time
async def test_a_full_host_offers_what_can_be_done_and_is_tried_again_until_it_works(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await stopped(it)
        it.world.faults.arm("host_full", times=3)
        problem = (await it.failing("pod.start")).problem
        began = asyncio.get_running_loop().time()
        done = await it.run("pod.start", retry=True)
        took_s = asyncio.get_running_loop().time() - began
    assert problem.code == "runpod_host_full"
    assert offers(problem)[0] == "pod.retry"
    assert (done["id"], done["status"]) == (pod_id, "running")
    assert sum("The next try is in 3 min" in line for line in it.report.lines) == 2
    assert took_s > 2 * 3 * 60 * 0.9


@in_virtual_time
async def test_what_another_try_can_not_change_ends_the_tries(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await stopped(it)
        it.world.faults.arm("fails_to_start")
        error = await it.failing("pod.start", retry=True, every=1)
    assert error.problem.code == "runpod_pod_error"
    assert not any("Next try" in line for line in it.report.lines)


@in_virtual_time
async def test_waiting_for_a_gpu_can_be_given_up_and_costs_nothing_more_then(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await stopped(it)
        it.world.faults.arm("host_full", times=None)
        waiting = it.begin("pod.start", retry=True, every=10.0)
        await it.report.wait_for("The next try is in")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert it.session.journal.entries[-1].outcome == "cancelled"
    assert pod(it).status == "EXITED"


@in_virtual_time
async def test_one_that_came_back_without_its_gpu_is_stopped_and_started_again(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await stopped(it)
        it.world.faults.arm("zero_gpu", times=2)
        problem = (await it.failing("pod.start")).problem
        data = await it.run("pod.start", data_only=True)
        done = await it.run("pod.start", retry=True, every=1.0)
    assert problem.code == "runpod_no_gpu"
    assert {"pod.retry", "pod.data", "pod.stop"} <= set(offers(problem))
    assert "Copy the labels, then stop the pod" in data["message"]
    assert done["status"] == "running"
    assert pod(it).gpus == 1
    assert it.report.lines.count("Stopping annot, which has no GPU") == 1


@in_virtual_time
async def test_before_it_is_stopped_for_its_gpu_its_labels_have_to_be_known(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await stopped(it)
        it.world.faults.arm("zero_gpu", times=2)
        await it.failing("pod.start")
        it.refuse_labels()
        refused = await it.failing("pod.start", retry=True)
        assert pod(it).status == "RUNNING"
        await it.run("pod.start", retry=True, every=1, lose_labels=True)
    assert isinstance(refused, Refused)
    assert refused.problem.code == "labels_unknown"
    assert pod(it).gpus == 1


@in_virtual_time
async def test_without_a_gpu_for_its_data(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await stopped(it)
        it.world.faults.arm("host_full", times=None)
        done = await it.run("pod.start", data_only=True)
    assert done["status"] == "running"
    assert pod(it).gpus == 0


def arm(name: str) -> Callable[[Desk], None]:
    return lambda it: it.world.faults.arm(name)


@pytest.mark.parametrize(
    ("happens", "code", "todo"),
    [
        (arm("fails_to_start"), "runpod_pod_error", ""),
        (arm("no_ports"), "pod_no_address", "make a new pod with 22/tcp"),
        (lambda it: it.world.faults.arm("slow_start", factor=5000), "pod_slow", "still being pulled"),
    ],
)
@in_virtual_time
async def test_one_that_never_comes_back_says_so(
    tmp_path: Path, happens: Callable[[Desk], None], code: str, todo: str
) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        pod_id = await stopped(it)
        happens(it)
        problem = (await it.failing("pod.start")).problem
    assert problem.code == code
    assert todo in problem.hint
    assert offers(problem)
    assert pod_id in it.world.pods


@pytest.mark.parametrize(("action", "code"), [("terminate", "runpod_pod_gone"), ("stop", "pod_state")])
@in_virtual_time
async def test_one_that_is_ended_elsewhere_while_it_starts(tmp_path: Path, action: str, code: str) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await stopped(it)
        it.world.faults.arm("slow_start", factor=30)
        starting = it.begin("pod.start")
        await it.report.wait_for("annot is starting")
        it.elsewhere(pod_id, action)
        with pytest.raises(LabeltuiError) as ended:
            await starting
    assert ended.value.problem.code == code


@in_virtual_time
async def test_polls_that_fail_are_followed_by_others(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await stopped(it)
        starting = it.begin("pod.start")
        await it.report.wait_for("annot is starting")
        it.world.faults.arm("status", status=500, method="GET", path="pods/", times=2)
        it.world.faults.arm("cut", method="GET", path="pods/", times=2)
        done = await starting
    assert done["status"] == "running"


@in_virtual_time
async def test_a_key_that_is_refused_while_it_starts_is_not_tried_again(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await stopped(it)
        starting = it.begin("pod.start")
        await it.report.wait_for("annot is starting")
        it.world.faults.arm("status", status=401, method="GET", times=None)
        with pytest.raises(Refused) as refused:
            await starting
    assert refused.value.problem.code == "runpod_key_refused"


@in_virtual_time
async def test_one_that_runs_can_not_be_started(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        problem = (await it.failing("pod.start")).problem
    assert problem.code == "pod_state"
    assert problem.message == "annot is running: start is not possible now."
