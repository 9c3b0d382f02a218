from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from labeltui.domain.documents.documents import (
    epoch_record,
    failure_document,
    labels_document,
    moment,
    server_document,
    studies_document,
    training_document,
    tunnel_document,
)
from labeltui.domain.documents.models import server_with_weights
from labeltui.domain.documents.status import status_document
from labeltui.domain.host import Gpu, HostMetrics, HostStatus, TunnelStatus
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.problems import Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import OrphanTask, ServerStatus
from labeltui.domain.state import Alert, Identity, Level, SessionState
from labeltui.domain.states import LinkState, ServerState, TrainState, TunnelState
from labeltui.domain.studies.study import Fetch, QueueSource, Study, StudyQueue
from labeltui.domain.training.training import Best, EpochPoint, TrainStatus

NOW = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
THEN = NOW - timedelta(seconds=5)

# The fields of DESIGN.md section 5, word for word.
SERVER = {"state", "url", "pid", "exit_code", "app", "models", "version", "error"}
STUDIES = {"total", "completed", "studies"}
STUDY = {"id", "state", "tags", "opened_by", "opened_at"}
TRAINING = {"state", "model", "epoch", "total_epochs", "best", "eta_s", "error"}


def read(value):
    return Reading().succeeded(value, THEN, interval_s=10)


EMPTY = SessionState(Identity("p"))
FULL = SessionState(
    Identity("p", True, True, "healthy"),
    host=read(HostStatus("p", "ssh", "root@h", LinkState.CONNECTED, THEN, latency_ms=float("nan"))),
    metrics=read(HostMetrics(gpus=(Gpu(0, "A5000", 1, 2, power_w=float("inf")),), cpu_pct=1.0)),
    tunnel=read(TunnelStatus(TunnelState.UP, 8001, 8000)),
    server=read(
        ServerStatus(
            ServerState.CRASHED, exit_code=-9, problem=Problem("killed", "It was killed.", "Start it."),
            orphans=(OrphanTask(5, 5, "deepedit", THEN),),
        )
    ),
    queue=read(StudyQueue(1, 0, (Study("a", {"final": THEN}),))),
    training=read(
        TrainStatus(TrainState.DONE, best=Best("val_mean_dice", float("nan"), 3), eta_s=float("inf"))
    ),
    alerts=(Alert("k", Level.WARNING, "m", "", THEN),),
)  # fmt: skip


@pytest.mark.parametrize("url_open", [True, False])
def test_documents_with_slicers_url_say_whether_it_is_open(url_open):
    tunnel = read(TunnelStatus(TunnelState.UP, 8001, url_open=url_open))
    server = read(ServerStatus(ServerState.RUNNING, url="http://127.0.0.1:8001"))
    state = replace(EMPTY, tunnel=tunnel, server=server)
    assert tunnel_document(tunnel, NOW)["url_open"] is url_open
    assert server_with_weights(state, NOW)["url_open"] is url_open
    assert server_with_weights(replace(FULL, tunnel=tunnel), NOW)["url_open"] is None
    assert server_with_weights(EMPTY, NOW)["url_open"] is None
    assert tunnel_document(EMPTY.tunnel, NOW)["url_open"] is None


@pytest.mark.parametrize("state", [EMPTY, FULL], ids=["nothing known", "everything known"])
def test_documents_have_the_fields_of_the_design_whatever_is_known(state):
    server, studies = server_document(state.server, NOW), studies_document(state.queue, NOW)
    training, status = training_document(state.training, NOW), status_document(state, NOW)
    assert server.keys() >= SERVER
    assert studies.keys() >= STUDIES
    assert training.keys() >= TRAINING
    for document in (server, studies, training, status, tunnel_document(state.tunnel, NOW)):
        assert datetime.fromisoformat(document["as_of"]).tzinfo is not None
        json.dumps(document, allow_nan=False)
    assert all(study.keys() >= STUDY for study in studies["studies"] or ())


def test_both_forms_of_the_server_document_have_the_same_fields():
    assert server_document(EMPTY.server, NOW).keys() == server_document(FULL.server, NOW).keys()


def test_unknown_is_null_and_never_zero():
    for document in (
        server_document(EMPTY.server, NOW),
        studies_document(EMPTY.queue, NOW),
        training_document(EMPTY.training, NOW),
        tunnel_document(EMPTY.tunnel, NOW),
    ):
        values = {key: value for key, value in document.items() if key not in ("as_of", "stale")}
        assert set(values.values()) == {None}


def test_numbers_that_are_none_are_null():
    training = training_document(FULL.training, NOW)
    assert training["eta_s"] is None
    assert training["best"] == {"metric": "val_mean_dice", "value": None, "epoch": 3}
    status = status_document(FULL, NOW)
    assert status["host"]["latency_ms"] is None
    assert status["load"]["gpus"][0]["power_w"] is None


def test_as_of_is_when_the_value_was_true_and_staleness_says_why():
    fresh = server_document(FULL.server, NOW)
    assert (fresh["as_of"], fresh["stale"], fresh["stale_because"]) == (moment(THEN), False, None)
    failed = server_document(FULL.server.failed("timed out"), NOW)
    assert (failed["as_of"], failed["stale"], failed["stale_because"]) == (moment(THEN), True, "timed out")
    assert failed["state"] == "crashed"
    assert server_document(FULL.server, NOW + timedelta(seconds=60))["stale"] is True


