"""Derive the state of the training from all sources.

No single source is enough. The server's tasks have states but no progress; a restart of the server loses them,
and the newest task is not always the running one. The server's output has everything about a run except its task.
The server's statistics belong to the previous run until an epoch has ended. The host's processes show orphaned
trainings.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.server.server import OrphanTraining, ServerInfo, TrainStats
from labeltui.domain.text import one_line
from labeltui.domain.training.log import TrainLog, TrainRun, eta_s
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.domain.training.training import Best, EpochPoint, TrainState, TrainStatus

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
    orphans: Sequence[OrphanTraining] = (),
    zone: tzinfo = UTC,
) -> TrainStatus:
    """Return the status of the running training, else of the next in the queue, else of the last one.

    ``tasks`` are all tasks of the server, oldest first; None without a server. ``runs`` come from the server's
    output. ``zone`` is the zone of the host's clock, which dates tasks and lines.
    """
    chosen = _chosen(tasks or (), running)
    if chosen is not None and not chosen.state.ended:
        return _of_task(chosen, tasks or (), runs, info, zone)
    if orphans:
        return _of_orphan(orphans[0])
    if chosen is not None:
        return _of_task(chosen, tasks or (), runs, info, zone)
    if tasks is None and runs:
        return _without_server(runs[-1], zone)
    return TrainStatus(TrainState.IDLE)


def _chosen(tasks: Sequence[Task], running: Task | None) -> Task | None:
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
    status = TrainStatus(
        state,
        model=task.subject,
        task_id=task.id,
        epoch=shown.epoch,
        total_epochs=shown.total_epochs,
        iteration=shown.iteration,
        iterations=shown.iterations,
        best=shown.best,
        eta_s=eta_s(shown) if state is TrainState.RUNNING and run is not None else None,
        problem=_problem(state, shown, task, info),
        points=shown.points,
        loss=shown.loss,
        lines=task.details or shown.lines,
        queued=sum(other.state is TaskState.SUBMITTED and other.id != task.id for other in tasks),
        started_at=_aware(task.started_at, zone),
        ended_at=_aware(task.ended_at, zone),
    )
    return status if run is not None else _with_stats(status, _stats_of(task, info, zone))


def _problem(state: TrainState, run: TrainRun, task: Task, info: ServerInfo | None) -> Problem | None:
    if state is TrainState.ERROR:
        return diagnose_training(run, task.details, info)
    # A damaged volume ends a thread of the data loader, so studies are left out; the server calls that done.
    if state is not TrainState.STOPPED and run.unreadable:
        return _unreadable(run.unreadable, "\n".join(run.errors), left_out=True)
    return None


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
        iterations=fold.iterations, loss=fold.loss, best=fold.best, errors=fold.errors,
        unreadable=fold.unreadable,
    )  # fmt: skip


def _stats_of(task: Task, info: ServerInfo | None, zone: tzinfo) -> TrainStats | None:
    """The statistics of this task; None while the server still reports those of the previous run."""
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
    return TrainStatus(
        status.state, status.model, status.task_id,
        epoch=stats.epoch if status.epoch is None else status.epoch,
        total_epochs=status.total_epochs or stats.total_epochs,
        iteration=status.iteration, iterations=status.iterations, best=best, problem=status.problem,
        points=(EpochPoint(stats.epoch, None, metrics),), loss=status.loss, lines=status.lines,
        queued=status.queued, started_at=status.started_at, ended_at=status.ended_at,
    )  # fmt: skip


def _of_orphan(orphan: OrphanTraining) -> TrainStatus:
    return TrainStatus(
        TrainState.ORPHANED,
        model=orphan.model or None,
        pid=orphan.pid,
        started_at=orphan.started_at,
        problem=Problem(
            Code.ORPHANED,
            f"A training of {orphan.model or 'a model'} (process {orphan.pid}) is running without a server.",
            "Stop it to free the GPU (labeltui train stop): no server shows it or can stop it.",
        ),
    )


def _without_server(run: TrainRun, zone: tzinfo) -> TrainStatus:
    """The last training of a server that has ended."""
    state, problem = TrainState.DONE, None
    if not run.ended:
        state = TrainState.ERROR
        problem = Problem(
            Code.SERVER_GONE,
            f"The server ended while it trained {run.model or 'a model'}.",
            "Start the server and train again; the newest published model is still there.",
        )
    elif run.return_code != 0:
        state = TrainState.STOPPED if run.killed else TrainState.ERROR
        problem = None if run.killed else diagnose_training(run, run.lines)
    epoch = run.epoch if run.ended else max((point.epoch for point in run.points), default=None)
    return TrainStatus(
        state, run.model, epoch=epoch, total_epochs=run.total_epochs, best=run.best, problem=problem,
        points=run.points, loss=run.loss, lines=run.lines,
        started_at=_aware(run.started_at, zone), ended_at=_aware(run.ended_at, zone),
    )  # fmt: skip


def _aware(time: datetime | None, zone: tzinfo) -> datetime | None:
    return None if time is None else time.replace(tzinfo=zone)


_CAUSES: tuple[tuple[str, Code, str, str], ...] = (
    (r"There is no model '([^'\n]{1,200})' available", Code.UNKNOWN_MODEL,
     "The server has no trainer named {0}.", "Choose among: {trainers}."),
    (r"num_samples=0", Code.NO_LABELS,
     "No study has a final label, so there is nothing to train on.",
     "Submit labels in Slicer (tag final), then train again."),
    (r"MLflow no longer|mlflow\.exceptions|No module named 'mlflow|'?mlflow'? is not", Code.TRACKING,
     "Tracking with MLflow failed, which ends every training.",
     'Train with tracking = "None", or set MONAI_LABEL_TRACKING_ENABLED=false.'),
    (r"/scoring/|RemoteDisconnected", Code.SCORING_CALLBACK,
     "The server could not start the scoring after the training, and reports that as a failure.",
     "The model was published nevertheless. With https or a login the server cannot reach its own API."),
    (r"CUDA out of memory|OutOfMemoryError", Code.GPU_MEMORY,
     "The GPU does not have enough memory for this training.",
     "Stop other programs on the GPU, or train with a smaller batch or input size."),
    (r"bus error|shared memory \(shm\)|Unable to open shared memory", Code.SHARED_MEMORY,
     "The host's shared memory is too small for the data loaders.",
     "Give the container more shared memory (docker run --shm-size=8g)."),
    (r"No space left on device", Code.DISK_FULL,
     "The host's disk is full.", "Free some space on the host, then train again."),
    (r"stat: path should be string.{0,40}NoneType", Code.BUNDLE_PRETRAINED,
     "A bundle cannot be trained with pretrained = false.", "Leave pretrained out."),
    (r"(TypeError: '.{1,3}' not supported between instances of '\w+' and '\w+')", Code.BAD_PARAMETER,
     "A parameter has the wrong type: {0}.", "Give numbers without quotes."),
    (r"(?:URLError|Max retries exceeded|Download failed)", Code.DOWNLOAD_FAILED,
     "The training could not download what it needs.",
     "Give the host internet access, or set pretrained = false."),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), code, message, hint) for pattern, code, message, hint in _CAUSES)


def diagnose_training(run: TrainRun, details: Sequence[str], info: ServerInfo | None = None) -> Problem:
    """Why a training failed, in one line. ``details`` are the task's newest lines, as evidence."""
    evidence = "\n".join(details or run.lines)
    if run.return_code == -9 and not run.killed:
        return Problem(
            Code.OUT_OF_MEMORY,
            "The host killed the training (signal 9), most likely because memory ran out.",
            "Train with dataset = Dataset, which holds no volumes in memory, or use a larger host.",
            evidence,
        )
    # Only the newest exceptions count: a training often continues after earlier ones.
    text = "\n".join((*run.errors[-3:], *details[-3:]))
    for pattern, code, message, hint in _COMPILED:
        if found := pattern.search(text):
            group = one_line(found[1]) if found.groups() else ""
            trainers = (
                ", ".join(info.trainers) if info is not None and info.trainers else "those of the server"
            )
            return Problem(
                code, message.replace("{0}", group), hint.replace("{trainers}", trainers), evidence
            )
    if run.unreadable and "LoadImage" in "\n".join((*run.errors, *details)):
        return _unreadable(run.unreadable, evidence)
    if "applying transform" in text:
        return Problem(
            Code.BAD_VOLUME,
            "A volume or label cannot be prepared for the training.",
            "The server's log names it, above the traceback.",
            evidence,
        )
    last = run.errors[-1] if run.errors else next((line for line in reversed(details) if line.strip()), "")
    return Problem(
        Code.TRAIN_FAILED,
        f"The training failed: {one_line(last.strip()) or 'it printed no reason'}",
        "The traceback is in the server's log.",
        evidence,
    )


def _unreadable(paths: Sequence[str], evidence: str, *, left_out: bool = False) -> Problem:
    names = ", ".join(one_line(posixpath.basename(path)) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    damaged = "is damaged" if len(paths) == 1 else "are damaged"
    then = "the training left out studies" if left_out else "the training could not read all volumes"
    return Problem(
        Code.STUDIES_LEFT_OUT if left_out else Code.CORRUPT_VOLUME,
        f"{names}{more} {damaged}: {then}.",
        f"Replace or remove {one_line(paths[0])}, then train again.",
        evidence,
    )
