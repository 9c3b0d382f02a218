"""Trainings outlive their server, the console and the host. Each is stored once, in its last known state."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltui.domain.states import TrainState
from labeltui.session.session import Session
from tests.fakes.monailabel import MONAILABEL
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

LINES = (MONAILABEL / "log_train_3epochs.txt").read_bytes().splitlines(keepends=True)
TRAINING = b"".join(LINES)
TWO_EPOCHS = b"".join(LINES[:90])
STARTED = "2026-11-23T17:08:17.121+00:00"
BEST = {"model": "deepedit", "metric": "val_mean_dice", "epoch": 3}
RUNS = "~/labeltui/runs"


def at_hour(hour: int, lines: bytes = TRAINING) -> bytes:
    return lines.replace(b" 17:", f" {hour}:".encode())


def brief(document: Mapping[str, Any]) -> list[tuple[str, str | None, int]]:
    """Start, state and epochs of each training."""
    return [(one["started_at"][11:13], one["state"], one["epochs"]) for one in document["trainings"]]


async def known(session: Session, number: int, state: TrainState | None = TrainState.DONE) -> None:
    """Wait for so many trainings, the newest of them in that state."""
    await session.store.wait_for(lambda s: len(s.trainings) == number and s.trainings[-1].state is state, 30)


async def print_training(it: Desk, output: bytes = TRAINING) -> None:
    await it.session.readiness.need_server()
    it.host.agent.jobs["server"].print(output)


@in_virtual_time
async def test_trainings_before_a_restart_of_the_server_are_still_reported(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        for hour in (17, 18, 19):
            await it.run("server.start")
            await print_training(it, at_hour(hour))
            await known(it.session, hour - 16)
            await it.run("server.stop")
        await it.run("server.start")
        report = await it.run("report")
        history = await it.run("train.history")
    assert [one["started_at"][11:13] for one in report["trainings"]] == ["17", "18", "19"]
    assert report["best"] is not None
    assert brief(history) == [("17", "done", 3), ("18", "done", 3), ("19", "done", 3)]
    newest = history["trainings"][0]
    assert {key: newest[key] for key in BEST} == BEST
    assert newest["model_file"].endswith("/model/deepedit_dynunet.pt")
    assert (newest["total_epochs"], newest["options"]["max_epochs"]) == (3, 3)
    assert history["reached"]


@in_virtual_time
async def test_the_next_console_knows_them_without_the_host(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await print_training(it)
        await known(it.session, 1)
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        history, report = await it.run("train.history"), await it.run("report")
        assert "may be missing" in it.report.lines[0]
    assert (brief(history), history["reached"]) == ([("17", "done", 3)], False)
    assert {key: report["best"][key] for key in BEST} == BEST


@in_virtual_time
async def test_trainings_that_no_console_watched_are_found_in_the_hosts_logs(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False) as it:
        killed = TRAINING.replace(b"Return code: 0", b"Return code: -9")
        it.host.files.write(f"{RUNS}/20261121-a/stdout.log", TRAINING + at_hour(18))
        it.host.files.write(f"{RUNS}/20261122-b/stdout.log", at_hour(19, killed))
        it.host.files.write(f"{RUNS}/20261123-c/stdout.log", at_hour(20, TWO_EPOCHS))
        it.host.files.write(f"{RUNS}/20261123-d/other", b"")
        await it.session.start()
        await known(it.session, 4, TrainState.ERROR)
        history = await it.run("train.history")
    assert brief(history) == [("17", "done", 3), ("18", "done", 3), ("19", "error", 3), ("20", "error", 2)]
    assert "signal 9" in history["trainings"][2]["error"]
    assert "server ended" in history["trainings"][3]["error"]


@in_virtual_time
async def test_a_log_is_read_once_and_again_when_it_has_grown(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False) as it:
        it.host.files.write(f"{RUNS}/20261121-a/stdout.log", at_hour(20, TWO_EPOCHS))
        await it.session.start()
        await known(it.session, 1, TrainState.ERROR)
        agent = it.host.agent
        first = len(agent.requests("read"))
        await it.run("train.history")
        assert len(agent.requests("read")) == first
        it.host.files.write(f"{RUNS}/20261121-a/stdout.log", at_hour(20))  # its training outlived the server
        history = await it.run("train.history")
        assert len(agent.requests("read")) > first
    assert brief(history) == [("20", "done", 3)]


@in_virtual_time
async def test_what_was_known_of_a_training_is_not_lost_while_its_log_is_read_again(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await print_training(it)
        await known(it.session, 1)
        states: list[TrainState | None] = []
        other = Session(
            "p", it.session.profile, lambda _account: it.host, it.session.state_folder, clock=it.session.clock
        )
        other.store.subscribe(lambda state, _changed: states.extend(one.state for one in state.trainings))
        await other.start()
        await other.readiness.settled()
        await other.trainings.load()
        await other.close()
        await it.session.trainings.load()
        assert set(states) == {TrainState.DONE}
        assert [record.epochs for record in it.session.store.state.trainings] == [3]


@in_virtual_time
async def test_a_training_runs_as_long_as_its_server_and_its_end_may_stay_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await print_training(it, TWO_EPOCHS)
        await known(it.session, 1, TrainState.RUNNING)
        assert brief(await it.run("train.history")) == [("17", "running", 2)]
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        assert brief(await it.run("train.history")) == [("17", None, 2)]
    async with desk(tmp_path, serves=True) as it:
        await print_training(it, TWO_EPOCHS)
        await known(it.session, 1, TrainState.RUNNING)
        it.host.agent.jobs["server"].end(1)
        await known(it.session, 1, TrainState.ERROR)
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        assert brief(await it.run("train.history")) == [("17", "error", 2)]


@in_virtual_time
async def test_a_training_that_ended_with_its_server_is_stopped_also_when_its_log_is_read_later(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await it.run("server.start")
        await print_training(it, TWO_EPOCHS)
        await known(it.session, 1, TrainState.RUNNING)
        await it.run("server.stop")
        await known(it.session, 1, TrainState.STOPPED)
        await it.run("server.start")
        assert brief(await it.run("train.history")) == [("17", "stopped", 2)]
        ended = TRAINING.replace(b"Return code: 0", b"Return code: -15")
        it.host.files.write(f"{RUNS}/20261121-a/stdout.log", at_hour(18, ended))
        assert brief(await it.run("train.history")) == [("17", "stopped", 2), ("18", "stopped", 3)]


@in_virtual_time
async def test_a_server_that_does_not_answer_for_a_while_has_not_ended_its_training(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await print_training(it, TWO_EPOCHS)
        await known(it.session, 1, TrainState.RUNNING)
        it.server.up = False
        await it.session.store.wait_for(lambda s: s.info.error is not None, 60)
        await asyncio.sleep(30)
        assert [record.state for record in it.session.store.state.trainings] == [TrainState.RUNNING]


@in_virtual_time
async def test_a_training_of_a_newer_version_does_not_hide_the_others(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await print_training(it, TRAINING + at_hour(18))
        await known(it.session, 2)
        it.session.history.write(
            lambda connection: connection.execute(
                "UPDATE trainings SET document = '{\"new\": 1}' WHERE id = 1"
            )
        )
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        assert brief(await it.run("train.history")) == [("18", "done", 3)]


@in_virtual_time
async def test_without_a_place_to_store_them_the_trainings_of_this_session_are_listed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "history.db").mkdir()
    async with desk(tmp_path, serves=True) as it:
        await print_training(it, TRAINING + at_hour(18))
        await known(it.session, 2)
        assert brief(await it.run("train.history")) == [("17", "done", 3), ("18", "done", 3)]
