"""The guide's ticks: each goes on with its fact, and off again. The next step is the first open one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from labeltui.domain.guide.guide import guide, next_of, next_step
from labeltui.domain.guide.step import Mark, Step
from labeltui.domain.host import HostStatus, Prepared
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.models import HostModel, ModelCopy, ModelFile, Models
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import LinkState, ServerState, TrainState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.domain.training.record import TrainingRecord
from labeltui.domain.training.training import Best, EpochPoint, TrainStatus
from tests.ui.fake_session import ago, connected, fresh
from tests.ui.sample_pods import OWN

SHA = "ab" * 32


def record(hours: float, value: float, **more: Any) -> TrainingRecord:
    """A training that ended, with a validation score."""
    points = (EpochPoint(1, 0.2, {"val_mean_dice": value}),)
    best = Best("val_mean_dice", value, 1)
    options = more.pop("options", {"val_split": 0.2})
    return TrainingRecord(
        "deepedit", ago(3600 * hours), TrainState.DONE, options=options, points=points, best=best, **more
    )


def models(*copied: str) -> Models:
    at = ago(10)
    host = HostModel("deepedit", "deepedit.pt", ModelFile("deepedit.pt", 4, 0, SHA))
    copies = tuple(ModelCopy("deepedit", "deepedit.pt", sha, 4, at, at, "pod", "") for sha in copied)
    return Models("/model", "pod", "/desk", (host,), copies)


def whole() -> SessionState:
    """A session on RunPod in which each step is done, apart from the pod's stop."""
    state = connected()
    return replace(
        state,
        identity=Identity("liver-ct", rents=True),
        pod=fresh(OWN),
        account=fresh(Account()),
        prepared=fresh(Prepared(True, True)),
        labels=fresh(LabelCopies(7, 7)),
        training=fresh(TrainStatus(TrainState.DONE, "deepedit")),
        trainings=(record(1.0, 0.7), record(0.5, 0.8)),
        queue=fresh(StudyQueue(2, 1, studies())),
        models=fresh(models(SHA)),
    )


def studies(labelled: float = 7200.0) -> tuple[Study, ...]:
    fetched = (Fetch("random", "ana", ago(400)),)
    return Study("a", {"final": ago(labelled)}, authors={"final": "ana"}), Study("b", {}, fetched)


def all_labelled(state: SessionState) -> SessionState:
    return replace(state, queue=fresh(StudyQueue(2, 2, studies())))


def without_host(state: SessionState) -> SessionState:
    host = HostStatus("liver-ct", "ssh", "root@203.0.113.7", LinkState.REFUSED, detail="Permission denied")
    return replace(state, host=fresh(host))


def server(state: ServerState, **more: Any) -> Reading[ServerStatus]:
    return fresh(ServerStatus(state, **more))


def step(state: SessionState, title: str) -> Step:
    return next(one for one in guide(state) if one.title == title)


