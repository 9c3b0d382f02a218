"""Following a training: each epoch is reported once, and every end of it is noticed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from labeltui.domain.problems import Failed
from labeltui.domain.states import TrainState
from labeltui.monailabel.client import MonaiLabelClient
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import desk
from tests.unit.operations.training.recorded_training import (
    EPOCH_2_BEGINS,
    EPOCH_3_BEGINS,
    ITERATION_2,
    ITERATION_4,
    ORPHAN,
    Training,
    die,
    known,
)
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_each_epoch_is_reported_once_until_the_end(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await asyncio.sleep(5)
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("'epoch': 1")
        training.print(EPOCH_3_BEGINS)
        await it.report.wait_for("'epoch': 2")
        training.finish()
        document = await following
    epochs = [record for record in it.report.records if "epoch" in record]
    assert [record["epoch"] for record in epochs] == [1, 2, 3]
    assert epochs[0]["metrics"]["val_mean_dice"] == pytest.approx(0.058, abs=0.001)
    assert (document["state"], document["error"]) == ("done", None)
    assert document["best"]["epoch"] == 3


@in_virtual_time
async def test_following_says_how_far_a_training_is_and_what_it_waits_for(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.task["status"] = "SUBMITTED"
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("deepedit waits in the server's queue")
        training.task["status"] = "RUNNING"
        await it.report.wait_for("deepedit waits for its first iteration")
        await it.report.wait_for("studies (for 2")
        training.print(ITERATION_2)
        await it.report.wait_for("deepedit: epoch 1 of 3, iteration 2 of 4, loss 3.")
        training.print(ITERATION_4)
        await it.report.wait_for("epoch 1 of 3, all 4 iterations ran; it waits for the validation")
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("deepedit: epoch 2 of 3 begins")
        training.finish()
        await following


@in_virtual_time
async def test_following_a_fast_training_does_not_print_a_line_for_each_iteration(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await known(it, TrainState.RUNNING)
        for line in range(EPOCH_3_BEGINS):
            training.print(line)
            await asyncio.sleep(0.2)
        training.finish()
        await following
    lines = [line for line in it.report.lines if line.startswith("deepedit")]
    assert 2 <= len(lines) <= 1 + EPOCH_3_BEGINS * 0.2 / 5 + 1


@pytest.mark.parametrize(("status", "code"), [("STOPPED", "stopped"), ("ERROR", "train_failed")])
@in_virtual_time
async def test_one_that_does_not_end_well_fails_with_its_state(
    tmp_path: Path, status: str, code: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        following = it.begin("train.status", follow=True)
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("'epoch': 1")
        training.task["status"] = status
        with pytest.raises(Failed) as ended:
            await following
    assert ended.value.problem.code == code
    assert ended.value.document is not None
    assert ended.value.document["state"] == status.lower()


@pytest.mark.parametrize("orphaned", [False, True])
@in_virtual_time
async def test_a_server_that_dies_ends_the_following(tmp_path: Path, orphaned: bool) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await asyncio.sleep(5)
        training.print(EPOCH_2_BEGINS)
        await it.report.wait_for("'epoch': 1")
        it.host.agent.orphans = [ORPHAN] if orphaned else []
        die(it)
        async with asyncio.timeout(5):
            with pytest.raises(Failed) as ended:
                await following
        status = await it.run("train.status")
        alerts = {alert.key for alert in it.session.store.state.alerts}
    assert ended.value.exit_code == 1
    assert ended.value.problem.code == ("orphaned" if orphaned else "server_gone")
    assert status["state"] == ("orphaned" if orphaned else "error")
    assert (status["eta_s"], status["stale_because"]) == (None, None)
    assert "server" in alerts


@in_virtual_time
async def test_a_server_that_dies_before_it_lists_the_training_ends_the_following(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.server.documents["GET", "/train/"] = 404
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await asyncio.sleep(3)
        it.host.agent.orphans = [ORPHAN]
        die(it)
        async with asyncio.timeout(5):
            with pytest.raises(Failed) as ended:
                await following
    assert ended.value.problem.code == "orphaned"


@in_virtual_time
async def test_a_request_under_way_does_not_hide_the_end_of_the_server(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        slow = MonaiLabelClient.train_tasks

        async def dies_meanwhile(_client: Any) -> Any:
            it.host.agent.orphans = [ORPHAN]
            die(it)
            await it.session.store.wait_for(
                lambda s: s.server.value is not None and bool(s.server.value.orphans)
            )
            return await slow(_client)

        with patch.object(MonaiLabelClient, "train_tasks", dies_meanwhile):
            reading = await it.session.pollers.training.poll()
    assert reading.value is not None
    assert (reading.value.state, reading.error) == (TrainState.ORPHANED, None)


@in_virtual_time
async def test_a_server_that_was_started_again_has_forgotten_the_training(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await known(it, TrainState.RUNNING)
        it.server.tasks.clear()
        async with asyncio.timeout(10):
            with pytest.raises(Failed) as ended:
                await following
    assert (ended.value.problem.code, ended.value.exit_code) == ("training_forgotten", 1)


@in_virtual_time
async def test_a_slow_server_of_somebody_else_is_no_dead_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.server.up = True
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await known(it, TrainState.RUNNING)
        it.server.up = False
        await it.session.store.wait_for(lambda s: s.info.failures > 0, 60)
        it.server.up = True
        await it.session.store.wait_for(lambda s: s.info.failures == 0, 60)
        assert not following.done()
        it.server.up = False
        async with asyncio.timeout(60):
            with pytest.raises(Failed) as ended:
                await following
    assert ended.value.problem.code == "server_gone"


@in_virtual_time
async def test_the_next_in_the_queue_does_not_hide_the_end(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        following = it.begin("train.start", model="deepedit", follow=True)
        await it.report.wait_for("Starting to train deepedit")
        await known(it, TrainState.RUNNING)
        training.finish()
        it.server.tasks.append({**recorded("train_status_running"), "id": "next", "details": []})
        async with asyncio.timeout(20):
            document = await following
    assert (document["state"], document["task_id"]) == ("done", training.task["id"])
