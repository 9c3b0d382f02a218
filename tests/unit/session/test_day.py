"""The end of the day counts until the work begins again, and the report that was written after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labeltui.actions import BY_ID
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import ServerState
from labeltui.session.day import DayWatch
from labeltui.session.history.journal import Journal
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from tests.ui.sample_pods import OWN

START = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


class Desk:
    """A store and a journal with the watch on them, and a clock that each action moves on by a minute."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.store, self.journal = Store(SessionState(Identity("p", rents=True))), Journal()
        self.folder = StateFolder(folder)
        self.day = DayWatch(self.store, self.journal, self.folder, lambda: self.now)

    def run(self, action: str, ok: bool = True) -> None:
        self.now += timedelta(minutes=1)
        entry = self.journal.begin(self.now, BY_ID[action].title, "labeltui …")
        self.journal.end(entry, ok, "done" if ok else "failed")

    def pod(self, status: PodStatus) -> None:
        self.store.publish(Fields.pod.replaced(self.store.state, Reading(_pod(status), self.now)))

    def server(self, state: ServerState) -> None:
        self.now += timedelta(minutes=1)
        self.store.publish(Fields.server.replaced(self.store.state, Reading(ServerStatus(state), self.now)))

    @property
    def ended(self) -> bool:
        return self.store.state.day_ended


def _pod(status: PodStatus) -> Pod:
    return replace(OWN, status=status)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.folder.close()


@pytest.mark.parametrize("action", ["pod.start", "pod.create", "server.start", "server.restart"])
def test_the_day_is_ended_until_something_is_started(desk: Desk, action: str) -> None:
    desk.run("evening.end", ok=False)
    assert not desk.ended
    desk.run("evening.end")
    assert desk.ended
    desk.run(action, ok=False)
    assert desk.ended
    desk.run(action)
    assert not desk.ended


def test_a_pod_or_server_that_others_start_begins_the_work_again(desk: Desk) -> None:
    starts: tuple[Callable[[], None], ...] = (
        lambda: desk.pod(PodStatus.RUNNING),
        lambda: desk.server(ServerState.STARTING),
    )
    for start in starts:
        desk.pod(PodStatus.STOPPED)
        desk.run("evening.end")
        desk.pod(PodStatus.STOPPED)
        desk.server(ServerState.STOPPED)
        assert desk.ended
        start()
        assert not desk.ended


def test_a_pod_that_was_not_stopped_leaves_the_day_ended(desk: Desk) -> None:
    desk.pod(PodStatus.RUNNING)
    desk.run("evening.end")
    desk.pod(PodStatus.RUNNING)
    assert desk.ended


def test_a_report_counts_if_it_was_written_after_the_end_also_for_a_later_console(
    desk: Desk, tmp_path: Path
) -> None:
    desk.day.report_written()
    desk.run("evening.end")
    assert not desk.store.state.report_written
    desk.now += timedelta(minutes=1)
    desk.day.report_written()
    assert desk.store.state.report_written
    store = Store(SessionState(Identity("p", rents=True)))
    later = DayWatch(store, desk.journal, StateFolder(tmp_path), lambda: START + timedelta(hours=7))
    later.refresh()
    assert (store.state.day_ended, store.state.report_written) == (True, True)


def test_the_next_morning_begins_a_new_day(desk: Desk) -> None:
    desk.run("evening.end")
    desk.now += timedelta(hours=9)
    desk.day.refresh()
    assert not desk.ended
