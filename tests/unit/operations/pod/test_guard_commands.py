"""The guard from the command line: what it is asked, and what it is said to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from labeltui.operations.pod.guard import guard_check
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


@asynccontextmanager
async def guarded(folder: Path, **settings: Any) -> AsyncIterator[tuple[Desk, FakeGuard]]:
    """A session on a pod with a guard."""
    async with desk(folder, rents=True, **settings) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        await it.session.link.ready()
        yield it, guard


@in_virtual_time
async def test_its_state_is_read_again_and_is_no_action(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (it, guard):
        document = await it.run("guard.status")
        entries = [entry.title for entry in it.session.journal.entries]
    assert document["state"] == "watching"
    assert guard.requests("status")
    assert "Guard" not in entries


@pytest.mark.parametrize(("left_s", "problem"), [(1740.0, "No key works"), (0.0, "3 stops left it running")])
@in_virtual_time
async def test_one_that_can_not_stop_the_pod_says_so_as_its_state_and_fails(
    tmp_path: Path, left_s: float, problem: str
) -> None:
    async with guarded(tmp_path) as (it, guard):
        guard.decision |= {"state": "stuck", "left_s": left_s, "problem": problem, "words": f"No: {problem}."}
        failed = await it.failing("guard.status")
    assert failed.exit_code == 1
    assert failed.document is not None
    assert (failed.document["state"], failed.problem.code) == ("stuck", "guard_stuck")
    assert failed.document["error"]["message"] == failed.document["message"] == f"No: {problem}."


@in_virtual_time
async def test_keeping_the_pod_resets_the_countdown_or_holds_it_for_minutes(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (it, guard):
        reset = await it.run("guard.keep")
        now = it.session.clock()
        answer = await it.run("guard.keep", minutes=90)
        guard.policy["budget"] = 5.0
        budgeted = await it.run("guard.keep", minutes=90)
        entry = it.session.journal.entries[-1]
    assert [request["seconds"] for request in guard.requests("keep")] == [0.0, 5400.0, 5400.0]
    assert reset["message"].startswith("no stop before ")
    local = now.astimezone()
    assert (
        answer["message"]
        == f"no stop before {(local.hour * 60 + local.minute + 90) // 60 % 24:02d}:{(local.minute + 90) % 60:02d}"
    )
    assert budgeted["message"].endswith(", unless the budget ends")
    assert entry.command == "labeltui guard keep --minutes 90"


@pytest.mark.parametrize("minutes", [0, -1, 24 * 60 + 1, float("nan")])
@in_virtual_time
async def test_minutes_that_make_no_sense_are_not_asked_for(tmp_path: Path, minutes: float) -> None:
    async with guarded(tmp_path) as (it, guard):
        refused = await it.failing("guard.keep", minutes=minutes)
    assert (refused.problem.code, refused.exit_code) == ("bad_minutes", 2)
    assert not guard.requests("keep")


@pytest.mark.parametrize(
    ("params", "changes", "message"),
    [
        ({}, {}, "stops after 30 min idle, no budget"),
        ({"idle": 45}, {"idle_s": 2700.0}, "stops after 45 min idle, no budget"),
        (
            {"idle": 0, "budget": 12.5},
            {"idle_s": 0.0, "budget": 12.5},
            "no stop when idle, or at $12.50",
        ),
        (
            {"budget": 0, "copies": "ignore"},
            {"budget": None, "need_copies": False},
            "stops after 30 min idle, no budget",
        ),
        ({"copies": "wait"}, {"need_copies": True}, "stops after 30 min idle, no budget"),
    ],
)
@in_virtual_time
async def test_only_the_limits_that_are_given_change(
    tmp_path: Path, params: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    async with guarded(tmp_path) as (it, guard):
        document = await it.run("guard.set", **params)
    assert [request["changes"] for request in guard.requests("set")] == [{"mode": "auto", **changes}]
    assert document["message"] == message


@pytest.mark.parametrize("params", [{"idle": -1}, {"budget": -0.5}, {"budget": 1e6}])
@in_virtual_time
async def test_a_limit_below_nothing_is_wrong_usage(tmp_path: Path, params: dict[str, float]) -> None:
    async with guarded(tmp_path) as (it, guard):
        refused = await it.failing("guard.set", **params)
    assert refused.problem.code == "bad_limit"
    assert not guard.requests("set")


@in_virtual_time
async def test_a_guard_that_has_died_is_started_again_before_it_is_set(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (it, guard):
        guard.alive = False
        before = len(guard.requests("ensure"))
        await it.run("guard.set", idle=20)
    assert len(guard.requests("ensure")) > before
    assert guard.alive
    assert guard.policy["idle_s"] == 1200.0


@in_virtual_time
async def test_off_leaves_the_pod_to_its_operator(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (it, guard):
        document = await it.run("guard.off")
    assert guard.policy["mode"] == "off"
    assert (document["state"], document["message"]) == ("off", "off: only you can stop this pod now")


@in_virtual_time
async def test_on_a_host_that_is_no_pod_there_is_no_guard(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        status = await it.run("guard.status")
        refused = await it.failing("guard.keep")
        check = await guard_check(it.session)
    assert status["state"] == "none"
    assert (refused.problem.code, refused.exit_code) == ("no_guard", 3)
    assert check is None


@pytest.mark.parametrize(
    ("decision", "verdict", "words"),
    [
        ({}, "ok", "The guard stops the pod with RunPod's API (not tested yet)."),
        ({"state": "off"}, "warning", ""),
        ({"state": "waiting", "words": "It waits for 2 labels"}, "warning", "It waits for 2 labels"),
        ({"state": "stuck", "words": "It can't stop the pod"}, "wrong", "It can't stop the pod"),
        ({"state": "stuck", "problem": "No key works", "words": "No key works."}, "wrong", "No key works."),
    ],
)
@in_virtual_time
async def test_the_doctor_says_whether_it_can_stop_the_pod(
    tmp_path: Path, decision: dict[str, Any], verdict: str, words: str
) -> None:
    async with guarded(tmp_path, start=True) as (it, guard):
        guard.decision |= decision
        check = await guard_check(it.session)
    assert check is not None
    assert check[0] == verdict
    assert words in check[1]


@in_virtual_time
async def test_a_guard_that_does_not_answer_is_unknown_to_the_doctor(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (it, guard):
        guard.silent = True
        check = await guard_check(it.session)
    assert check is not None
    assert check[0] == "unknown"
    assert check[1].startswith("The guard does not answer")