OFF: dict[str, tuple[str, Callable[[SessionState], SessionState], Mark, str]] = {
    "the key is refused": (
        "account key",
        lambda s: replace(s, account=Reading(error="HTTP 401"), pod=Reading(error="HTTP 401")),
        Mark.WRONG,
        "doctor",
    ),
    "the key is refused after the pods were listed": (
        "account key",
        lambda s: replace(
            s, account=Reading(error="HTTP 401"), pod=Reading(error="HTTP 401"), pods=fresh((OWN,))
        ),
        Mark.WRONG,
        "doctor",
    ),
    "there is no pod": ("pod", lambda s: replace(s, pod=Reading(error="no pod")), Mark.TODO, "pod.options"),
    "the pod is stopped": (
        "pod",
        lambda s: replace(s, pod=fresh(replace(OWN, status=PodStatus.STOPPED))),
        Mark.TODO,
        "pod.start",
    ),
    "the pod is starting": (
        "pod",
        lambda s: replace(s, pod=fresh(replace(OWN, status=PodStatus.STARTING))),
        Mark.BUSY,
        "",
    ),
    "the login is refused": ("SSH key", without_host, Mark.WRONG, "doctor"),
    "the link is refused": ("connection", without_host, Mark.WRONG, "doctor"),
    "nothing is installed": (
        "MONAI Label",
        lambda s: replace(s, prepared=fresh(Prepared(False)), server=server(ServerState.STOPPED)),
        Mark.TODO,
        "setup",
    ),
    "the folder is empty": (
        "studies",
        lambda s: replace(s, prepared=fresh(Prepared(True, False)), server=server(ServerState.STOPPED)),
        Mark.TODO,
        "queue.upload",
    ),
    "the server has no study": (
        "studies",
        lambda s: replace(s, queue=fresh(StudyQueue(0, 0))),
        Mark.TODO,
        "queue.upload",
    ),
    "the server is stopped": (
        "server",
        lambda s: replace(s, server=server(ServerState.STOPPED)),
        Mark.TODO,
        "server.start",
    ),
    "the server crashed": (
        "server",
        lambda s: replace(s, server=server(ServerState.CRASHED)),
        Mark.WRONG,
        "offers",
    ),
    "the server was started again": (
        "Slicer",
        lambda s: replace(s, server=server(ServerState.RUNNING, started_at=ago(60))),
        Mark.TODO,
        "slicer.open",
    ),
    "only this console fetched": (
        "Slicer",
        lambda s: replace(
            s, queue=fresh(StudyQueue(1, 0, (Study("a", {}, (Fetch("first", "labeltui", ago(9)),)),)))
        ),
        Mark.TODO,
        "slicer.open",
    ),
    "no label": (
        "first label",
        lambda s: replace(s, queue=fresh(StudyQueue(2, 0))),
        Mark.TODO,
        "pane.queue",
    ),
    "a label is missing here": (
        "labels here",
        lambda s: replace(s, labels=fresh(LabelCopies(7, 6))),
        Mark.BUSY,
        "",
    ),
    "a label can't be copied": (
        "labels here",
        lambda s: replace(s, labels=fresh(LabelCopies(7, 6, reason="disk full"))),
        Mark.WRONG,
        "labels.pull",
    ),
    "a training runs": (
        "training",
        lambda s: replace(s, training=fresh(TrainStatus(TrainState.RUNNING, epoch=2, total_epochs=5))),
        Mark.BUSY,
        "",
    ),
    "the training failed": (
        "training",
        lambda s: replace(s, training=fresh(TrainStatus(TrainState.ERROR))),
        Mark.WRONG,
        "offers",
    ),
    "no training": (
        "training",
        lambda s: replace(s, training=Reading(), trainings=()),
        Mark.TODO,
        "train.start",
    ),
    "one training": (
        "better model",
        lambda s: replace(all_labelled(s), trainings=s.trainings[:1]),
        Mark.TODO,
        "train.options",
    ),
    "a worse training": (
        "better model",
        lambda s: replace(all_labelled(s), trainings=(record(1, 0.8), record(0.5, 0.7))),
        Mark.TODO,
        "train.options",
    ),
    "other studies validated it": (
        "better model",
        lambda s: replace(s, trainings=(record(1, 0.7, options={"val_split": 0.5}), record(0.5, 0.8))),
        Mark.UNKNOWN,
        "",
    ),
    "a label came in between": (
        "better model",
        lambda s: replace(s, queue=fresh(StudyQueue(2, 1, studies(2700.0)))),
        Mark.UNKNOWN,
        "",
    ),
    "nothing was validated": (
        "better model",
        lambda s: replace(all_labelled(s), trainings=tuple(replace(one, points=()) for one in s.trainings)),
        Mark.TODO,
        "train.options",
    ),
    "the model is not here": (
        "model here",
        lambda s: replace(s, models=fresh(models())),
        Mark.TODO,
        "models.pull",
    ),
}


@pytest.mark.parametrize("title", [one.title for one in guide(whole())][:-2])
def test_each_step_that_is_done_has_a_tick(title: str) -> None:
    assert step(whole(), title).mark is Mark.DONE


def test_the_table_takes_each_tick_off() -> None:
    titles = [one.title for one in guide(whole())]
    assert len(titles) == 15
    assert titles[-2:] == ["pod stopped", "report"]  # they have tests of their own
    assert {title for title, *_ in OFF.values()} == set(titles[:-2])


@pytest.mark.parametrize("name", OFF)
def test_a_tick_goes_when_its_fact_goes(name: str) -> None:
    title, change, mark, action = OFF[name]
    found = step(change(whole()), title)
    assert (found.mark, found.action) == (mark, action)
    assert found.text
    assert bool(found.todo) == bool(action)


def test_the_pod_is_stopped_last_and_its_tick_goes_when_it_runs_again() -> None:
    running = step(whole(), "pod stopped")
    assert (running.mark, running.action) == (Mark.TODO, "evening.show")
    stopped = replace(whole(), pod=fresh(replace(OWN, status=PodStatus.STOPPED)))
    assert step(stopped, "pod stopped").mark is Mark.DONE


