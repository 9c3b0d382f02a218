"""The state of the training, from sources that each have a part of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from labeltui.domain.server.server import OrphanTask
from labeltui.domain.states import TrainState
from labeltui.domain.training.status import derive_training
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.domain.training.training import EpochPoint, TrainStatus
from labeltui.monailabel import convert
from tests.unit.domain.training.recorded_runs import runs_of


@pytest.fixture
def task(body):
    return lambda name: convert.task(body(name))


def test_nothing_was_ever_trained():
    assert derive_training(tasks=()).state is TrainState.IDLE
    assert derive_training(tasks=None).state is TrainState.IDLE


def test_a_finished_training_has_its_whole_curve(task, log_lines):
    status = derive_training(tasks=[task("train_status_done")], runs=runs_of(log_lines("train_3epochs")))
    assert status.state is TrainState.DONE
    assert (status.model, status.epoch, status.total_epochs, status.eta_s) == ("deepedit", 3, 3, None)
    assert [point.epoch for point in status.points] == [1, 2, 3]
    assert status.best.value == 0.479428231716156
    assert status.started_at == datetime(2026, 11, 23, 17, 8, 17, tzinfo=UTC)
    assert status.problem is None


def test_a_running_training_says_where_it_is(task, log_lines):
    lines = log_lines("train_3epochs")
    at = next(i for i, line in enumerate(lines) if "Epoch: 3/3, Iter: 1/4" in line)
    status = derive_training(tasks=[task("train_status_running")], runs=runs_of(lines[: at + 1]))
    assert status.state is TrainState.RUNNING
    assert (status.epoch, status.iteration, status.loss) == (3, 1, 3.2322)
    assert 0 < status.eta_s < 13
    assert status.lines == task("train_status_running").details


def test_without_the_output_the_task_and_statistics_decide(task, body):
    info = convert.server_info(body("info_during_train_epoch2"))
    status = derive_training(tasks=[task("train_status_running")], info=info)
    assert (status.epoch, status.iteration, status.total_epochs) == (2, 4, 3)
    assert [point.epoch for point in status.points] == [2]
    assert status.points[0].validation_dice == pytest.approx(0.3631, abs=1e-4)
    assert status.points[0].loss is None


def test_statistics_of_the_run_before_do_not_show(task, body):
    info = convert.server_info(body("info_after_train"))
    newer = replace(task("train_status_running"), started_at=datetime(2026, 11, 23, 17, 9, 51), details=())
    status = derive_training(tasks=[newer], info=info)
    assert (status.epoch, status.points, status.best) == (None, (), None)


def test_the_zone_of_the_host_decides_which_run_statistics_are_of(task, body):
    info = convert.server_info(body("info_during_train_epoch2"))
    east = timezone(timedelta(hours=2))
    local = replace(task("train_status_running"), started_at=datetime(2026, 11, 23, 19, 8, 17), details=())
    assert derive_training(tasks=[local], info=info, zone=east).epoch == 2
    assert derive_training(tasks=[local], info=info, zone=UTC).epoch is None


def test_the_running_training_counts_not_the_one_submitted_last(body):
    tasks = [convert.task(entry) for entry in body("train_queue_all")]
    status = derive_training(tasks=tasks)
    assert (status.state, status.queued) == (TrainState.RUNNING, 2)
    assert status.task_id == tasks[2].id != tasks[-1].id


def test_after_a_stop_the_next_in_the_queue_counts(body):
    tasks = [convert.task(entry) for entry in body("train_queue_all_after_delete")]
    status = derive_training(tasks=tasks)
    assert (status.state, status.queued, status.task_id) == (TrainState.RUNNING, 1, tasks[3].id)


def test_a_submitted_training_waits():
    waiting = Task("a", TaskState.SUBMITTED, {"model": "deepedit"}, datetime(2026, 11, 23, 17, 0))
    assert derive_training(tasks=[waiting]).state is TrainState.QUEUED


def test_runs_are_matched_to_tasks_in_order(log_lines, task):
    run = runs_of(log_lines("train_3epochs"))[0]
    done = task("train_status_done")
    second = replace(run, points=run.points[:1], started_at=run.started_at + timedelta(minutes=5))
    again = replace(done, id="again", started_at=done.started_at + timedelta(minutes=5))
    assert len(derive_training(tasks=[done, again], runs=[run, second]).points) == 1
    assert len(derive_training(tasks=[again], runs=[run, second]).points) == 1
    assert derive_training(tasks=[again], runs=[run]).points == ()


def test_a_stopped_training_is_no_problem(task, log_lines):
    status = derive_training(tasks=[task("train_status_stopped")], runs=runs_of(log_lines("train_killed")))
    assert (status.state, status.problem, status.total_epochs) == (TrainState.STOPPED, None, 50)
    assert (status.epoch, status.iteration) == (None, None)


def test_a_training_without_server_is_an_orphan():
    orphan = OrphanTask(4711, 4700, "deepedit", datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    for tasks in ([], None):
        status = derive_training(tasks=tasks, orphans=[orphan])
        assert (status.state, status.pid, status.model) == (TrainState.ORPHANED, 4711, "deepedit")
        assert "4711" in status.problem.message


def test_an_orphan_does_not_hide_a_training_that_runs(task):
    status = derive_training(tasks=[task("train_status_running")], orphans=[OrphanTask(1, 1, "old")])
    assert status.state is TrainState.RUNNING


def test_a_server_that_died_in_training_is_said(log_lines):
    lines = log_lines("train_3epochs")[:80]
    status = derive_training(tasks=None, runs=runs_of(lines))
    assert (status.state, status.problem.code) == (TrainState.ERROR, "server_gone")
    assert status.epoch == len(status.points) == 1
    ended = derive_training(tasks=None, runs=runs_of(log_lines("train_3epochs")))
    assert ended.state is TrainState.DONE


def test_time_in_the_queue_is_no_time_of_training(log_lines, task):
    (run,) = runs_of([line for line in log_lines("train_3epochs") if "Return code" not in line])
    submitted = run.started_at - timedelta(minutes=20)
    first = Task("a", TaskState.DONE, {"model": "x"}, submitted, run.started_at - timedelta(seconds=1))
    second = Task("b", TaskState.RUNNING, run.request, submitted)
    with_output = derive_training(tasks=[first, second], runs=[run])
    without = derive_training(tasks=[first, second])
    waiting = derive_training(tasks=[replace(second, state=TaskState.SUBMITTED)])
    assert with_output.started_at == run.started_at.replace(tzinfo=UTC)
    assert without.started_at == first.ended_at.replace(tzinfo=UTC)
    assert waiting.started_at is None


@pytest.mark.parametrize(
    ("upto", "epoch"),
    [("Epoch: 1/3, Iter: 3/4", None), ("Epoch: 2/3, Iter: 1/4", 1), ("Epoch: 3/3, Iter: 4/4", 2)],
)
def test_a_stopped_training_counts_finished_epochs(log_lines, task, upto, epoch):
    lines = log_lines("train_3epochs")
    at = next(i for i, line in enumerate(lines) if upto in line)
    (run,) = runs_of(lines[: at + 1])
    stopped = Task(
        "t", TaskState.STOPPED, run.request, run.started_at, run.last_at, tuple(lines[at - 19 : at + 1])
    )
    assert derive_training(tasks=[stopped], runs=[run]).epoch == epoch
    assert derive_training(tasks=[stopped]).epoch == epoch


def test_since_when_a_value_is_no_number():
    bad, good = EpochPoint(1, None, {}, None, ("loss",)), EpochPoint(2, 0.5)

    def since(*points, **more):
        return dict(TrainStatus(TrainState.RUNNING, epoch=5, points=points, **more).not_numbers)

    assert since(bad, good) == {}
    assert since(bad, good, replace(bad, epoch=3), replace(bad, epoch=4)) == {"loss": 3}
    assert since(bad, good, loss_is_nan=True) == {"loss": 5}
    assert since(replace(bad, epoch=4), loss_is_nan=True) == {"loss": 4}
    assert since(replace(bad, not_numbers=("loss", "val_mean_dice")), loss=0.5) == {"val_mean_dice": 1}


def test_a_loss_that_is_no_number_shows_without_the_output_too(task):
    line = "2026-11-23 17:08:40,000 - INFO - Epoch: 2/3, Iter: 1/4 -- train_loss: nan"
    status = derive_training(tasks=[replace(task("train_status_running"), details=(line,))])
    assert dict(status.not_numbers) == {"loss": 2}


@pytest.mark.parametrize("code", [None, -15, -9])
def test_a_training_that_ended_with_its_server_or_pod_was_stopped(log_lines, code):
    (run,) = runs_of(log_lines("train_3epochs")[:80])
    run = replace(run, return_code=code, ended_at=run.last_at if code else None)
    for ended_with in ("server", "pod"):
        status = derive_training(tasks=None, runs=[run], ended_with=ended_with)
        assert (status.state, status.problem, status.ended_with) == (TrainState.STOPPED, None, ended_with)
        assert status.ended_at == run.last_at.replace(tzinfo=UTC)
    (whole,) = runs_of(log_lines("train_3epochs"))
    done_before = derive_training(tasks=None, runs=[whole], ended_with="pod")
    assert (done_before.state, done_before.ended_with) == (TrainState.DONE, "")


def test_a_training_whose_output_was_never_read_ended_with_its_pod():
    known = Task("t2", TaskState.RUNNING, {"model": "deepedit"}, datetime(2026, 11, 23, 18, 0))
    status = derive_training(tasks=None, last=known, ended_with="pod")
    assert (status.state, status.model, status.ended_with) == (TrainState.STOPPED, "deepedit", "pod")
    assert (status.task_id, status.started_at) == ("t2", datetime(2026, 11, 23, 18, 0, tzinfo=UTC))
    assert derive_training(tasks=None, last=known).problem.code == "server_gone"


def test_the_last_training_is_newer_than_the_output_that_was_read(log_lines, task):
    runs, earlier = runs_of(log_lines("train_3epochs")), task("train_status_done")
    newer = replace(
        earlier, id="t2", state=TaskState.RUNNING, started_at=datetime(2026, 11, 23, 18, 0), details=()
    )
    assert derive_training(tasks=None, last=newer, runs=runs, ended_with="pod").state is TrainState.STOPPED
    status = derive_training(tasks=None, last=earlier, runs=runs)
    assert (status.state, len(status.points)) == (TrainState.DONE, 3)


def test_the_last_lines_of_a_training_say_how_far_it_came(task):
    known = replace(task("train_status_running"), id="t3")
    status = derive_training(tasks=None, last=known, ended_with="pod")
    assert (status.state, status.epoch, status.total_epochs) == (TrainState.STOPPED, 1, 3)
