"""``status``, ``server status`` and ``tunnel``: the readings before their answers."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_the_status_holds_everything_of_the_strip(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, labels={"copy": False, "folder": str(tmp_path / "labels")}) as it:
        FakeGuard(it.host)
        await it.rent()
        it.put_label("s1.nii.gz")
        it.serve()
        await it.session.readiness.need_server()
        document = await it.run("status")
    assert document["server"]["state"] == "running"
    assert document["training"]["state"] == "idle"
    assert (document["labels"]["total"], document["labels"]["here"]) == (1, 0)
    assert document["money"]["balance"] is not None
    assert document["guard"]["state"] == "watching"
    assert not it.session.journal.entries[1:]


@in_virtual_time
async def test_what_can_not_be_read_is_in_its_reading_and_not_a_failure(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        known = await it.run("status")
        it.refuse_labels()
        document = await it.run("status")
    assert document["server"]["state"] == "running"
    assert not known["labels"]["stale"]
    assert document["labels"]["stale"]
    assert "Permission denied" in document["labels"]["stale_because"]


@in_virtual_time
async def test_labels_that_are_not_listed_in_time_are_said_to_be_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, serves=True) as it:

        async def never(**_options: bool) -> None:
            await asyncio.Event().wait()

        await it.run("status")
        monkeypatch.setattr(it.session.labels, "refresh", never)
        await it.run("status")
        assert "did not list its labels in time" in (it.session.store.state.labels.error or "")


@in_virtual_time
async def test_the_servers_status_is_its_own_document(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        running = await it.run("server.status")
    async with desk(tmp_path) as it:
        stopped = await it.run("server.status")
    assert (running["state"], stopped["state"]) == ("running", "stopped")
    assert running["url"].startswith("http://127.0.0.1:")


@in_virtual_time
async def test_the_tunnel_stays_open_and_each_change_is_a_record(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.session.readiness.need_server()
        holding = it.begin("tunnel")
        await it.report.wait_for("'state': 'up'")
        it.host.drop()
        await it.report.wait_for("'state': 'down'")
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
    states = [record["state"] for record in it.report.records]
    assert states[0] != "down"
    assert all(one != other for one, other in itertools.pairwise(it.report.records))


@in_virtual_time
async def test_a_server_that_somebody_started_after_ours_had_ended_is_not_called_stopped(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, serves=True) as it:
        run = it.host.agent.jobs["server"]
        it.server.up = False
        run.end(0)
        ended = await it.run("server.status")
        it.server.up = True  # the newest answer that is known is still the one of the ended server
        state = await it.session.readiness.need_server()
        document = await it.run("server.status")
    assert (ended["state"], ended["run_id"]) == ("stopped", run.run_id)
    assert state.server.value is not None
    assert document["state"] == "running"
    assert [document[name] for name in ("run_id", "log_path", "started_at", "ended_at")] == [None] * 4
