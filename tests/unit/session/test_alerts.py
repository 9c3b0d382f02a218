"""Alerts that are raised without a request, and withdrawn when they no longer hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.host import HostStatus
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.problems import Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import OrphanTask, ServerStatus
from labeltui.domain.state import Identity, Level, SessionState
from labeltui.domain.states import LinkState, ServerState, TrainState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue, Submission
from labeltui.domain.studies.worklist import Reading as WorklistReading
from labeltui.domain.studies.worklist import Worklist
from labeltui.domain.training.training import Best, EpochPoint, TrainStatus
from labeltui.session.alerts import Alerts
from labeltui.session.labels.folder import LabelFolder
from labeltui.session.labels.index import Entry
from labeltui.session.runtime.store import Store
from tests.fakes.store import put

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)


def store_after(**changes: Any) -> Store:
    """A store whose alerts are watched; each keyword is a field and its values, one after another."""
    store = Store(SessionState(Identity("test", rents=True)))
    Alerts(store, lambda: NOW)
    for field, values in changes.items():
        for value in values:
            put(store, **{field: Reading(value, NOW)})
    return store


def keys(store: Store) -> dict[str, Level]:
    return {alert.key: alert.level for alert in store.state.alerts}


def test_a_lost_connection_is_reported_and_taken_back() -> None:
    up = HostStatus("h", "ssh", "root@h", LinkState.CONNECTED)
    lost = replace(up, state=LinkState.RECONNECTING)
    assert keys(store_after(host=[up, lost])) == {"host": Level.WARNING}
    assert keys(store_after(host=[up, lost, up])) == {}
    refused = replace(up, state=LinkState.REFUSED, detail="the key has changed")
    assert keys(store_after(host=[up, refused])) == {"host": Level.ERROR}


def test_a_host_whose_pod_is_stopped_is_no_trouble_whoever_hears_of_it_first() -> None:
    up = HostStatus("h", "ssh", "root@h", LinkState.CONNECTED)
    refused = replace(up, state=LinkState.REFUSED, detail="The pod annot is stopped.")
    pod = Pod("abc", "annot", PodStatus.STOPPED, NOW)
    assert "host" not in keys(store_after(pod=[pod], host=[up, refused]))
    assert "host" not in keys(store_after(host=[up, refused], pod=[pod]))
    assert "host" in keys(store_after(pod=[replace(pod, status=PodStatus.RUNNING)], host=[up, refused]))


def test_a_training_whose_loss_is_no_number_is_reported_once_until_it_is_one() -> None:
    def training(*points: EpochPoint, state: TrainState = TrainState.RUNNING, task: str = "a") -> TrainStatus:
        return TrainStatus(state, "deepedit", task, points=points)

    good, bad = EpochPoint(1, 0.5), EpochPoint(2, None, {}, None, ("loss",))
    store = store_after(training=[training(good), training(good, bad)])
    (alert,) = store.state.alerts
    assert (alert.key, alert.level) == ("not_a_number", Level.ERROR)
    assert "loss" in alert.message
    assert "NaN since epoch 2" in alert.message
    put(store, training=Reading(training(good, bad, replace(bad, epoch=3)), NOW))
    assert store.state.alerts == (alert,)
    put(store, training=Reading(training(good, bad, replace(bad, epoch=3), state=TrainState.STOPPED), NOW))
    assert store.state.alerts == (alert,)
    put(store, training=Reading(training(task="b"), NOW))
    assert keys(store) == {}
    # A label that no validation study has, has no Dice score: that is usual.
    absent = EpochPoint(1, 0.5, {"val_mean_dice": 0.4}, None, ("aorta_dice",))
    assert keys(store_after(training=[training(), training(absent)])) == {}


def test_a_crash_and_its_orphan_are_reported_until_they_are_gone() -> None:
    up = ServerStatus(ServerState.RUNNING, pid=1)
    crash = ServerStatus(
        ServerState.CRASHED,
        problem=Problem("oom", "Out of memory.", "Less."),
        orphans=(OrphanTask(7, 7, "x"),),
    )
    store = store_after(server=[up, crash])
    assert keys(store) == {"server": Level.ERROR, "orphans": Level.WARNING}
    assert "x (pid 7)" in next(a.message for a in store.state.alerts if a.key == "orphans")
    assert keys(store_after(server=[up, crash, up])) == {}


def test_an_alert_about_a_server_that_does_not_answer_ends_with_its_process() -> None:
    up = ServerStatus(ServerState.RUNNING, pid=1)
    silent = replace(
        up, state=ServerState.UNREACHABLE, problem=Problem("silent", "It does not answer.", "Wait.")
    )
    assert keys(store_after(server=[up, silent])) == {"server": Level.ERROR}
    for state in (ServerState.STOPPING, ServerState.STOPPED):
        assert keys(store_after(server=[up, silent, ServerStatus(state)])) == {}


def test_a_training_that_ends_is_news_and_one_that_fails_is_an_error() -> None:
    runs = TrainStatus(TrainState.RUNNING, "deepedit", "1")
    done = replace(runs, state=TrainState.DONE, best=Best("val_mean_dice", 0.9, 3))
    failed = replace(runs, state=TrainState.ERROR, problem=Problem("x", "No labels.", "Label."))
    assert keys(store_after(training=[runs, done])) == {"training": Level.INFO}
    assert keys(store_after(training=[runs, failed])) == {"training": Level.ERROR}
    assert keys(store_after(training=[runs, failed, replace(runs, task_id="2")])) == {}


def test_a_failure_is_withdrawn_when_the_training_turns_out_done_or_a_newer_one_takes_its_place() -> None:
    runs = TrainStatus(TrainState.RUNNING, "deepedit", "1")
    failed = replace(runs, state=TrainState.ERROR, problem=Problem("x", "No labels.", "Label."))
    done = replace(runs, state=TrainState.DONE)
    assert keys(store_after(training=[runs, failed, done])) == {"training": Level.INFO}
    for state in (TrainState.STOPPED, TrainState.QUEUED, TrainState.RUNNING, TrainState.ORPHANED):
        for newer in (replace(runs, state=state), replace(runs, state=state, task_id="2")):
            assert keys(store_after(training=[runs, failed, newer])) == {}
    newest = replace(done, task_id="2")
    assert keys(store_after(training=[runs, failed, newest])) == {"training": Level.INFO}
    # A restart of the server forgets its tasks, which undoes no failure.
    assert keys(store_after(training=[runs, failed, TrainStatus(TrainState.IDLE)])) == {
        "training": Level.ERROR
    }
    assert keys(store_after(training=[runs, done, replace(runs, state=TrainState.QUEUED, task_id="2")])) == {}
    assert keys(store_after(training=[done, replace(done, task_id="0")])) == {}


def test_a_failure_whose_cause_is_found_later_is_shown_with_it() -> None:
    runs = TrainStatus(TrainState.RUNNING, "deepedit", "1")
    first = replace(runs, state=TrainState.ERROR, problem=Problem("x", "The server ended.", ""))
    better = replace(first, problem=Problem("y", "The GPU has no memory left.", ""))
    (alert,) = store_after(training=[runs, first, better]).state.alerts
    assert alert.message == "The GPU has no memory left."


def test_two_people_on_one_study() -> None:
    both = Study("case_1", fetches=(Fetch("random", "ana", NOW), Fetch("first", "ben", NOW)))
    one = both._replace(fetches=both.fetches[:1])
    assert keys(store_after(queue=[StudyQueue(1, 0, (both,))])) == {"shared:case_1": Level.WARNING}
    assert keys(store_after(queue=[StudyQueue(1, 0, (both,)), StudyQueue(1, 0, (one,))])) == {}


def test_a_third_person_on_one_study_is_named_too() -> None:
    two = Study("case_1", fetches=(Fetch("first", "ben", NOW), Fetch("first", "ana", NOW)))
    three = two._replace(fetches=(Fetch("first", "cem", NOW), *two.fetches))
    store = store_after(queue=[StudyQueue(1, 0, (two,)), StudyQueue(1, 0, (three,))])
    assert [alert.message for alert in store.state.alerts] == ["case_1 is open at cem and ben and ana."]


def test_a_client_without_a_name_is_called_that() -> None:
    study = Study("case_1", fetches=(Fetch("first", "?", NOW), Fetch("first", "ana", NOW)))
    (alert,) = store_after(queue=[StudyQueue(1, 0, (study,))]).state.alerts
    assert alert.message == "case_1 is open at a client without a name and ana."


def test_a_final_label_of_a_study_that_another_person_still_has_open() -> None:
    fetch = Fetch("first", "dora", NOW - timedelta(hours=1))
    submitted = Study(
        "case_8", {"final": NOW}, (fetch,), authors={"final": "anna"}, holders=(fetch,)
    )  # fmt: skip
    store = store_after(queue=[StudyQueue(1, 1, (submitted,))])
    (alert,) = store.state.alerts
    assert (alert.key, alert.level, alert.at) == ("held:case_8", Level.WARNING, NOW)
    assert alert.message == "anna submitted the final label of case_8, which dora still has open."
    assert "would replace anna's label" in alert.hint
    put(store, queue=Reading(StudyQueue(1, 1, (submitted._replace(holders=()),)), NOW))
    assert keys(store) == {}
    long_ago = fetch._replace(at=NOW - timedelta(hours=9))
    assert keys(store_after(queue=[StudyQueue(1, 1, (submitted._replace(holders=(long_ago,)),))])) == {}


@pytest.mark.parametrize("listed", [True, False], ids=["reading is listed", "reading is recorded only"])
def test_a_restored_study_is_not_open_at_a_client_whose_reading_is_stored(listed: bool) -> None:
    fetch = Fetch("first", "cleo", NOW - timedelta(hours=2) + timedelta(milliseconds=400))
    submitted = NOW - timedelta(hours=2)
    tags = {"final": NOW - timedelta(hours=1)} | ({"final_cleo": submitted} if listed else {})
    authors = {"final": "dora"} | ({"final_cleo": "cleo"} if listed else {})
    study = Study("case_8", tags, (fetch,), authors=authors, holders=(fetch,))
    recorded = {} if listed else {"case_8": (WorklistReading("cleo", "final_cleo", "0" * 64, submitted),)}
    again = fetch._replace(at=NOW - timedelta(minutes=90))
    for holder, alerts in ((fetch, {}), (again, {"held:case_8": Level.WARNING})):
        queue = StudyQueue(1, 1, (study._replace(holders=(holder,)),))
        assert keys(store_after(worklist=[Worklist(readings=recorded)], queue=[queue])) == alerts


def test_a_final_label_that_replaces_another_persons() -> None:
    earlier = NOW - timedelta(hours=3)
    mine = Study("case_1", {"final": NOW}, authors={"final": "ana"})
    theirs = Study(
        "case_1", {"final": earlier}, authors={"final": "ben"}, replaced=(Submission("ana", earlier),)
    )
    store = store_after(queue=[StudyQueue(1, 1, (mine,)), StudyQueue(1, 1, (theirs,))])
    (alert,) = store.state.alerts
    assert (alert.key, alert.level, alert.at) == ("replaced:case_1", Level.WARNING, earlier)
    assert alert.message == "ben replaced ana's final label of case_1."
    store.dismiss(alert.key)
    put(store, queue=Reading(StudyQueue(1, 1, (theirs,)), NOW))
    assert keys(store) == {}
    put(store, queue=Reading(StudyQueue(1, 0, (Study("case_1"),)), NOW))
    once_more = theirs._replace(tags={"final": NOW}, replaced=(Submission("ana", NOW),))
    put(store, queue=Reading(StudyQueue(1, 1, (once_more,)), NOW))
    assert keys(store) == {"replaced:case_1": Level.WARNING}


@pytest.mark.parametrize(
    ("who", "tag", "seconds", "here"),
    [
        ("ana", "final", 900, True),
        ("", "final", 1, True),
        ("ben", "final_ben", 0, False),
        ("", "final", 60, False),
        ("ana", "spleen", 0, False),
    ],
)
def test_whether_the_replaced_label_is_on_this_machine(
    tmp_path: Path, who: str, tag: str, seconds: int, here: bool
) -> None:
    folder, store = LabelFolder(tmp_path), Store(SessionState(Identity("test")))
    at = NOW - timedelta(hours=1)
    mtime_ns = int((at + timedelta(seconds=seconds)).timestamp()) * 10**9
    name = "case 1.nii.gz"
    folder.index.add(Entry(tag, name, "case 1", f"{tag}/{name}", 1, "0" * 64, mtime_ns, "pod", "", who))
    Alerts(store, lambda: NOW, None, folder.has_final)
    study = Study("case 1", {"final": NOW}, authors={"final": "ben"}, replaced=(Submission("ana", at),))
    put(store, queue=Reading(StudyQueue(1, 1, (study,)), NOW))
    (alert,) = store.state.alerts
    assert ("ana's is on this machine: labeltui labels list 'case 1'" in alert.hint) is here
    assert ("ana's is not on this machine, so it is lost" in alert.hint) is not here


def test_the_second_reading_of_a_study_is_no_alert_if_the_first_is_stored_under_its_own_tag() -> None:
    second = Study("case_1", {"final": NOW}, authors={"final": "ben"}, replaced=(Submission("ana", NOW),))
    stored = second._replace(
        tags={"final": NOW, "final_ana": NOW}, authors={"final": "ben", "final_ana": "ana"}
    )
    assert keys(store_after(queue=[StudyQueue(1, 1, (stored,))])) == {}
    assert keys(store_after(queue=[StudyQueue(1, 1, (second,))])) == {"replaced:case_1": Level.WARNING}


def test_credit_that_ends_soon_is_reported_once_and_names_what_is_lost() -> None:
    pod = Pod("abc", "annot", PodStatus.RUNNING, NOW)
    poor, rich = Account(Decimal("0.30"), Decimal("0.27")), Account(Decimal(50), Decimal("0.27"))
    store = store_after(pod=[pod], account=[poor, replace(poor, email="again@x")])
    assert keys(store) == {"balance": Level.ERROR}
    assert "annot" in store.state.alerts[0].message + store.state.alerts[0].hint
    assert keys(store_after(pod=[pod], account=[poor, rich])) == {}
