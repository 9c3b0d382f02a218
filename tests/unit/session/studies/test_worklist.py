"""The worklist in the console: reservations, counts by state, and alerts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.problems import Failed
from labeltui.domain.state import Level
from labeltui.domain.studies.worklist import Worklist
from tests.fakes.account import START
from tests.fakes.agent import Run
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

EDITS = "/root/labeltui/run/worklist-1.json"
STUDIES = ("a", "b", "c", "d")


@asynccontextmanager
async def serving(folder: Path, **meta: Any) -> AsyncIterator[Desk]:
    """A server with a worklist runs, on four studies."""
    async with desk(folder) as it:
        info = recorded("info")
        info["strategies"] = {"worklist": {"description": ""}, **info["strategies"]}
        it.server.documents["GET", "/info/"] = info
        put(it)
        it.serve(**(meta or {"worklist": EDITS, "worklist_hold_s": 5400.0}))
        yield it


def put(it: Desk, *finals: str, **fetched: str) -> None:
    """The server's list: all studies, of which some are fetched by a client now, and some have a final label."""
    now = int(it.session.clock().timestamp())
    objects = {
        study: {"image": {"ext": ".nii.gz", "info": {"name": study}}, "labels": {}} for study in STUDIES
    }
    for study, client in fetched.items():
        objects[study]["image"]["info"]["strategy"] = {"worklist": {"ts": now, "client_id": client}}
    for study in finals:
        objects[study]["labels"]["final"] = {"ext": ".nii.gz", "info": {"ts": now}}
    it.server.datastore = {**it.server.datastore, "objects": objects}
    it.session.pollers.queue.wake()


async def known(it: Desk, holds: Any) -> Worklist:
    it.session.worklist.poller.wake()
    state = await it.session.store.wait_for(
        lambda s: s.worklist.value is not None and holds(s.worklist.value), 60
    )
    assert state.worklist.value is not None
    return state.worklist.value


def newest(it: Desk) -> Run:
    """The server's process."""
    return next(reversed(it.host.agent.jobs.values()))


def store(it: Desk, **state: Any) -> None:
    it.host.files.write(f"{EDITS}.state", json.dumps(state).encode())


@pytest.mark.parametrize("many", [0, 2000])
@in_virtual_time
async def test_holders_and_what_is_left_are_known_from_the_list_and_the_hosts_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr("labeltui.session.studies.worklist.MANY_STUDIES", many)
    async with serving(tmp_path) as it:
        it.host.files.write(EDITS, b'{"order": ["d"], "assigned": {"b": "ben"}, "skipped": ["c"]}')
        put(it, a="ana")
        worklist = await known(it, lambda w: w.holders and w.skipped)
        (holder,) = worklist.holders["a"]
        assert (holder.client, holder.until) == ("ana", worklist_until(it))
        assert (worklist.place("d"), worklist.assigned, worklist.skipped) == (1, {"b": "ben"}, {"c"})
        assert worklist.left is not None
        assert (worklist.left.free, worklist.left.held, worklist.left.assigned, worklist.left.skipped) == (
            1, 1, 1, 1,
        )  # fmt: skip
        store(it, activity={"ana": (START + timedelta(hours=9)).timestamp()})
        later = await known(it, lambda w: w.holders["a"][0].until > holder.until)
        assert later.holders["a"][0].until == START + timedelta(hours=10.5)


def worklist_until(it: Desk) -> Any:
    return it.session.store.state.queue.value.studies[0].fetches[0].at + timedelta(minutes=90)  # type: ignore[union-attr]


