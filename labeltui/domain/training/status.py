"""Derive the state of the training from all sources.

No single source is enough. The server's tasks have states but no progress. They are lost when the server
restarts, and the newest task is not always the running one. The server's output has everything about a run
except its task. The server's statistics belong to the previous run until an epoch has ended. The host's
processes show orphaned trainings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.server.server import OrphanTask, ServerInfo, TrainStats
from labeltui.domain.states import TRAIN, TrainState
from labeltui.domain.training.failure import diagnose_training, hidden_failure, unreadable_problem
from labeltui.domain.training.log import TrainLog, TrainRun, eta_s
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.domain.training.training import Best, EpochPoint, TrainStatus

CLOCK_SLACK = timedelta(seconds=2)  # task times are whole seconds; run times come from the process

_STATES = {
    TaskState.SUBMITTED: TrainState.QUEUED,
    TaskState.RUNNING: TrainState.RUNNING,
    TaskState.DONE: TrainState.DONE,
    TaskState.ERROR: TrainState.ERROR,
    TaskState.STOPPED: TrainState.STOPPED,
}


def derive_training(
    *,
    tasks: Sequence[Task] | None,
    running: Task | None = None,
    runs: Sequence[TrainRun] = (),
    info: ServerInfo | None = None,
    orphans: Sequence[OrphanTask] = (),
    last: Task | None = None,
    ended_with: str = "",
    zone: tzinfo = UTC,
) -> TrainStatus:
    """Return the status of the running training, else of the next in the queue, else of the last one.

    ``tasks`` are all tasks of the server, oldest first; None without a server, and ``last`` is then the task that it
    named last. ``runs`` come from the server's output. ``zone`` is the zone of the host's clock, which dates tasks
    and lines. ``ended_with`` is "server" or "pod" if the operator stopped the server or its pod.
    """
    chosen = current_task(tasks or (), running)
    if chosen is not None and not chosen.state.ended:
        return _of_task(chosen, tasks or (), runs, info, zone)
    if ours := [orphan for orphan in orphans if orphan.ours and orphan.task == TRAIN]:
        return _of_orphan(ours[0])
    if chosen is not None:
        return _of_task(chosen, tasks or (), runs, info, zone)
    if tasks is None and last is not None and all(_before(run, last) for run in runs):
        return lost_task_status(last, ended_with=ended_with, zone=zone)  # its output is unread or lost
    if tasks is None and runs:
        return _without_server(runs[-1], zone, ended_with)
    return TrainStatus(TrainState.IDLE)


def run_status(run: TrainRun, zone: tzinfo, *, running: bool, ended_with: str = "") -> TrainStatus:
    """Return the status of a training from its output alone. ``running`` is True while its server has not ended."""
    status = _without_server(run, zone, ended_with)
    if running and not run.ended:
        return replace(status, state=TrainState.RUNNING, problem=None, ended_at=None)
    return status


def task_status(
    task: Task,
    *,
    tasks: Sequence[Task],
    runs: Sequence[TrainRun] = (),
    info: ServerInfo | None = None,
    zone: tzinfo = UTC,
) -> TrainStatus:
    """Return the status of this task of the server, whether or not it is the training that runs now."""
    return _of_task(task, tasks, runs, info, zone)


def lost_task_status(
    task: Task,
    *,
    runs: Sequence[TrainRun] = (),
    orphans: Sequence[OrphanTask] = (),
    ended_with: str = "",
    zone: tzinfo = UTC,
) -> TrainStatus:
    """Return the status of a task whose server has ended. ``task`` is as the server listed it last."""
    orphan = next(
        (one for one in orphans if one.ours and one.task == TRAIN and one.model == task.subject), None
    )
    if orphan is not None:
        return replace(_of_orphan(orphan), task_id=task.id)
    if task.state.ended:
        return _of_task(task, (task,), runs, None, zone)
    # The list is older than the output, so that a run that has ended since may be the task's.
    run = _run_of(replace(task, state=TaskState.UNKNOWN), (), runs)
    run = run or replace(_from_details(task), started_at=task.started_at)
    return replace(_without_server(run, zone, ended_with), task_id=task.id)


def current_task(tasks: Sequence[Task], running: Task | None) -> Task | None:
    """Return the running task, else the next in the queue, else the last one."""
    if running is not None and not running.state.ended:
        return running
    for state in (TaskState.RUNNING, TaskState.SUBMITTED):
        first = next((task for task in tasks if task.state is state), None)
        if first is not None:
            return first
    return tasks[-1] if tasks else running


def _of_task(
    task: Task, tasks: Sequence[Task], runs: Sequence[TrainRun], info: ServerInfo | None, zone: tzinfo
) -> TrainStatus:
    run = _run_of(task, tasks, runs)
    state = _STATES.get(task.state, TrainState.RUNNING if task.ended_at is None else TrainState.DONE)
    shown = run if run is not None else _from_details(task)
    state, problem = _outcome(state, shown, task.details, info)
    status = TrainStatus(
        state,
        model=task.subject,
        task_id=task.id,
        epoch=_finished(shown) if task.state.ended else shown.epoch,
        total_epochs=shown.total_epochs,
        iteration=None if task.state.ended else shown.iteration,  # of the epoch in progress
        iterations=shown.iterations,
        best=shown.best,
        eta_s=eta_s(shown) if state is TrainState.RUNNING and run is not None else None,
        problem=problem,
        points=() if run is None else run.points,
        loss=shown.loss,
        loss_is_nan=shown.loss_is_nan,
        lines=task.details or shown.lines,
        queued=sum(other.state is TaskState.SUBMITTED and other.id != task.id for other in tasks),
        started_at=_aware(_started(task, tasks, run), zone),
        ended_at=_aware(task.ended_at, zone),
    )
    return status if run is not None else _with_stats(status, _stats_of(task, info, zone))


def _finished(run: TrainRun) -> int | None:
    """The number of finished epochs; None if no epoch has ended."""
    known = [point.epoch for point in run.points]
    if not run.ended and run.epoch is not None:
        known.append(run.epoch - 1)
    return max(known, default=0) or None


def _started(task: Task, tasks: Sequence[Task], run: TrainRun | None) -> datetime | None:
    """Return the time at which a training left the queue; None while it waits.

    The server itself stores only the time of submission.
    """
    if task.state is TaskState.SUBMITTED or task.started_at is None:
        return None
    if run is not None and run.started_at is not None:
        return run.started_at if run.started_at > task.started_at + CLOCK_SLACK else task.started_at
    earlier = [one.ended_at for one in tasks[: tasks.index(task)] if one.ended_at] if task in tasks else []
    return max((task.started_at, *earlier))


def _outcome(
    state: TrainState, run: TrainRun, details: Sequence[str], info: ServerInfo | None = None
) -> tuple[TrainState, Problem | None]:
    """Return the state of a task, corrected by its output, and the problem if the training failed."""
    if state is TrainState.DONE and (failure := hidden_failure(run, details, info)) is not None:
        return TrainState.ERROR, failure
    if state is TrainState.ERROR:
        return state, diagnose_training(run, details, info)
    # A damaged volume ends a thread of the data loader, so studies are left out; the server calls that done.
    if state is not TrainState.STOPPED and run.unreadable:
        return state, unreadable_problem(run.unreadable, "\n".join(run.errors), left_out=True)
    return state, None


def _run_of(task: Task, tasks: Sequence[Task], runs: Sequence[TrainRun]) -> TrainRun | None:
    """Find the run of a task. The server runs its trainings one by one, in the order of submission."""
    if task.state is TaskState.SUBMITTED:
        return None
    started = [other for other in tasks if other.state is not TaskState.SUBMITTED]
    at = next((number for number, other in enumerate(started) if other.id == task.id), None)
    if at is not None and len(runs) == len(started) and _same(task, runs[at]) and not _before(runs[at], task):
        return runs[at]
    # The beginning of the output is missing, or tasks and output were not read at the same moment.
    matching = [run for run in runs if _same(task, run) and not _before(run, task)]
    return (
        matching[-1] if matching and (task.state is not TaskState.RUNNING or not matching[-1].ended) else None
    )


def _same(task: Task, run: TrainRun) -> bool:
    return _comparable(task.request) == _comparable(run.request)


def _comparable(request: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in request.items() if key != "gpus"}  # set when the task starts


def _before(run: TrainRun, task: Task) -> bool:
    if run.started_at is None or task.started_at is None:
        return False
    return run.started_at < task.started_at - CLOCK_SLACK


def _from_details(task: Task) -> TrainRun:
    """The state of a run from the newest output lines of its task: progress, but no curve."""
    fold = TrainLog.of_lines(task.details)
    return TrainRun(
        model=task.subject, epoch=fold.epoch, total_epochs=fold.total_epochs, iteration=fold.iteration,
        iterations=fold.iterations, loss=fold.loss, loss_is_nan=fold.loss_is_nan, best=fold.best, errors=fold.errors,
        unreadable=fold.unreadable, late_errors=fold.late_errors, workers_code=fold.workers_code,
        points=fold.points,
    )  # fmt: skip


def _stats_of(task: Task, info: ServerInfo | None, zone: tzinfo) -> TrainStats | None:
    """The statistics of this task; None while the server still reports the previous run's."""
    stats = info.train_stats.get(task.subject or "") if info is not None else None
    started = _aware(task.started_at, zone)
    if stats is None or stats.start_ts is None or started is None:
        return None
    return stats if stats.start_ts >= (started - CLOCK_SLACK).timestamp() else None


