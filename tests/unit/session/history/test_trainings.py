"""Which of two records of one training is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.record import TrainingRecord
from labeltui.domain.training.training import EpochPoint
from labeltui.session.history import trainings as histories
from labeltui.session.history.database import Database
from labeltui.session.history.trainings import TrainingHistory
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from tests.virtual_time import in_virtual_time

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
DONE = TrainingRecord("deepedit", NOW, TrainState.DONE, "run", points=(EpochPoint(1), EpochPoint(2)))


class Process:
    def __init__(self, folder: Path) -> None:
        self.history = TrainingHistory(Store(SessionState(Identity("p"))), Database(StateFolder(folder)))

    async def states(self) -> list[tuple[TrainState | None, int]]:
        return [(record.state, record.epochs) for record in await self.history.load()]


def with_epochs(record: TrainingRecord, epochs: int) -> TrainingRecord:
    return replace(record, points=tuple(EpochPoint(number) for number in range(1, epochs + 1)))


@in_virtual_time
async def test_a_log_that_is_read_afterwards_replaces_only_what_it_knows_better(tmp_path: Path) -> None:
    watched, later = Process(tmp_path), Process(tmp_path)
    watched.history.add([replace(DONE, state=TrainState.STOPPED)])
    await later.history.load()
    for process in (watched, later):
        process.history.add([replace(DONE, state=TrainState.ERROR)], found=True)
        assert await process.states() == [(TrainState.STOPPED, 2)]
    later.history.add([with_epochs(DONE, 3)], found=True)  # it outlived its server
    assert await watched.states() == await later.states() == [(TrainState.DONE, 3)]


@in_virtual_time
async def test_a_training_that_is_read_from_its_start_again_does_not_lose_its_end(tmp_path: Path) -> None:
    one, other = Process(tmp_path), Process(tmp_path)
    one.history.add([DONE])
    for epochs in (0, 1, 5):
        other.history.add([with_epochs(replace(DONE, state=TrainState.RUNNING), epochs)])
    assert await one.states() == await other.states() == [(TrainState.DONE, 2)]


@in_virtual_time
async def test_everything_about_a_training_is_read_back(tmp_path: Path) -> None:
    record = replace(
        DONE, ended_at=NOW + timedelta(hours=1), options={"max_epochs": 2, "nan": float("inf")}, total_epochs=2,
        points=(EpochPoint(1, 0.5, {"val_mean_dice": 0.25}, 8.5),), model_file="/m.pt", problem="It failed.",
    )  # fmt: skip
    Process(tmp_path).history.add([record])
    assert await Process(tmp_path).history.load() == (record,)


@in_virtual_time
async def test_the_number_of_stored_trainings_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "MAX_STORED", 20)
    process = Process(tmp_path)
    process.history.add([replace(DONE, started_at=NOW + timedelta(hours=hour)) for hour in range(50)])
    assert len(await Process(tmp_path).history.load()) == 20
