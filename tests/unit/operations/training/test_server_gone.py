"""A training whose server, host or pod has ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.states import LinkState, TrainState
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.training.recorded_training import (
    EPOCH_2_BEGINS,
    ORPHAN,
    Training,
    die,
    known,
    states_of,
)
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_an_orphan_is_shown_as_soon_as_its_server_has_died(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        it.host.agent.orphans = [ORPHAN]
        die(it)
        async with asyncio.timeout(2):
            await known(it, TrainState.ORPHANED)
        reading = it.session.store.state.training
    assert reading.value is not None
    assert (reading.value.pid, reading.value.eta_s, reading.error) == (41, None, None)


@in_virtual_time
async def test_a_training_that_outlives_its_server_is_at_no_moment_called_failed(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        await asyncio.sleep(1)
        shown: list[TrainState] = []
        it.session.store.subscribe(
            lambda state, _changed: shown.append(state.training.value.state) if state.training.value else None
        )
        answer = asyncio.Event()

        async def orphans(_connection: object, **_asked: object) -> dict[str, Any]:
            await answer.wait()
            return {"orphans": [ORPHAN]}

        it.host.agent._op_orphans = orphans  # type: ignore[method-assign]
        die(it)
        await asyncio.sleep(3)
        answer.set()
        await known(it, TrainState.ORPHANED)
        alerts = {alert.key for alert in it.session.store.state.alerts}
    assert TrainState.ERROR not in shown
    assert alerts == {"server", "orphans"}


@in_virtual_time
async def test_a_stop_of_the_server_ends_its_training_without_an_alert(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        training = Training(it)
        training.begin()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        await it.run("server.stop")
        await known(it, TrainState.STOPPED)
        await asyncio.sleep(30)
        status = await it.run("train.status")
        alerts = [alert.key for alert in it.session.store.state.alerts]
    assert (status["state"], status["ended_with"], status["error"], status["epoch"]) == (
        "stopped",
        "server",
        None,
        1,
    )
    assert alerts == []


@pytest.mark.parametrize("action", ["pod.stop", "pod.terminate"])
@in_virtual_time
async def test_a_stop_of_the_pod_ends_server_and_training_without_an_alert(
    tmp_path: Path, action: str
) -> None:
    async with desk(tmp_path, rents=True, labels={"copy": False, "folder": str(tmp_path / "labels")}) as it:
        await it.rent()
        it.serve()
        await it.session.readiness.need_server()
        training = Training(it)
        training.begin()
        it.session.pollers.wake()
        await known(it, TrainState.RUNNING)
        training.print(EPOCH_2_BEGINS)
        it.server.up = False
        await it.run(action, named="annot")
        it.out_of_reach()
        it.host.drop()
        await known(it, TrainState.STOPPED)
        await asyncio.sleep(60)
        state = it.session.store.state
        entries = [entry.title for entry in it.session.journal.entries]
    assert state.training.value is not None
    assert (state.training.value.ended_with, state.training.value.eta_s) == ("pod", None)
    assert state.server.value is not None
    assert (state.server.value.state, state.server.value.pid, state.server.value.orphans) == (
        "stopped",
        None,
        (),
    )
    assert (state.training.error, state.server.error) == (None, None)
    assert {alert.key for alert in state.alerts} & {"server", "training", "orphans", "host"} == set()
    assert any("pod" in entry.lower() for entry in entries)


@in_virtual_time
async def test_the_server_of_a_stopped_pod_is_no_crashed_one_after_the_pods_next_start(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, rents=True, labels={"copy": False, "folder": str(tmp_path / "labels")}) as it:
        await it.rent()
        it.serve()
        await it.session.readiness.need_server()
        await it.session.store.wait_for(lambda s: s.queue.value is not None, 20)
        it.server.up = False
        await it.run("pod.stop", named="annot")
        it.host.drop()
        job = it.host.agent.jobs["server"]
        it.host.agent.answers["job.status"] = lambda _request: {**job.document, "state": "lost"}
        await it.run("pod.start", named="annot")
        it.session.reconnect()
        await it.session.store.wait_for(
            lambda s: s.host.value is not None and s.host.value.state is LinkState.CONNECTED, 120
        )
        await asyncio.sleep(30)
        state = it.session.store.state
    assert state.server.value is not None
    assert (state.server.value.state, state.server.value.problem) == ("stopped", None)
    assert "server" not in {alert.key for alert in state.alerts}


@pytest.mark.parametrize("ended", [False, True])
@in_virtual_time
async def test_nothing_is_said_of_a_training_before_output_and_api_were_read(
    tmp_path: Path, ended: bool
) -> None:
    async with desk(tmp_path, start=False) as it:
        it.serve()
        training = Training(it)
        training.begin()
        training.print(EPOCH_2_BEGINS)
        if ended:
            training.finish()
        readings = states_of(it)
        it.server.up = False  # it answers only after its output was read
        await it.session.start()
        await it.session.store.wait_for(lambda _: it.session.watch.listening, 60)
        it.server.up = True
        state = TrainState.DONE if ended else TrainState.RUNNING
        await known(it, state)
        status = await it.run("train.status")
        alerts = it.session.store.state.alerts
    assert set(readings) == {state}
    assert (status["state"], status["error"], alerts) == (state.value, None, ())


@in_virtual_time
async def test_a_dead_servers_orphan_is_reported_by_every_command(tmp_path: Path) -> None:
    for delay_s in (0.0, 0.5, 3.0):
        async with desk(tmp_path / str(delay_s), start=False) as it:
            it.serve()
            Training(it).print(EPOCH_2_BEGINS)
            die(it)
            it.host.agent.orphans = [ORPHAN]
            late = iter([Failed(Code.BAD_REQUEST, "Not now.", "")])

            def orphans(_request: Any, it: Desk = it, late: Any = late) -> Any:
                if (error := next(late, None)) is not None:
                    raise error
                return {"orphans": it.host.agent.orphans}

            it.host.agent.answers["orphans"] = orphans
            readings = states_of(it)
            await it.session.start()
            await asyncio.sleep(delay_s)
            status = await it.run("train.status")
        assert (status["state"], set(readings)) == ("orphaned", {TrainState.ORPHANED})