def _with_stats(status: TrainStatus, stats: TrainStats | None) -> TrainStatus:
    if stats is None or stats.epoch is None:
        return status
    best = status.best
    if best is None and stats.best_metric is not None:
        best = Best(stats.key_metric or "best_metric", stats.best_metric, stats.best_epoch)
    metrics = {**stats.train_metrics, **stats.eval_metrics}
    return replace(
        status,
        epoch=stats.epoch if status.epoch is None else status.epoch,
        total_epochs=status.total_epochs or stats.total_epochs,
        best=best,
        points=(EpochPoint(stats.epoch, None, metrics),),
    )


def _of_orphan(orphan: OrphanTask) -> TrainStatus:
    return TrainStatus(
        TrainState.ORPHANED,
        model=orphan.model or None,
        pid=orphan.pid,
        started_at=orphan.started_at,
        problem=Problem(
            Code.ORPHANED,
            f"A training of {orphan.model or 'a model'} (process {orphan.pid}) is running, but its server has ended.",
            "Stop the training to free the GPU (`labeltui train stop`); a new server does not know of it.",
        ),
    )


def _without_server(run: TrainRun, zone: tzinfo, ended_with: str = "") -> TrainStatus:
    """The last training of a server that has ended."""
    if run.ended and (run.return_code or 0) >= 0:
        ended_with = ""  # it had ended before
    problem: Problem | None = Problem(
        Code.SERVER_GONE,
        f"The server ended while it trained {run.model or 'a model'}.",
        "Start the server and train again; the newest published model is still there.",
    )
    state = TrainState.ERROR
    if ended_with:
        state, problem = TrainState.STOPPED, None
    elif run.ended:
        state, problem = _outcome(TrainState.STOPPED if run.killed else TrainState.DONE, run, run.lines)
    return TrainStatus(
        state, run.model, epoch=_finished(run), total_epochs=run.total_epochs, best=run.best, problem=problem,
        points=run.points, loss=run.loss, loss_is_nan=run.loss_is_nan, lines=run.lines,
        started_at=_aware(run.started_at, zone), ended_at=_aware(run.ended_at or run.last_at, zone),
        ended_with=ended_with,
    )  # fmt: skip


def _aware(time: datetime | None, zone: tzinfo) -> datetime | None:
    return None if time is None else time.replace(tzinfo=zone)
