"""The curve, read from the server's output."""

from __future__ import annotations

import json
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.domain.log.events import Role
from labeltui.domain.training.log import TrainLog, eta_s
from labeltui.domain.training.record import TrainingRecord, record_of
from labeltui.domain.training.status import run_status
from labeltui.domain.training.training import Best
from tests.paths import MONAILABEL


def runs_of(lines):
    train_log = TrainLog()
    for line in lines:
        train_log.feed(line)
    return train_log.runs


def test_three_epochs_exactly(log_lines):
    (run,) = runs_of(log_lines("train_3epochs"))
    assert (run.model, run.return_code, run.killed, run.epoch, run.total_epochs) == (
        "deepedit",
        0,
        False,
        3,
        3,
    )
    assert [point.epoch for point in run.points] == [1, 2, 3]
    assert [point.seconds for point in run.points] == [12.313, 7.694, 8.168]
    assert [point.loss for point in run.points] == pytest.approx(
        [(3.5677 + 3.5112 + 3.4450 + 3.4157) / 4, (3.3774 + 3.3194 + 3.2282 + 3.2099) / 4,
         (3.2322 + 3.1772 + 3.1233 + 3.0427) / 4]
    )  # fmt: skip
    # The epoch's own line has four decimals; the best value is exact.
    assert [round(point.validation_dice, 4) for point in run.points] == [0.0580, 0.3631, 0.4794]
    assert [round(point.training_dice, 4) for point in run.points] == [0.1435, 0.2549, 0.2824]
    assert run.points[-1].validation_dice == 0.479428231716156
    assert [point.metrics["spleen_dice"] for point in run.points] == [0.0580, 0.3631, 0.4794]
    assert "inferior vena cava_dice" in run.points[0].metrics
    assert run.best == Best("val_mean_dice", 0.479428231716156, 3)
    assert run.records == {Role.TRAIN: 4, Role.VALIDATE: 1}
    assert run.published == ("/workspace/apps/radiology/model/deepedit_dynunet.pt",) * 3


def test_a_bundle_logs_validation_before_training(log_lines):
    (run,) = runs_of(log_lines("train_bundle_2epochs"))
    assert run.model == "tiny_seg"
    assert [(p.epoch, round(p.validation_dice, 4), round(p.training_dice, 4)) for p in run.points] == [
        (1, 0.1403, 0.0982), (2, 0.2056, 0.1688)
    ]  # fmt: skip
    assert run.best == Best("val_mean_dice", 0.20555877685546875, 2)


def test_a_zoo_bundle_with_its_own_log_format_has_its_curve(log_lines):
    (run,) = runs_of(log_lines("train_zoo"))
    assert [(p.epoch, round(p.validation_dice, 4), p.seconds) for p in run.points] == [
        (1, 0.9178, 0.687), (2, 0.9442, 1.290)
    ]  # fmt: skip
    assert [p.loss for p in run.points] == pytest.approx(
        [(1.2027 + 1.0902 + 0.9030) / 3, (0.8032 + 0.6901 + 0.5237) / 3]
    )
    assert (run.epoch, run.total_epochs, run.return_code, run.errors) == (2, 2, 0, ())
    assert run.best is not None
    assert run.best.metric == "val_mean_dice"


def test_what_is_no_number_stays_on_record_since_its_epoch(log_lines):
    lines = [
        line.replace("train_loss: 0.6901", "train_loss: nan").replace(
            "val_mean_dice: 0.9442", "val_mean_dice: nan"
        )
        for line in log_lines("train_zoo")
    ]
    at = next(number for number, line in enumerate(lines) if "train_loss: nan" in line)
    (early,) = runs_of(lines[: at + 1])
    (run,) = runs_of(lines)
    assert (early.loss, early.loss_is_nan, run.loss_is_nan) == (None, True, False)
    assert [point.not_numbers for point in run.points] == [(), ("loss", "val_mean_dice")]
    assert (run.points[1].loss, run.points[1].metrics) == (None, {})
    assert runs_of(lines) == runs_of(lines)
    record = record_of(run, run_status(run, UTC, running=False), "r")
    stored = json.loads(json.dumps(record.document()))
    assert TrainingRecord.of_document(record.model, record.started_at, None, "r", stored).points == run.points
    stored["points"] = [point[:4] for point in stored["points"]]  # as stored before
    old = TrainingRecord.of_document(record.model, record.started_at, None, "r", stored)
    assert [point.not_numbers for point in old.points] == [(), ()]


