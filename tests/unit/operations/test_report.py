"""The report of a session: its figures, its start, and unknown values."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from labeltui.domain.documents import documents
from labeltui.domain.rules.pace import pace
from tests.actions import run_confirmed
from tests.fakes.guard import FakeGuard
from tests.fakes.monailabel import MONAILABEL
from tests.fakes.session import memory_session
from tests.unit.operations.desk import desk, published
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
        it.server.documents[("GET", "/datastore/label/info")] = {"client_id": "ana"}
        it.put_label("s1.nii.gz", b"one")
        it.put_label("s2.nii.gz", b"two")
        it.host.files.write("~/studies/labels/original/s3.nii.gz", b"of a model")
        await it.run("labels.pull")
        await asyncio.sleep(12 * 60)
        it.put_label("s1.nii.gz", b"better")
        it.host.agent.jobs["server"].print(TRAINING)
        recent = await it.run("report", since="1m")
        document = await it.run("report")
        per_hour = it.session.store.state.spend.value
    assert per_hour is not None
    assert per_hour.per_hour is not None
    assert (document["since"], document["hours"]) == ("2026-11-23T09:00:00.000+00:00", 0.2)
    assert (document["labels"], document["studies"]) == (3, 2)
    assert document["labels_by"] == {"ana": 2, "unknown": 1}  # the host's own label says no name
    assert recent["labels_by"] == {"unknown": 1}  # the copies here are older
    assert document["labels_per_hour"] == pytest.approx(15, abs=0.2)
    assert float(document["cost"]) == pytest.approx(float(per_hour.per_hour) / 5, rel=0.03)
    assert [(one["cost"], one["began"]) for one in document["sessions"]] == [
        (document["cost"], document["since"])
    ]
    assert float(document["cost_per_label"]) == pytest.approx(float(per_hour.per_hour) / 15, rel=0.03)
    assert (document["labels_here"]["total"], document["labels_here"]["here"]) == (3, 2)
    best = {"model": "deepedit", "metric": "val_mean_dice", "epoch": 3}
    assert document["best"] == {**best, "value": pytest.approx(0.479, abs=0.001)}
    assert document["trainings"] == [
        {**best, "best": document["best"]["value"], "epochs": 3, "ended": True,
         "started_at": "2026-11-23T17:08:17.121+00:00"}
    ]  # fmt: skip
    assert (
        it.report.lines[-1]
        == "Reading labels and trainings on the host, RunPod's bill, and the label copies here"
    )
    assert "Report" not in [entry.title for entry in it.session.journal.entries]


@in_virtual_time
async def test_the_best_of_several_trainings_and_none_from_before(tmp_path: Path) -> None:
    first_epoch = b"".join(TRAINING.splitlines(keepends=True)[:90]).replace(b" 17:", b" 18:")
    imports = b"".join(TRAINING.splitlines(keepends=True)[:50]).replace(b" 17:", b" 19:")
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        fed = asyncio.Event()
        it.session.watch.on_lines.append(fed.set)
        it.host.agent.jobs["server"].print(TRAINING + first_epoch + imports)
        async with asyncio.timeout(5):
            while len(it.session.watch.training.runs) < 3:
                fed.clear()
                await fed.wait()
        all_three = await it.run("report")
        last_two = await it.run("report", since="2026-11-23 18:00")
        last = await it.run("report", since="2026-11-23 19:00")
    assert [one["ended"] for one in all_three["trainings"]] == [True, False, False]
    assert [one["best"] is None for one in all_three["trainings"]] == [False, False, True]
    assert all_three["best"]["epoch"] == 3
    assert (len(last_two["trainings"]), last_two["best"]["epoch"]) == (2, 2)
    assert (len(last["trainings"]), last["best"]) == (1, None)
    assert (last["hours"], last["labels_per_hour"]) == (0, None)  # it begins later than now


@in_virtual_time
async def test_without_a_pod_the_session_begins_with_the_server(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        await asyncio.sleep(25 * 60)
        document = await it.run("report")
    assert document["hours"] == pytest.approx(25 / 60, abs=0.01)
    assert (document["labels"], document["cost"], document["cost_per_label"], document["best"]) == (
        0,
        None,
        None,
        None,
    )
    assert document["labels_per_hour"] == 0


@in_virtual_time
async def test_a_session_whose_start_is_unknown_has_no_hours(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        document = await it.run("report")
    assert document["since"].startswith("2026-11-23T00:00:00")  # labels of today are counted
    assert (document["labels"], document["hours"], document["labels_per_hour"]) == (0, None, None)


@in_virtual_time
async def test_a_short_session_on_a_pod_costs_something_and_counts_from_its_start(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        FakeGuard(it.host)
        account.pulls_s = 5.0
        await it.run("pod.create", gpu="RTX A5000", max_price=0.30)
        await asyncio.sleep(20)
        document = await it.run("report")
    assert Decimal(document["cost"]) > 0
    assert document["since"].startswith("2026-06-01T12:00:0")
    assert 0 < document["hours"] < 0.1


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


@in_virtual_time
async def test_after_the_end_of_the_day_the_labels_here_are_those_that_it_read_last(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        it.serve()
        it.put_label("s1.nii.gz")
        await it.run("evening.end")
        it.out_of_reach()
        it.host.drop()
        document = await it.run("report")
    assert (document["labels_here"]["here"], document["labels_here"]["total"]) == (1, 1)
    assert not [line for line in document["not_measured"] if line.startswith("Labels")]


@in_virtual_time
async def test_out_of_reach_and_without_copies_the_labels_are_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        document = await it.run("report")
    assert [document[name] for name in ("labels", "studies", "labels_by", "labels_per_hour")] == [None] * 4


@pytest.mark.slow
@in_virtual_time
async def test_a_restart_of_the_server_begins_no_new_session_and_the_next_day_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("domain.rules.pace", "session.server.began"):  # the polls of a whole day would take 14 s
        monkeypatch.setattr(f"labeltui.{module}.SAME_SESSION", timedelta(hours=1))
    async with desk(tmp_path) as it:
        await it.run("server.start")
        it.put_label("s1.nii.gz")
        await it.run("labels.pull")
        await asyncio.sleep(1.25 * 3600)  # without an action, for longer than a server may be down
        await it.run("server.restart")
        await asyncio.sleep(1800)
        restarted = await it.run("report")
        pace_of = pace(it.session.store.state, it.session.clock())
        await it.run("server.stop")
        await asyncio.sleep(1800)
        await it.run("server.start")
        stopped = await it.run("report")
        it.host.agent.jobs["server"].end(0)
        it.server.up = False
        await asyncio.sleep(1.75 * 3600)
        await it.run("server.start")
        await asyncio.sleep(600)
        next_day = await it.run("report")
    assert (restarted["hours"], restarted["labels"]) == (pytest.approx(1.75, abs=0.02), 1)
    assert pace_of is not None
    assert documents.moment(pace_of.since) == restarted["since"] == stopped["since"]
    assert (next_day["hours"], next_day["labels"]) == (pytest.approx(1 / 6, abs=0.02), 0)


@in_virtual_time
async def test_a_server_that_is_restarted_elsewhere_begins_no_new_session(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        await asyncio.sleep(1800)
        it.host.agent.jobs["server"].end(0)
        it.server.up = False
        await asyncio.sleep(60)
        it.serve()
        await asyncio.sleep(20)
        await it.session.readiness.need_server()
        document = await it.run("report")
    assert document["hours"] == pytest.approx(0.52, abs=0.02)


@in_virtual_time
async def test_a_command_reports_the_session_that_a_console_has_watched(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("server.start")
        await asyncio.sleep(1800)
        await it.run("server.restart")
        watched = await it.run("report")
    async with memory_session(tmp_path, host=it.host, server=it.server, hold=False) as command:
        document = await run_confirmed(command, "report", it.report)
    assert document["since"] == watched["since"] == "2026-11-23T09:00:00.000+00:00"


@in_virtual_time
async def test_a_label_that_the_server_found_on_disk_is_no_label_of_the_session(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        await asyncio.sleep(1200)
        it.put_label("case_000.nii.gz")  # which the server lists, without a client
        it.put_label("s1.nii.gz")
        document = await it.run("report")
    assert (document["labels"], document["studies"]) == (1, 1)
