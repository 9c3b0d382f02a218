"""Why a training failed, and when a training that the server calls done has failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from labeltui.domain.states import TrainState
from labeltui.domain.training.failure import diagnose_training
from labeltui.domain.training.log import TrainLog, TrainRun
from labeltui.domain.training.status import derive_training
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.monailabel import convert
from tests.unit.domain.log.test_meaning import FAILURES
from tests.unit.domain.training.recorded_runs import runs_of


@pytest.fixture
def task(body):
    return lambda name: convert.task(body(name))


ERRORS = [
    ("train_status_error_unknown_model", "unknown_model", "nope"),
    ("train_status_error_bad_type", "bad_parameter", "wrong type"),
    ("train_status_error_default_mlflow", "tracking", "MLflow"),
    ("train_status_error_no_labels", "no_labels", "final label"),
    ("train_status_error_ssl_scoring_callback", "scoring_callback", "scoring"),
    ("bundle_train_error_pretrained_false", "bundle_pretrained", "pretrained"),
]


@pytest.mark.parametrize(("name", "code", "said"), ERRORS)
def test_every_error_has_words(task, name, code, said):
    status = derive_training(tasks=[task(name)])
    assert status.state is TrainState.ERROR
    assert status.problem.code == code
    assert said in status.problem.message
    assert status.problem.detail


@pytest.mark.parametrize(("line", "kind", "names"), FAILURES)
def test_a_training_fails_for_the_reason_that_its_log_explains(line, kind, names):
    failed = Task(
        "t", TaskState.ERROR, {"model": "x"}, datetime(2026, 11, 23, 17), None, ("Traceback", line, "  at x")
    )
    from_task = derive_training(tasks=[failed]).problem
    run = TrainRun(
        "x", {"model": "x"}, errors=("ValueError: earlier", *TrainLog.of_lines([line]).errors), return_code=1
    )
    from_output = diagnose_training(run, ())
    for problem in (from_task, from_output):
        assert problem.code == kind
        assert names in problem.message
        assert problem.hint


def test_an_unknown_model_names_the_known_ones(task, body):
    info = convert.server_info(body("info"))
    status = derive_training(tasks=[task("train_status_error_unknown_model")], info=info)
    assert "deepedit, segmentation" in status.problem.hint


def test_a_corrupt_volume_is_named_from_further_up_in_the_log(task, log_lines):
    broken = task("train_status_error_corrupt_image")
    named = derive_training(tasks=[broken], runs=runs_of(log_lines("train_error_corrupt_image"))).problem
    assert named.code == "corrupt_volume"
    assert "corrupt_001.nii.gz" in named.message
    assert "/workspace/dataset/corrupt_001.nii.gz" in named.hint
    assert derive_training(tasks=[broken]).problem.code == "bad_volume"


def test_a_training_done_without_some_studies_says_so(task, log_lines):
    run = replace(runs_of(log_lines("train_3epochs"))[0], unreadable=("/d/bad one.nii.gz",))
    status = derive_training(tasks=[task("train_status_done")], runs=[run])
    assert (status.state, status.problem.code) == (TrainState.DONE, "studies_left_out")
    assert "bad one.nii.gz" in status.problem.message


def done(run, details=()):
    """The task of a run, as the server lists it once its process has ended with 0."""
    return Task("t", TaskState.DONE, run.request, run.started_at, run.ended_at, tuple(details))


def test_a_training_of_a_zoo_bundle_is_done(log_lines):
    (run,) = runs_of(log_lines("train_zoo"))
    status = derive_training(tasks=[done(run)], runs=[run])
    assert (status.state, status.epoch, status.problem) == (TrainState.DONE, 2, None)


@pytest.mark.parametrize(
    ("name", "epochs", "said"),
    [
        ("train_zoo_nothing", 0, "no configuration for several GPUs"),
        ("train_zoo_torchrun", 0, "AssertionError"),
        ("train_zoo_half", 1, "after 1 of 3 epochs: ValueError: the second epoch has no data"),
    ],
)
def test_done_is_believed_only_if_the_output_agrees(log_lines, name, epochs, said):
    (run,) = runs_of(log_lines(name))
    listed = derive_training(tasks=[done(run)], runs=[run])
    ended = derive_training(tasks=None, runs=[run])
    for status in (listed, ended):
        assert status.state is TrainState.ERROR
        assert len(status.points) == epochs
        assert said in status.problem.message
        assert status.problem.hint


def test_an_end_without_an_epoch_or_a_reason_is_no_success(log_lines):
    (run,) = runs_of([line for line in log_lines("train_zoo_nothing") if "Ignore Multi-GPU" not in line])
    status = derive_training(tasks=[done(run)], runs=[run])
    assert (status.state, status.problem.code) == (TrainState.ERROR, "nothing_trained")
    assert "without a finished epoch" in status.problem.message


def test_the_last_lines_of_a_task_are_enough_to_doubt_it(log_lines):
    for name, code in (("train_zoo_torchrun", "train_failed"), ("train_zoo_nothing", "nothing_trained")):
        (run,) = runs_of(log_lines(name))
        lines = [line for line in log_lines(name) if "ThreadPool" not in line][-20:]
        status = derive_training(tasks=[done(run, lines)])
        assert (status.state, status.problem.code) == (TrainState.ERROR, code)


def test_a_training_that_stops_early_without_an_exception_is_done(log_lines):
    (run,) = runs_of(log_lines("train_zoo"))
    early = replace(run, total_epochs=50)
    assert derive_training(tasks=[done(early)], runs=[early]).state is TrainState.DONE


def test_a_trainer_that_counts_epochs_in_words_of_its_own_is_not_doubted(log_lines):
    lines = [line for line in log_lines("train_zoo_nothing") if "Ignore Multi-GPU" not in line]
    lines[-2:-2] = ["2026-11-26 14:38:01,000 - CellWorkflow - INFO - final epoch 2/2, loss 0.1"]
    (run,) = runs_of(lines)
    assert derive_training(tasks=[done(run)], runs=[run]).state is TrainState.DONE


def test_while_output_is_still_read_done_is_done(log_lines):
    (run,) = runs_of(log_lines("train_zoo")[:-40])
    assert derive_training(tasks=[done(run)], runs=[run]).state is TrainState.DONE


def test_who_killed_a_training_is_unknown(log_lines):
    lines = [line for line in log_lines("train_killed") if "Kill" not in line]
    (run,) = runs_of(lines)
    problem = diagnose_training(run, run.lines)
    assert problem.code == "killed"
    assert "unknown" in problem.message
    assert "Dataset" in problem.hint


@pytest.mark.parametrize(
    "line",
    [
        "OSError: [Errno 28] No space left on device",
        "OSError: [Errno 122] Disk quota exceeded: '/workspace/model'",
        "RuntimeError: [enforce fail at inline_container.cc:664] . "
        "PytorchStreamWriter failed writing file data/3: file write failed",
    ],
)
def test_a_full_disk_or_quota_is_named_as_the_cause(line):
    problem = diagnose_training(TrainRun(return_code=1, errors=(line,)), [])
    assert problem.code == "disk_full"
    assert "quota" in problem.hint


def test_an_error_nobody_knows_shows_its_last_line():
    problem = diagnose_training(TrainRun(return_code=1), ["  File x", "ZeroDivisionError: \x1b[31mhalf"])
    assert (problem.code, problem.message) == (
        "train_failed",
        "The training failed: ZeroDivisionError:  [31mhalf",
    )
    assert "printed no reason" in diagnose_training(TrainRun(return_code=1), []).message