def test_a_stopped_training_differs_from_one_that_was_killed(log_lines):
    lines = log_lines("train_killed")
    (run,) = runs_of(lines)
    assert (run.return_code, run.killed, run.points, run.iteration, run.total_epochs) == (-9, True, (), 2, 50)
    (oom,) = runs_of([line for line in lines if "Kill" not in line])
    assert (oom.return_code, oom.killed) == (-9, False)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("train_error_unknown_model", "There is no model 'nope' available"),
        ("train_error_bad_type", "TypeError: '<' not supported"),
        ("train_error_corrupt_image", "applying transform"),
    ],
)
def test_the_last_exception_of_a_failed_training_is_its_error(log_lines, name, error):
    (run,) = runs_of(log_lines(name))
    assert run.return_code == 1
    assert error in run.errors[-1]


def test_the_volume_that_could_not_be_read_is_named(log_lines):
    (run,) = runs_of(log_lines("train_error_corrupt_image"))
    assert run.unreadable == ("/workspace/dataset/corrupt_001.nii.gz",)


def test_several_trainings_of_one_server_stay_apart(log_lines):
    first, second = runs_of(log_lines("server_ssl"))
    assert (first.points, first.return_code) == ((), 1)
    assert [point.epoch for point in second.points] == [1]


def test_an_epoch_in_progress_is_no_point_yet(log_lines):
    lines = log_lines("train_3epochs")
    at = next(i for i, line in enumerate(lines) if "Epoch: 2/3, Iter: 3/4" in line)
    (run,) = runs_of(lines[: at + 1])
    assert [point.epoch for point in run.points] == [1]
    assert (run.epoch, run.iteration, run.iterations, run.loss) == (2, 3, 4, 3.2282)
    # 2 epochs of 12.3 s are left, of which 5.3 s have gone.
    assert eta_s(run) == pytest.approx(2 * 12.313 - 5.319, abs=0.01)


def test_the_first_epoch_has_an_estimate_from_its_iterations(log_lines):
    lines = log_lines("train_3epochs")
    at = next(i for i, line in enumerate(lines) if "Epoch: 1/3, Iter: 2/4" in line)
    (run,) = runs_of(lines[: at + 1])
    within = 30.519 - 23.430
    assert eta_s(run) == pytest.approx(3 * within / 2 * 4 - within, abs=0.01)
    (nothing,) = runs_of(lines[:6])
    assert eta_s(nothing) is None


@pytest.mark.parametrize("name", ["train_3epochs", "train_bundle_2epochs", "train_zoo"])
def test_progress_never_runs_ahead_of_the_finished_epochs(log_lines, name):
    train_log, before = TrainLog(), (0, 0)
    for line in log_lines(name):
        train_log.feed(line)
        run = train_log.run
        if run is None or run.ended or run.epoch is None:
            continue
        now = (run.epoch, run.iteration or 0)
        assert now >= before
        assert run.epoch <= len(run.points) + 1 or run.epoch == run.total_epochs
        if run.iteration == run.iterations:
            assert run.epoch <= len(run.points) + 1
        before = now
    assert before == (run.total_epochs, run.iterations)


@pytest.mark.parametrize("name", ["train_3epochs", "train_bundle_2epochs", "train_killed", "server_ssl"])
def test_the_same_log_again_gives_the_same_curve(log_lines, name):
    lines = log_lines(name)
    train_log = TrainLog()
    for line in lines:
        train_log.feed(line)
    once = train_log.runs
    for line in lines:
        train_log.feed(line)
    assert train_log.runs == once


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_repeated_lines_change_no_curve(data):
    lines = (MONAILABEL / "log_train_3epochs.txt").read_text().splitlines()
    wanted = runs_of(lines)[0].points
    repeated = []
    for at, line in enumerate(lines):
        again = data.draw(st.integers(1, 2)) if at > 40 else 1
        repeated += [line] * again
    assert runs_of(repeated)[0].points == wanted


@settings(max_examples=30, deadline=None)
@given(st.permutations((MONAILABEL / "log_train_bundle_2epochs.txt").read_text().splitlines()), st.text())
def test_any_order_is_taken(lines, noise):
    for run in runs_of([*lines, noise]):
        assert all(point.epoch in (1, 2) for point in run.points)