def test_the_last_steps_lead_to_the_end_of_the_day_and_the_report() -> None:
    rented = whole()
    own = replace(rented, identity=Identity("liver-ct"))
    busy = replace(own, training=fresh(TrainStatus(TrainState.RUNNING, "deepedit")))
    unsafe = replace(own, server=server(ServerState.STOPPED), labels=fresh(LabelCopies(7, 6)))
    ended = replace(own, server=server(ServerState.STOPPED))
    for state in (rented, own, busy):
        day = guide(state)[-2]
        assert (day.action, bool(day.todo)) == ("evening.show", True)
        assert day.mark is (Mark.UNKNOWN if state is busy else Mark.TODO)
        assert (guide(state)[-1].action, guide(state)[-1].mark) == ("report.write", Mark.UNKNOWN)
    assert step(unsafe, "end of the day").mark is not Mark.DONE
    assert step(ended, "end of the day").mark is Mark.DONE


def test_steps_that_do_not_apply_are_left_out() -> None:
    assert [one.title for one in guide(connected())][:2] == ["SSH key", "connection"]
    host = HostStatus("here", "local", "", LinkState.CONNECTED)
    assert guide(replace(connected(), host=fresh(host)))[0].title == "connection"


@pytest.mark.parametrize("field", ["server", "queue", "training", "models", "labels", "prepared"])
def test_a_reading_that_failed_ticks_nothing_of_its_own(field: str) -> None:
    state = whole()
    failed = replace(state, **{field: getattr(state, field).failed("timed out")})
    own = {
        "server": "server",
        "queue": "first label",
        "models": "model here",
        "labels": "labels here",
    }
    if field in own:
        assert step(failed, own[field]).mark is Mark.UNKNOWN
    assert guide(failed)


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (SessionState(Identity("x")), "SSH key"),
        (SessionState(Identity("x", rents=True)), "account key"),
        (without_host(whole()), "SSH key"),
        (replace(whole(), server=server(ServerState.STOPPED)), "server"),
        (replace(whole(), trainings=(), training=Reading()), "training"),
        (whole(), "pod stopped"),
    ],
)
def test_the_next_step_is_the_first_open_one(state: SessionState, title: str) -> None:
    found = next_of(guide(state), state)
    assert found is not None
    assert found.title == title


def test_the_line_goes_on_through_the_day_to_the_report() -> None:
    rented = whole()
    own = replace(rented, identity=Identity("liver-ct"))
    untrained = replace(own, training=Reading(), trainings=())
    ended = replace(own, server=server(ServerState.STOPPED), day_ended=True)
    followed = [
        (untrained, "train.start"), (own, "evening.show"), (ended, "report.write"),
        (rented, "evening.show"), (stopped_pod(rented), "report.write"),
    ]  # fmt: skip
    for state, action in followed:
        found = next_step(state)
        assert found is not None
        assert found.action == action
    for state in (ended, stopped_pod(rented)):
        assert next_step(replace(state, report_written=True)) is None
        assert next_step(replace(state, day_ended=False)) is not None


def stopped_pod(state: SessionState) -> SessionState:
    """The state after the end of the day, when nothing on the host can be read."""
    gone = {
        name: getattr(state, name).failed("the pod is stopped") for name in ("labels", "models", "server")
    }
    pod = fresh(replace(OWN, status=PodStatus.STOPPED))
    return replace(without_host(state), pod=pod, day_ended=True, **gone)


def test_after_the_end_of_the_day_what_it_copied_keeps_its_tick() -> None:
    ended = stopped_pod(whole())
    for title in ("labels here", "model here", "pod stopped"):
        assert step(ended, title).mark is Mark.DONE, title
        assert step(replace(ended, day_ended=False), "labels here").mark is Mark.UNKNOWN
    assert [one.title for one in guide(ended) if one.mark is Mark.TODO] == ["report"]


def test_a_pod_that_is_kept_after_the_end_of_the_day_is_the_next_step() -> None:
    found = next_step(replace(whole(), server=server(ServerState.STOPPED), day_ended=True))
    assert found is not None
    assert (found.title, found.action) == ("pod stopped", "evening.show")


def test_no_second_training_is_advised_while_labels_come_in() -> None:
    once = replace(whole(), trainings=whole().trainings[:1])
    assert step(once, "better model").mark is Mark.UNKNOWN
    assert "no label comes in" in step(once, "better model").text
    assert "validation" in step(all_labelled(once), "better model").todo


def test_a_step_that_the_demo_does_itself_has_no_keys() -> None:
    state = replace(whole(), server=server(ServerState.STOPPED), demo_step="Start the server: …")
    found = next_of(guide(state), state)
    assert found is not None
    assert (found.title, found.mark, found.action) == ("server", Mark.BUSY, "")


def test_a_label_that_was_stored_in_the_second_of_the_start_counts() -> None:
    begun = ago(400) + timedelta(milliseconds=700)
    state = replace(whole(), server=server(ServerState.RUNNING, started_at=begun))
    assert step(state, "Slicer").mark is Mark.DONE
