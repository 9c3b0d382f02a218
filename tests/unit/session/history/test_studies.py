"""Who fetched and submitted what: stored once, over the end of console and server."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from labeltui.session.history import studies as histories
from labeltui.session.history.database import Database
from labeltui.session.history.schema import MIGRATIONS
from labeltui.session.history.studies import StudyEvent, StudyEventKind, StudyHistory
from labeltui.session.runtime.state_folder import StateFolder
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


def fetched(study: str, client: str = "ana", seconds: float = 0.0) -> StudyEvent:
    at = NOW + timedelta(seconds=seconds)
    return StudyEvent("/studies", StudyEventKind.FETCH, study, client, "first", at)


def history(folder: Path) -> StudyHistory:
    return StudyHistory(Database(StateFolder(folder)))


async def listed(of: StudyHistory) -> list[tuple[str, str]]:
    of._flush()
    return [(one.study, one.client) for one in await of.load()]


@in_virtual_time
async def test_an_event_is_stored_once_whoever_reads_it_and_however_it_is_dated(tmp_path: Path) -> None:
    console, command = history(tmp_path), history(tmp_path)
    for one in (console, command, console):
        one.add(fetched("a", seconds=0.25))  # as the server's output dates it
        one.add(fetched("a"))  # as its list does
    console.add(fetched("a", "ben"))
    console.add(fetched("a", seconds=60))
    assert sorted(await listed(console)) == sorted(await listed(command))
    assert await listed(console) == [("a", "ben"), ("a", "ana"), ("a", "ana")]


@in_virtual_time
async def test_a_long_list_is_one_transaction_and_the_number_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "MAX_STORED", 3000)
    of, commits = history(tmp_path), []
    commit = Database._commit
    monkeypatch.setattr(
        Database, "_commit", lambda self, connection: (commits.append(1), commit(self, connection))
    )
    await of.load()
    before = len(commits)
    for number in range(5000):
        of.add(fetched(f"study-{number}", seconds=number))
    found = await listed(of)
    assert len(commits) == before + 1
    assert (len(found), found[-1][0]) == (3000, "study-4999")


def label(it: Desk, study: str, client: str, seconds: int) -> None:
    """A final label of that person, as the server's list has it."""
    ts = it.session.clock().timestamp() + seconds
    entry: dict[str, Any] = it.server.datastore["objects"][study]
    entry["labels"] = {"final": {"ext": ".nii.gz", "info": {"client_id": client, "ts": ts}}}


def fetch(it: Desk, study: str, client: str, seconds: int) -> None:
    ts = it.session.clock().timestamp() + seconds
    info = it.server.datastore["objects"][study]["image"]["info"]
    info["strategy"] = {"first": {"client_id": client, "ts": ts}}


async def queue(it: Desk) -> dict[str, dict[str, Any]]:
    await it.session.readiness.need_server()
    return {one["id"]: one for one in (await it.run("studies.list"))["studies"]}


@in_virtual_time
async def test_the_next_console_knows_whom_the_server_has_forgotten(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        datastore = copy.deepcopy(it.server.datastore)
        datastore["objects"] = {
            name: {**one, "labels": {}} for name, one in list(datastore["objects"].items())[:2]
        }
        it.server.datastore = datastore
        first, second = datastore["objects"]
        fetch(it, first, "ana", -60)
        label(it, second, "ana", -60)
        await queue(it)
        fetch(it, first, "ben", 0)
        label(it, second, "ben", 0)
        await queue(it)
    async with desk(tmp_path, serves=True) as it:
        it.server.datastore = datastore
        studies = await queue(it)
        report = await it.run("report", since="2h")
    assert studies[first]["opened_by"] == ["ben", "ana"]
    assert [one["client"] for one in studies[second]["replaced"]] == ["ana"]
    assert report["fetches_by"] == {"ana": 1, "ben": 1}
    assert report["submissions_by"] == {"ana": 1, "ben": 1}


@in_virtual_time
async def test_an_older_file_has_a_nameless_request_once(tmp_path: Path) -> None:
    older = StudyHistory(Database(StateFolder(tmp_path), MIGRATIONS[:5]))
    for client, seconds in (("admin", 0), ("?", 0.25), ("admin", 60), ("ana", 60)):
        older.add(fetched("a", client, seconds))
    assert len(await listed(older)) == 4
    assert sorted(await listed(history(tmp_path))) == [("a", "?"), ("a", "?"), ("a", "ana")]


@in_virtual_time
async def test_a_name_that_is_no_unicode_does_not_lose_the_other_events(tmp_path: Path) -> None:
    of = history(tmp_path)
    for study in ("a", "b\udcff", "c"):
        of.add(fetched(study))
    assert sorted(await listed(of)) == [("a", "ana"), ("b\\udcff", "ana"), ("c", "ana")]
