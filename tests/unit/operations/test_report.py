"""The report of a session: what is counted, since when, and what stays unknown."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.monailabel import MONAILABEL
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

TRAINING = (MONAILABEL / "log_train_3epochs.txt").read_bytes()


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's clock is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@in_virtual_time
async def test_labels_hours_cost_and_the_best_model_of_the_session(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        it.serve()
        await it.session.readiness.need_server()
        it.put_label("s1.nii.gz", b"one")
        it.put_label("s2.nii.gz", b"two")
        await it.run("labels.pull")
        it.host.agent.jobs["server"].print(TRAINING)
        began = it.session.store.state.spend.value
        document = await it.run("report")
    assert began is not None
    assert began.session_since is not None
    assert (document["labels"], document["studies"]) == (2, 2)
    assert document["labels_by"] == {"unknown": 2}
    assert document["labels_here"]["here"] == 2
    assert document["cost"] is not None
    assert document["cost_per_label"] is not None
    assert document["best"]["model"] == "deepedit"
    assert document["best"]["metric"] == "val_mean_dice"
    assert [(training["ended"], training["epochs"]) for training in document["trainings"]] == [(True, 3)]
    assert not it.session.journal.entries[2:]


@in_virtual_time
async def test_without_a_pod_the_session_is_the_day_and_costs_nothing_known(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        document = await it.run("report")
    assert document["since"].startswith("2026-11-23T00:00:00")
    assert document["hours"] == pytest.approx(9, abs=0.1)
    assert (document["labels"], document["cost"], document["cost_per_label"], document["best"]) == (
        0,
        None,
        None,
        None,
    )
    assert document["labels_per_hour"] == 0


@in_virtual_time
async def test_since_a_time_only_what_came_then_is_counted_and_its_cost_is_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, labels={"copy": False, "folder": str(tmp_path / "labels")}) as it:
        await it.rent()
        it.serve()
        now = it.session.clock()
        old = int((now - timedelta(hours=2)).timestamp() * 1e9)
        it.host.files.write("~/studies/labels/final/old.nii.gz", b"old", mtime_ns=old)
        it.put_label("new.nii.gz", b"new")
        document = await it.run("report", since="1h")
        everything = await it.run("report", since="3h")
        wrong = await it.failing("report", since="yesterday-ish")
    assert (document["labels"], everything["labels"]) == (1, 2)
    assert document["cost"] is None
    assert wrong.problem.code == "bad_time"
    assert wrong.exit_code == 2


@in_virtual_time
async def test_where_the_host_is_out_of_reach_its_values_are_unknown_and_the_copies_count(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.put_label("s1.nii.gz")
        await it.run("labels.pull")
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        document = await it.run("report")
    assert document["labels"] == 1
    assert (document["labels_here"], document["trainings"], document["best"]) == (None, None, None)
