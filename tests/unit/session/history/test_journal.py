"""The action log: what earlier sessions and other processes did, and what was cut off."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labeltui.session.history import journal as journals
from labeltui.session.history.database import Database
from labeltui.session.history.journal import INTERRUPTED, Journal
from labeltui.session.runtime.state_folder import StateFolder
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


class Process:
    """A labeltui with its own connection to the history in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(StateFolder(folder))
        self.journal = Journal(self.database)

    async def entries(self) -> list[tuple[str, str, bool | None]]:
        await self.journal.load()
        return [(entry.title, entry.outcome, entry.ok) for entry in self.journal.entries]


@in_virtual_time
async def test_the_next_console_lists_what_was_done_before_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("server.start")
        await it.failing("train.start", model="no_such")
    async with desk(tmp_path) as it:
        entries = [(entry.title, entry.ok) for entry in it.session.journal.entries]
        assert entries == [("Start the server", True), ("Start training", False)]
        await it.run("labels.pull")
        await it.run("server.stop")
        titles = [entry.title for entry in it.session.journal.entries]
    assert titles[:2] == ["Start the server", "Start training"]
    assert titles[-1] == "Stop the server"


@in_virtual_time
async def test_a_command_and_the_console_see_each_others_actions(tmp_path: Path) -> None:
    console, command = Process(tmp_path), Process(tmp_path)
    mine = console.journal.begin(NOW, "Start the server", "labeltui server start")
    theirs = command.journal.begin(NOW + timedelta(seconds=1), "Stop the pod", "labeltui pod stop")
    assert await console.entries() == [("Start the server", "", None), ("Stop the pod", "", None)]
    command.journal.end(theirs, False, "RunPod asks to wait")
    console.journal.end(mine, True, "done")
    both = [("Start the server", "done", True), ("Stop the pod", "RunPod asks to wait", False)]
    assert await console.entries() == await command.entries() == both


@in_virtual_time
async def test_an_action_whose_labeltui_was_killed_does_not_run_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Process(tmp_path)
    killed.journal.begin(NOW, "Start the server", "labeltui server start")
    await killed.entries()
    monkeypatch.setattr(journals, "is_running", lambda pid, _process: pid != os.getpid())
    entries = await Process(tmp_path).entries()
    assert entries == [("Start the server", INTERRUPTED, False)]


@in_virtual_time
async def test_an_action_on_another_machine_is_not_known_to_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Process(tmp_path)
    there.journal.begin(NOW, "Start the server", "labeltui server start")
    await there.entries()
    monkeypatch.setattr("socket.gethostname", lambda: "another-desk")
    monkeypatch.setattr(journals, "is_running", lambda _pid, _process: False)
    assert await Process(tmp_path).entries() == [("Start the server", "", None)]


@in_virtual_time
async def test_without_a_place_to_write_the_session_still_has_its_own_actions(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a folder should be")
    console = Process(tmp_path / "state")
    entry = console.journal.begin(NOW, "Start the server", "labeltui server start")
    console.journal.end(entry, True, "done")
    assert await console.entries() == [("Start the server", "done", True)]


@in_virtual_time
async def test_the_number_of_stored_actions_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MAX_STORED", 20)
    monkeypatch.setattr(journals, "SHOWN", 30)
    first = Process(tmp_path)
    for number in range(50):
        first.journal.begin(NOW + timedelta(seconds=number), f"{number}", "labeltui status")
    assert len(first.journal.entries) == 30
    later = Process(tmp_path)
    assert [title for title, _, _ in await later.entries()] == [str(number) for number in range(30, 50)]
