"""Training from the command line: requests to the server, reports, and failures that are known before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from labeltui.actions import BY_ID
from labeltui.domain.states import TrainState
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import desk
from tests.unit.operations.training.recorded_training import EPOCH_2_BEGINS, ORPHAN, THEIRS, Training, known
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_the_status_of_nothing_is_idle_and_is_not_followed(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        idle = await it.run("train.status", follow=True)
        Training(it).begin()
        await known(it, TrainState.RUNNING)
        running = await it.run("train.status")
    assert (idle["state"], running["state"], running["model"]) == ("idle", "running", "deepedit")
    assert not it.session.journal.entries


@in_virtual_time
async def test_stopping_waits_until_it_has_stopped_and_names_the_next(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.run("train.start", model="deepedit")
        stopped = await it.run("train.stop")
        first = {**recorded("train_status_running"), "id": "one", "details": []}
        second = {**first, "id": "two", "status": "SUBMITTED"}
        it.server.tasks[:] = [first, second]

        def stop(_request: httpx.Request) -> dict[str, Any]:
            first["status"], second["status"] = "STOPPED", "RUNNING"
            return {}

        it.server.documents["DELETE", "/train/"] = stop
        await known(it, TrainState.RUNNING)
        await it.run("train.stop")
    assert stopped["state"] == "stopped"
    assert it.report.lines[-1] == "Stopped. The next training in the queue starts now: deepedit"


@in_virtual_time
async def test_there_has_to_be_one_to_stop(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        error = await it.failing("train.stop")
    assert error.problem.code == "nothing_trains"
    assert not it.server.asked("DELETE", "/train/")


@in_virtual_time
async def test_one_that_has_outlived_its_server_is_ended_on_the_host(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [ORPHAN]
        await it.session.store.wait_for(
            lambda s: s.server.value is not None and bool(s.server.value.orphans), 60
        )
        document = await it.run("train.stop")
    assert it.report.lines == ["Ending the training of deepedit whose server has ended (pid 41)"]
    assert not it.host.agent.orphans
    assert document["state"] != "orphaned"


@in_virtual_time
async def test_a_training_of_somebody_else_is_shown_but_not_ended(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [THEIRS]
        await it.session.store.wait_for(
            lambda s: s.server.value is not None and bool(s.server.value.orphans), 60
        )
        await known(it, TrainState.IDLE)
        offered = BY_ID["train.stop"].disabled(it.session.store.state)
        error = await it.failing("train.stop")
        server = await it.run("server.status")
        checks = {check["part"]: check for check in (await it.run("doctor"))["checks"]}
        (alert,) = [one for one in it.session.store.state.alerts if one.key == "orphans"]
    assert offered is not None
    assert error.problem.code == "nothing_trains"
    assert it.host.agent.requests("orphans.stop") == []
    assert server["orphans"][0]["ours"] is False
    assert (server["orphans"][0]["folder"], server["orphans"][0]["user"]) == ("/home/bob/tui", "bob")
    for text in (alert.message, checks["training"]["message"]):
        assert "bob" in text
        assert "/home/bob/tui" in text
    assert "t x" not in alert.hint


@in_virtual_time
async def test_only_the_profiles_own_orphan_is_ended(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.host.agent.orphans = [THEIRS, ORPHAN]
        await known(it, TrainState.ORPHANED)
        await it.run("train.stop")
    assert [one["pgid"] for one in it.host.agent.requests("orphans.stop")] == [40]


@pytest.mark.parametrize(("status", "code"), [("STOPPED", "stopped"), ("ERROR", "train_failed")])
@in_virtual_time
async def test_following_one_that_has_ended_already_fails_as_following_it_to_its_end(
    tmp_path: Path, status: str, code: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        training.print(EPOCH_2_BEGINS)
        training.task["status"] = status
        error = await it.failing("train.status", follow=True)
        seen = await it.run("train.status")
    assert (error.problem.code, error.exit_code, seen["state"]) == (code, 1, status.lower())