def test_a_server_that_never_answered_is_unreachable_once_a_poll_failed():
    document = server_document(Reading().failed("no route to host"), NOW)
    assert document["state"] == "unreachable"
    assert document["error"] == {"code": "unreachable", "message": "no route to host", "hint": ""}
    assert document["exit_code"] is None


def test_a_crash_has_its_words():
    document = server_document(FULL.server, NOW)
    assert (document["state"], document["exit_code"]) == ("crashed", -9)
    assert document["error"] == {"code": "killed", "message": "It was killed.", "hint": "Start it."}
    assert document["models"] is None
    assert document["orphans"] == [{
        "pid": 5, "pgid": 5, "model": "deepedit", "started_at": moment(THEN),
        "folder": None, "user": None, "ours": True, "task": "train",
    }]  # fmt: skip


def test_a_running_server_that_offers_nothing_says_so():
    assert server_document(read(ServerStatus(ServerState.RUNNING)), NOW)["models"] == []


@pytest.mark.parametrize(
    ("study", "state", "opened_by", "opened_at"),
    [
        (Study("a"), "unlabelled", [], None),
        (Study("a", {"original": None}), "original", [], None),
        (
            Study("a", fetches=(Fetch("random", "ben", NOW), Fetch("first", "ana", THEN))),
            "open",
            ["ben", "ana"],
            NOW,
        ),
        (Study("a", {"final": NOW}, (Fetch("random", "ana", THEN),)), "final", [], None),
        (Study("a", {"final": THEN}, (Fetch("random", "ana", NOW),)), "final", ["ana"], NOW),
        (Study("a", fetches=(Fetch("random", "ana", None),)), "open", ["ana"], None),
    ],
)
def test_studies_say_who_has_them_since_when(study, state, opened_by, opened_at):
    (shown,) = studies_document(read(StudyQueue(1, 0, (study,))), NOW)["studies"]
    assert (shown["state"], shown["opened_by"], shown["opened_at"]) == (state, opened_by, moment(opened_at))


def test_studies_that_can_only_be_counted_are_null_not_empty():
    document = studies_document(read(StudyQueue(7, 2, listed=False)), NOW)
    assert (document["total"], document["completed"], document["studies"]) == (7, 2, None)
    assert studies_document(read(StudyQueue(0, 0)), NOW)["studies"] == []


def test_the_servers_counts_are_beside_labeltuis_and_unknown_ones_are_null():
    document = studies_document(read(StudyQueue(7, None, server_total=9, source=QueueSource.FILE)), NOW)
    counts = (
        document["total"],
        document["completed"],
        document["server_total"],
        document["server_completed"],
    )
    assert counts == (7, None, 9, None)
    assert (document["source"], document["source_problem"]) == ("file", None)
    assert set(document) == set(studies_document(Reading(), NOW))


def test_a_final_label_that_is_damaged_completes_no_study_and_is_named():
    studies = (Study("a", {"final": THEN}), Study("b", {"final": THEN}))
    document = studies_document(read(StudyQueue(5, 2, studies, server_completed=2)), NOW, ("b", "elsewhere"))
    assert (document["completed"], document["server_completed"], document["damaged"]) == (1, 2, ["b"])
    unknown = studies_document(read(StudyQueue(5, None, studies)), NOW, ("b",))
    assert (unknown["completed"], unknown["damaged"]) == (None, ["b"])


def test_the_first_missing_labels_are_named_beside_the_number_of_all():
    copies = LabelCopies(9, 2, missing=("final/a", "final/b"))
    document = labels_document(Reading(copies, NOW), NOW)
    assert (document["missing"], document["missing_count"]) == (["final/a", "final/b"], 7)


def test_an_epoch_is_one_record():
    point = EpochPoint(2, None, {"val_mean_dice": 0.5}, 1.5, ("loss", "train_dice"))
    assert epoch_record("deepedit", point, 10, NOW) == {
        "as_of": "2026-11-23T12:00:05.000+00:00",
        "model": "deepedit",
        "epoch": 2,
        "total_epochs": 10,
        "loss": None,
        "metrics": {"val_mean_dice": 0.5, "train_dice": None},
        "not_a_number": ["loss", "train_dice"],
        "seconds": 1.5,
    }


def test_a_failure_has_its_detail_only_where_there_is_one():
    assert failure_document(Problem("c", "m", "h")) == {"error": {"code": "c", "message": "m", "hint": "h"}}
    assert failure_document(Problem("c", "m", "h", "trace"))["error"]["detail"] == "trace"


def test_times_carry_their_zone():
    assert moment(None) is None
    assert moment(datetime(2026, 1, 2, 3, 4, 5)) == "2026-01-02T03:04:05.000+00:00"
    assert (
        moment(datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-02T00:00:00.000+02:00"
    )


def test_the_status_names_the_session_and_leaves_the_list_of_studies_out():
    status = status_document(FULL, NOW)
    assert (status["profile"], status["read_only"], status["demo"], status["scenario"]) == (
        "p",
        True,
        True,
        "healthy",
    )
    assert status["studies"]["total"] == 1
    assert "studies" not in status["studies"]
    assert status["alerts"][0]["level"] == "warning"