@in_virtual_time
async def test_a_refused_client_and_a_shared_name_are_alerts_until_they_are_over(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        session = it.session
        put(it, a="user-xyz", b="admin", c="ana", d="ben")
        at = session.clock().timestamp()
        store(it, refused={"cleo": {"at": at, "held": 4}, "[red]": {"at": at - 7200}, "labeltui": {"at": at}})
        await known(it, lambda w: len(w.holders) == 4 and w.refusals)
        alerts = {alert.key: alert for alert in session.store.state.alerts}
        assert alerts["worklist:cleo"].message == "There is no study for cleo: 4 are reserved for others."
        assert alerts["worklist:cleo"].level is Level.INFO, "nothing is to decide"
        store(it, refused={"cleo": {"at": at + 1, "held": 3, "skipped": 1}})
        await known(it, lambda w: any(one.left.skipped for one in w.refusals))
        alerts = {alert.key: alert for alert in session.store.state.alerts}
        assert alerts["worklist:cleo"].level is Level.WARNING
        assert "undo a skip" in alerts["worklist:cleo"].hint
        assert "worklist:[red]" not in alerts  # hours ago
        assert "worklist:labeltui" not in alerts  # the console's own
        assert alerts["shared name"].message.startswith("2 studies are open at a client without a name")
        assert "Client/User-ID" in alerts["shared name"].hint
        put(it, "b", "c", "d", a="user-xyz")
        store(it, refused={})
        await known(it, lambda w: not w.refusals and len(w.holders) == 1)
        keys = {alert.key for alert in session.store.state.alerts}
        assert not keys & {"worklist:cleo", "shared name"}


@in_virtual_time
async def test_that_all_studies_are_labelled_is_news_and_no_warning_about_anybody(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        session = it.session
        put(it, b="ana")
        at = session.clock().timestamp()
        store(it, refused={"cleo": {"at": at, "held": 1, "final": 1}})
        await known(it, lambda w: w.refusals and w.holders)
        assert {"worklist:cleo"} <= {alert.key for alert in session.store.state.alerts}
        put(it, *STUDIES)
        store(it, refused={"cleo": {"at": at, "held": 1}, "ben": {"at": at + 1, "final": 4}})
        await known(it, lambda w: len(w.refusals) == 2 and w.left is not None and w.left.all_final)
        (alert,) = session.store.state.alerts
        assert (alert.level, alert.message) == (
            Level.INFO, "All studies are labelled (4), so Next Sample in Slicer finds none.",
        )  # fmt: skip


@in_virtual_time
async def test_a_client_who_gets_nothing_is_an_alert_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        session = it.session
        await known(it, lambda w: w.left is not None)
        await asyncio.sleep(7)
        store(it, refused={"cleo": {"at": session.clock().timestamp(), "held": 4}})
        began = asyncio.get_running_loop().time()
        newest(it).print(
            "[2026-11-23 17:08:17,116] [1] [T] [INFO] (labeltui:95) - Worklist: no study for cleo: Left(held=4)\n"
        )
        await session.store.wait_for(lambda s: any(a.key == "worklist:cleo" for a in s.alerts), 30)
        assert asyncio.get_running_loop().time() - began < 0.5


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"order": 3, "given": [], "refused": {"x": 1}}', b"\xff"])
@in_virtual_time
async def test_files_that_cannot_be_understood_count_as_empty(tmp_path: Path, data: bytes) -> None:
    async with serving(tmp_path) as it:
        it.host.files.write(EDITS, data)
        it.host.files.write(f"{EDITS}.state", data)
        worklist = await known(it, lambda w: w.left is not None and not w.why_not)
        assert (worklist.why_not, worklist.order, worklist.left.free) == ("", (), 4)  # type: ignore[union-attr]


@in_virtual_time
async def test_without_a_worklist_the_reason_is_known(tmp_path: Path) -> None:
    async with serving(tmp_path, other=1) as it:
        assert (
            await known(it, lambda w: w.left and "running" not in w.why_not)
        ).why_not == "this server was started without one"
    async with serving(tmp_path) as it:
        it.server.documents["GET", "/info/"] = recorded("info")
        assert "its log says why" in (await known(it, lambda w: "log" in w.why_not)).why_not
    async with desk(tmp_path) as it:
        it.server.up = True
        assert (
            await known(it, lambda w: "start" in w.why_not)
        ).why_not == "labeltui did not start this server"


@in_virtual_time
async def test_an_edit_keeps_what_another_console_changed_meanwhile(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        it.host.files.write(EDITS, b'{"skipped": ["c"]}')

        def meanwhile(request: Any) -> Any:
            del it.host.agent.answers["write"]
            it.host.files.write(EDITS, b'{"skipped": ["c", "d"]}')
            raise Failed("file_changed", "It was changed.", "")  # type: ignore[arg-type]

        await known(it, lambda w: w.skipped)
        it.host.agent.answers["write"] = meanwhile
        document = await it.run("studies.skip", studies=["a"])
        assert document["skipped"] == ["a", "c", "d"]
        assert json.loads(it.host.files.read(EDITS))["skipped"] == ["a", "c", "d"]
