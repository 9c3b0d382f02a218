"""From what the server sends to values."""

# ruff: noqa: E501 (tables read better on one line)
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.states import StudyState
from labeltui.domain.training.tasks import TaskState
from labeltui.monailabel import convert

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_info_of_the_radiology_app(body):
    info = convert.server_info(body("info"))
    assert (info.version, info.total, info.completed) == ("0.8.5", 8, 5)
    assert info.label_tags == {"original": 1, "final": 5}
    assert list(info.trainers) == ["deepedit", "segmentation"]
    assert info.models["deepedit"].dimension == 3
    assert "spleen" in info.models["deepedit"].labels
    assert "Histogram+GraphCut" in info.models
    assert info.strategies == ("random", "first", "last")


def test_statistics_name_the_metric_they_are_of(body):
    stats = convert.server_info(body("info_during_train_epoch2")).train_stats["deepedit"]
    assert (stats.epoch, stats.total_epochs, stats.finished) == (2, 3, False)
    assert (stats.key_metric, stats.best_metric, stats.best_epoch) == ("val_mean_dice", 0.3631189465522766, 2)
    assert convert.server_info(body("info_after_train")).train_stats["deepedit"].finished
    assert convert.server_info(body("bundle_info_after_train")).train_stats["tiny_seg"].epoch is None


def test_without_validation_the_best_is_the_trainings():
    stats = {
        "best_metric": 0.9,
        "train": {"key_metric_name": "train_dice", "best_metric": 0.9, "best_metric_epoch": 4},
    }
    converted = convert.server_info({"train_stats": {"m": stats}}).train_stats["m"]
    assert (converted.key_metric, converted.best_epoch) == ("train_dice", 4)


def test_the_queue_with_states_and_who_fetched(body):
    queue = convert.study_queue(body("datastore_all"))
    states = {study.id: study.state for study in queue.studies}
    assert queue.listed
    assert (queue.total, queue.completed, len(queue.studies)) == (8, 5, 8)
    assert states["case_000"] is StudyState.FINAL
    assert states["case_006"] is StudyState.UNLABELLED
    assert queue.studies[0].added_at == datetime.fromtimestamp(1795453310, UTC)


def test_a_fetched_series_is_open_until_its_label_is_final(body):
    before = convert.studies_of(
        {"objects": {"a": {"image": {"info": {"strategy": {
            "first": {"ts": 10, "client_id": "ann"}, "random": {"ts": 20, "client_id": "bob"}}}}, "labels": {}}}}
    )  # fmt: skip
    assert before[0].state is StudyState.OPEN
    assert before[0].openers == ("bob", "ann")
    after = convert.study_queue(body("dicomweb_datastore_all_after_label"), dicomweb=True)
    assert not after.listed
    assert [study.state for study in after.studies] == [StudyState.FINAL, StudyState.OPEN]


def test_a_reviewers_mark_shows():
    labels = {"final": {"info": {"ts": 5, "segmentationMeta": {"status": "flagged"}}}}
    (study,) = convert.studies_of({"objects": {"a": {"image": {}, "labels": labels}}})
    assert study.review == "flagged"


@pytest.mark.parametrize(
    ("name", "state", "details"),
    [
        ("train_status_running", TaskState.RUNNING, 20),
        ("train_status_done", TaskState.DONE, 20),
        ("train_post", TaskState.SUBMITTED, 0),
        ("train_status_stopped", TaskState.STOPPED, 20),
        ("train_status_error_no_labels", TaskState.ERROR, 20),
    ],
)
def test_tasks_as_recorded(body, name, state, details):
    task = convert.task(body(name))
    assert (task.state, task.subject, len(task.details)) == (state, "deepedit", details)
    assert task.started_at is not None


def test_an_unknown_word_for_a_state_is_unknown():
    assert convert.task({"status": "SLEEPING", "start_ts": "yesterday"}).state is TaskState.UNKNOWN


def test_odd_fields_spoil_only_themselves():
    info = convert.server_info(
        {"name": 5, "version": None, "labels": {"1": "a", "b": 2}, "models": {"m": "odd", "n": {"dimension": "3", "labels": 7}},
         "datastore": {"total": "8", "completed": -1, "label_tags": {"final": "x", "original": 2}}, "train_stats": []}
    )  # fmt: skip
    assert (info.name, info.version, info.labels) == ("5", "", ("a", "b"))
    assert (info.models["n"].dimension, info.models["m"].type) == (3, "")
    assert (info.total, info.completed, info.label_tags) == (8, 0, {"original": 2})


@given(
    st.dictionaries(
        st.sampled_from(["name", "labels", "models", "trainers", "train_stats", "datastore", "strategies"]),
        JSON,
    )
)
def test_any_json_makes_an_info(document):
    assert isinstance(convert.server_info(document).total, int)


@given(st.dictionaries(st.sampled_from(["id", "status", "request", "start_ts", "end_ts", "details"]), JSON))
def test_any_json_makes_a_task(document):
    assert convert.task(document).state in TaskState


@given(JSON, st.dictionaries(st.text(), JSON))
def test_any_json_makes_a_queue(inner, objects):
    document = {"objects": {**objects, "x": {"image": {"info": inner}, "labels": {"final": inner}}}}
    queue = convert.study_queue(document)
    assert all(study.id for study in queue.studies if study.id)
    assert [study.state for study in queue.studies]
