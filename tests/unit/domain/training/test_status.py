"""How the training stands, from witnesses that each know a part."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from labeltui.domain.server.server import OrphanTraining
from labeltui.domain.states import TrainState
from labeltui.domain.training.failure import diagnose_training
from labeltui.domain.training.log import TrainLog, TrainRun
from labeltui.domain.training.status import derive_training
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.domain.training.training import EpochPoint, TrainStatus
from labeltui.monailabel import convert
from tests.unit.domain.log.test_meaning import FAILURES


def runs_of(lines):
    train_log = TrainLog()
    for line in lines:
        train_log.feed(line)
    return train_log.runs


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
    orphan = OrphanTraining(4711, 4700, "deepedit", datetime(2026, 11, 23, 17, 0, tzinfo=UTC))
    for tasks in ([], None):
        status = derive_training(tasks=tasks, orphans=[orphan])
        assert (status.state, status.pid, status.model) == (TrainState.ORPHANED, 4711, "deepedit")
        assert "4711" in status.problem.message


def test_an_orphan_does_not_hide_a_training_that_runs(task):
    status = derive_training(tasks=[task("train_status_running")], orphans=[OrphanTraining(1, 1, "old")])
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
