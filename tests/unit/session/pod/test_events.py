"""Events of a pod are noticed, stored beyond the end of the console, reported, and followed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.host import HostMetrics
from labeltui.domain.pod.pod import Load, Pod, PodStatus, SshEndpoint
from labeltui.domain.reading import Reading
from labeltui.domain.state import Identity, SessionState
from labeltui.session.pod.events import PodWatch
from labeltui.session.pod.stops import PodStops
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from labeltui.support.subscribers import Subscribers
from tests.fakes.store import put

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
ENDPOINT = SshEndpoint("203.0.113.7", 40022, "root")
UP = Pod(
    "abc", "annot", PodStatus.RUNNING, NOW, ssh=ENDPOINT, started_at=NOW, data_centre="EU-RO-1", uptime_s=60
)
STOPPED = replace(UP, status=PodStatus.STOPPED, ssh=None, uptime_s=None)
MOVED = replace(UP, ssh=SshEndpoint("203.0.113.7", 40999, "root"))
GONE = replace(STOPPED, status=PodStatus.TERMINATED)
MIGRATED = replace(UP, id="xyz", data_centre="US-KS-2", ssh=SshEndpoint("198.51.100.4", 41000, "root"))
AGAIN = replace(UP, started_at=NOW + timedelta(hours=1), uptime_s=5)


class PodAccount:
    def __init__(self) -> None:
        self.on_event: Subscribers[[str, str]] = Subscribers()
        self.known_id: str | None = None
        self.pod_id: str | None = UP.id


class Link:
    def __init__(self) -> None:
        self.refreshes: list[str] = []

    def recheck(self, after_refusal: str = "") -> None:
        self.refreshes.append(after_refusal)


class Watched:
    """A watch over a store, as a console has it."""

    def __init__(self, folder: Path, *, keep: bool = True) -> None:
        self.store = Store(SessionState(Identity("p")))
        self.account, self.link = PodAccount(), Link()
        account: Any = self.account
        self.stops = PodStops(StateFolder(folder), lambda: NOW, account)
        parts: Any = (self.account, self.link, self.stops)
        self.watch = PodWatch(self.store, lambda: NOW, StateFolder(folder), *parts)
        self.watch.begin(store=keep)

    def see(self, *pods: Pod) -> list[str]:
        before = len(self.store.state.pod_events)
        for pod in pods:
            put(self.store, pod=Reading(pod, NOW))
        return [event.kind for event in self.store.state.pod_events[before:]]

    @property
    def alerts(self) -> list[str]:
        return [alert.key for alert in self.store.state.alerts]


@pytest.mark.parametrize(
    ("observed", "kinds", "alerts", "refreshes"),
    [
        ((UP, UP), [], [], 0),
        ((UP, STOPPED), ["stopped"], ["pod:stopped"], 0),
        ((UP, STOPPED, AGAIN), ["stopped", "running", "restarted"], [], 1),
        ((UP, MOVED), ["address"], ["pod:address"], 1),
        ((UP, GONE, GONE), ["gone"], [], 0),
        ((UP, GONE, MIGRATED), ["gone", "migrated"], ["pod:migrated"], 1),
        ((UP, MIGRATED), ["migrated"], ["pod:migrated"], 1),
        ((UP, AGAIN), ["restarted"], [], 0),
        ((STOPPED, AGAIN), ["running", "restarted"], [], 1),
    ],
)
def test_what_happens_is_an_event_and_what_needs_a_hand_an_alert(
    tmp_path: Path, observed: tuple[Pod, ...], kinds: list[str], alerts: list[str], refreshes: int
) -> None:
    watched = Watched(tmp_path)
    assert watched.see(*observed) == kinds
    assert watched.alerts == alerts
    assert watched.link.refreshes == ["pod_stopped"] * refreshes


@pytest.mark.parametrize("polled_first", [True, False])
def test_a_new_container_is_reported_once_whoever_polls_first(tmp_path: Path, polled_first: bool) -> None:
    begun = replace(AGAIN, started_at=NOW - timedelta(seconds=5))
    watched = Watched(tmp_path)
    watched.see(replace(UP, started_at=NOW - timedelta(hours=1)))
    if polled_first:
        assert watched.see(begun) == ["restarted"]
    watched.account.on_event.notify("pinned", "its keys are new, and vouched for")
    watched.see(begun)
    reported = [(event.kind, event.text) for event in watched.store.state.pod_events]
    assert reported == [("pinned", "its keys are new, and vouched for")]
    assert [event.kind for event in Watched(tmp_path).store.state.pod_events] == ["pinned"]
    later = replace(begun, started_at=NOW + timedelta(minutes=5))
    assert watched.see(later) == ["restarted"]


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(minutes=-10)])
def test_an_own_stop_is_known_by_runpods_clock_alone(tmp_path: Path, ahead: timedelta) -> None:
    """``ahead``: how far RunPod's clock is ahead of this machine's. The pod is stopped a minute after its start."""
    up = replace(UP, started_at=NOW - timedelta(minutes=1) + ahead)
    watched = Watched(tmp_path)
    watched.see(up)
    with watched.stops.requested(up):
        pass
    assert watched.see(replace(STOPPED, started_at=up.started_at)) == ["stopped"]
    assert watched.alerts == []
    watched.see(replace(up, started_at=NOW + timedelta(seconds=20) + ahead))
    assert watched.see(replace(STOPPED, started_at=up.started_at)) == ["stopped"]
    assert watched.alerts == ["pod:stopped"]


def test_a_stop_that_was_asked_for_here_is_no_alert_and_excuses_no_later_one(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.see(UP)
    with watched.stops.requested(UP):
        pass
    assert watched.see(STOPPED) == ["stopped"]
    assert watched.alerts == []
    begun = replace(AGAIN, started_at=NOW + timedelta(minutes=1))
    watched.see(begun)
    watched.see(replace(begun, status=PodStatus.STOPPED))
    assert watched.alerts == ["pod:stopped"]


def test_a_stop_long_after_a_request_that_had_no_effect_is_an_alert(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    with watched.stops.requested(UP):
        pass
    watched.see(replace(UP, read_at=NOW + timedelta(minutes=20)))
    watched.see(STOPPED)
    assert watched.alerts == ["pod:stopped"]


def test_what_happened_between_two_consoles_is_noticed_by_the_next(tmp_path: Path) -> None:
    Watched(tmp_path).see(UP)
    later = Watched(tmp_path)
    assert later.account.known_id == "abc"
    assert later.see(STOPPED) == ["stopped"]
    precise = replace(UP, started_at=NOW + timedelta(microseconds=1))
    later.see(precise)
    assert Watched(tmp_path).see(precise) == []
    third = Watched(tmp_path)
    assert [event.kind for event in third.store.state.pod_events] == ["stopped", "running", "restarted"]


def test_a_command_beside_the_console_writes_nothing(tmp_path: Path) -> None:
    Watched(tmp_path).see(UP)
    assert Watched(tmp_path, keep=False).see(STOPPED) == ["stopped"]
    assert Watched(tmp_path).see(STOPPED) == ["stopped"]  # the console still sees it for the first time


@pytest.mark.parametrize(
    "text", ["", "[]", '{"events": [1, {"at": "x"}]}', '{"events": 3}', '{"id": 3, "ssh": "@@"}']
)
def test_files_that_make_no_sense_are_passed_over(tmp_path: Path, text: str) -> None:
    for name in ("pod-events", "pod-seen"):
        (tmp_path / f"{name}.json").write_text(text)
    assert Watched(tmp_path).see(UP, STOPPED) == ["stopped"]


def test_many_events_are_bounded(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for _ in range(300):
        watched.see(UP, STOPPED)
    assert len(watched.store.state.pod_events) == 200
    assert len(Watched(tmp_path).store.state.pod_events) == 200


def test_the_load_is_runpods_only_while_the_agent_reports_none(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    busy = replace(UP, load=Load(((90.0, 40.0),), 20.0, 30.0))
    watched.see(busy)
    assert [sample.source for sample in watched.store.state.loads] == ["RunPod"]
    put(watched.store, metrics=Reading(HostMetrics(cpu_pct=10.0), NOW + timedelta(seconds=5)))
    watched.see(replace(busy, read_at=NOW + timedelta(seconds=20)))
    assert [sample.source for sample in watched.store.state.loads] == ["RunPod", "agent"]
