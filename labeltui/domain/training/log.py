"""Read trainings from the server's output: one run per training, updated line by line."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from labeltui.domain.log import events
from labeltui.domain.log import lines as log
from labeltui.domain.log.meaning import is_trouble
from labeltui.domain.training.batch_log import BatchLog
from labeltui.domain.training.training import LOSS, Best, EpochPoint

MAX_LINES = 20
MAX_ERRORS = 40
_OTHER_EPOCH = re.compile(r"\bepoch\W{0,3}\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TrainRun:
    """One training. Times are the host's local time, without a zone.

    ``epoch`` is the epoch in progress; after the end of the run it is the last finished one. ``points`` are
    finished epochs, ``errors`` exception lines (oldest first), ``unreadable`` volumes that could not be read.
    ``late_errors`` are the errors since the last finished epoch. ``workers_code`` is the exit code of a
    multi-GPU training's processes. ``other_epochs`` is True if the output counts epochs in a format that
    labeltui does not know.
    """

    model: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    points: tuple[EpochPoint, ...] = ()
    epoch: int | None = None
    total_epochs: int | None = None
    iteration: int | None = None
    iterations: int | None = None
    loss: float | None = None
    loss_is_nan: bool = False
    best: Best | None = None
    records: Mapping[events.Role, int] = field(default_factory=dict)
    published: tuple[str, ...] = ()
    started_at: datetime | None = None
    epochs_began_at: datetime | None = None  # when epoch 1 began, after the imports
    epoch_began_at: datetime | None = None
    last_at: datetime | None = None
    ended_at: datetime | None = None
    return_code: int | None = None
    killed: bool = False
    errors: tuple[str, ...] = ()
    late_errors: tuple[str, ...] = ()
    workers_code: int | None = None
    other_epochs: bool = False
    unreadable: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """True once its process has ended."""
        return self.return_code is not None


@dataclass(slots=True)
class _Epoch:
    """An epoch in progress: losses by iteration, so that a repeated line counts once."""

    losses: dict[int, float] = field(default_factory=dict)
    not_numbers: set[str] = field(default_factory=set)
    mean: float | None = None
    training: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    complete: bool = False

    def close(self) -> None:
        """Replace the losses of all iterations by their mean, to save memory."""
        if self.losses:
            self.mean = sum(self.losses.values()) / len(self.losses)
            self.losses.clear()

    def point(self, number: int) -> EpochPoint:
        mean = sum(self.losses.values()) / len(self.losses) if self.losses else self.mean
        mean = None if LOSS in self.not_numbers else mean
        # Both phases use the same names for labels; the validation's values replace the training's.
        metrics = {**self.training, **self.validation}
        return EpochPoint(
            number, mean, metrics, self.seconds, tuple(sorted(self.not_numbers - metrics.keys()))
        )


class TrainLog:
    """Collects the trainings of a server from its output. Feed it every line, in order, from the server's start.

    Feeding the same log again from its start gives the same runs: a training with a known start replaces the old one.
    """

    def __init__(self) -> None:
        self.batch = BatchLog()
        self._runs: list[_Fold] = []
        self._current: _Fold | None = None

    @property
    def runs(self) -> tuple[TrainRun, ...]:
        """All trainings, oldest first."""
        return tuple(fold.run for fold in self._runs)

    @property
    def run(self) -> TrainRun | None:
        """The newest training; None before the first."""
        return self._runs[-1].run if self._runs else None

    @staticmethod
    def of_lines(lines: Sequence[str]) -> TrainRun:
        """Read a few lines from the middle of one training; epochs may be incomplete."""
        fold = _Fold(log.LogRecord(""), events.TaskCommand("train", {}))
        for line in lines:
            record = log.parse_line(line)
            fold.take(record, log.event(record), line)
        return fold.run

    def feed(self, line: str) -> bool:
        """Read one line; True when a training has changed."""
        record = log.parse_line(line)
        return self.take(record, log.event(record), line)

    def take(self, record: log.LogRecord, event: events.Event | None, line: str) -> bool:
        """Read a line that is already parsed; True when a training has changed."""
        if event is not None:
            self.batch.take(record, event)
        if isinstance(event, events.TaskCommand) and event.kind == "train":
            self._begin(record, event)
            return True
        fold = self._current
        if fold is None:
            return False
        if record.kind is log.LineKind.SERVER and record.pid == fold.server_pid:
            return self._from_server(fold, record, event)
        fold.take(record, event, line)
        return True

    def _begin(self, record: log.LogRecord, command: events.TaskCommand) -> None:
        fold = _Fold(record, command)
        known = [old for old in self._runs if old.key == fold.key]
        if known:
            self._runs[self._runs.index(known[0])] = fold
        else:
            self._runs.append(fold)
        self._current = fold

    def _from_server(self, fold: _Fold, record: log.LogRecord, event: events.Event | None) -> bool:
        """Read a line that the server itself printed. Only two kinds of these lines concern a training."""
        if isinstance(event, events.Killed):
            fold.kill(event.pid)
            return True
        # Trainings, scorings and inferences have a thread each, which identifies the task that ended.
        if isinstance(event, events.ReturnCode) and record.thread == fold.thread:
            fold.end(record, event.code)
            self._current = None
            return True
        return False


class _Fold:
    """One training while it is being read."""

    def __init__(self, record: log.LogRecord, command: events.TaskCommand) -> None:
        model = command.request.get("model")
        self.server_pid = record.pid
        self.thread = record.thread
        self.key = (record.time, record.pid, repr(command.request))
        self._pids: set[int] = set()
        self._epochs: dict[int, _Epoch] = {}
        self._bests: dict[events.Role, Best] = {}
        self._engine = events.Role.TRAIN
        self._errors: deque[str] = deque(maxlen=MAX_ERRORS)
        self._late_errors: deque[str] = deque(maxlen=MAX_ERRORS)
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._cached: TrainRun | None = None
        self._run = TrainRun(
            model=model if isinstance(model, str) else None,
            request=command.request,
            total_epochs=_count(command.request.get("max_epochs")),
            started_at=record.time,
            last_at=record.time,
        )

    @property
    def run(self) -> TrainRun:
        if self._cached is None:
            points = tuple(
                epoch.point(number) for number, epoch in sorted(self._epochs.items()) if epoch.complete
            )
            self._cached = replace(
                self._run,
                points=points,
                best=self._best(),
                errors=tuple(self._errors),
                late_errors=tuple(self._late_errors),
                lines=tuple(self._lines),
            )
        return self._cached

    def take(self, record: log.LogRecord, event: events.Event | None, line: str) -> None:
        self._cached = None
        self._lines.append(line.rstrip("\r\n"))
        if record.pid is not None:
            self._pids.add(record.pid)
        if record.time is not None:
            self._run = replace(self._run, last_at=record.time)
        if record.kind is log.LineKind.BARE and is_trouble(record):
            self._errors.append(record.message[:2000])
            self._late_errors.append(record.message[:2000])
        if event is not None:
            self._apply(record, event)
        elif "poch" in line and _OTHER_EPOCH.search(record.message[:2000]):
            self._run = replace(self._run, other_epochs=True)

    def kill(self, pid: int) -> None:
        self._cached = None
        # The server logs the same line for other tasks. The pid is unknown when the child printed no line with one.
        if pid in self._pids or not self._pids:
            self._run = replace(self._run, killed=True)

    def end(self, record: log.LogRecord, code: int) -> None:
        self._cached = None
        finished = max((number for number, epoch in self._epochs.items() if epoch.complete), default=None)
        self._run = replace(
            self._run, return_code=code, ended_at=record.time, epoch=finished, last_at=record.time
        )

    def _apply(self, record: log.LogRecord, event: events.Event) -> None:
        match event:
            case events.Iteration():
                self._iteration(record, event)
            case events.Metrics(epoch, values, not_numbers):
                self._metrics(epoch, values, not_numbers)
            case events.KeyMetric(metric, value, epoch):
                self._key_metric(Best(metric, value, epoch), epoch)
            case events.EpochComplete(role, epoch, seconds):
                self._complete(record, role, epoch, seconds)
            case events.Resumed(role, _, epoch, epochs):
                self._resumed(record, role, epoch, epochs)
            case events.Records(role, count):
                self._run = replace(self._run, records={**self._run.records, role: count})
            case events.Published(_, target):
                self._run = replace(self._run, published=(*self._run.published, target))
            case events.WorkersEnded(code):
                self._run = replace(self._run, workers_code=code)
            case events.Unreadable(path) if path not in self._run.unreadable:
                self._run = replace(self._run, unreadable=(*self._run.unreadable, path)[:MAX_ERRORS])
            case _:
                pass

    def _key_metric(self, best: Best, number: int) -> None:
        """Store the best value, also for its epoch, whose own line has only four decimals of it."""
        self._bests[self._role_of((best.metric,))] = best
        epoch = self._epochs.get(number, _Epoch())
        for values in (epoch.validation, epoch.training):
            if best.metric in values:
                values[best.metric] = best.value

    def _resumed(self, record: log.LogRecord, role: events.Role, epoch: int, epochs: int) -> None:
        self._engine = role
        if role is events.Role.TRAIN:
            began = self._run.epochs_began_at or record.time
            self._run = replace(
                self._run,
                total_epochs=epochs,
                epoch=epoch + 1,
                epochs_began_at=began,
                epoch_began_at=record.time,
            )

    def _iteration(self, record: log.LogRecord, event: events.Iteration) -> None:
        if event.epoch != self._run.epoch:
            for number, epoch in self._epochs.items():
                if number < event.epoch:  # the epoch has ended, even if its last line was lost
                    epoch.close()
                    epoch.complete = True
        if event.not_a_number:
            self._epochs.setdefault(event.epoch, _Epoch()).not_numbers.add(LOSS)
        if event.loss is not None:
            self._epochs.setdefault(event.epoch, _Epoch()).losses[event.iteration] = event.loss
        self._run = replace(
            self._run, epoch=event.epoch, total_epochs=event.epochs, iteration=event.iteration,
            iterations=event.iterations, loss=event.loss, loss_is_nan=event.not_a_number,
            epoch_began_at=self._run.epoch_began_at or record.time,
        )  # fmt: skip

    def _metrics(self, number: int, values: Mapping[str, float], not_numbers: Sequence[str]) -> None:
        epoch = self._epochs.setdefault(number, _Epoch())
        epoch.not_numbers.update(not_numbers)
        if self._role_of((*values, *not_numbers)) is events.Role.VALIDATE:
            epoch.validation.update(values)
        else:
            epoch.training.update(values)

    def _role_of(self, names: Sequence[str]) -> events.Role:
        """Find the engine of these metrics by their names, because the order differs between apps and bundles."""
        if any(name.startswith("val") for name in names):
            return events.Role.VALIDATE
        return events.Role.TRAIN if any(name.startswith("train") for name in names) else self._engine

    def _complete(self, record: log.LogRecord, role: events.Role, number: int, seconds: float | None) -> None:
        if role is events.Role.VALIDATE:
            self._engine = events.Role.TRAIN
            return
        epoch = self._epochs.setdefault(number, _Epoch())
        epoch.close()
        epoch.seconds, epoch.complete = seconds, True
        self._late_errors.clear()
        total = self._run.total_epochs
        self._run = replace(self._run, epoch=number, epoch_began_at=record.time)
        if total is None or number < total:  # the next epoch begins, of which no iteration has run
            self._run = replace(self._run, epoch=number + 1, iteration=0)

    def _best(self) -> Best | None:
        return self._bests.get(events.Role.VALIDATE, self._bests.get(events.Role.TRAIN))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def eta_s(run: TrainRun) -> float | None:
    """Seconds until the run's last epoch ends, as of its newest line; None when it cannot be estimated."""
    if run.ended or run.total_epochs is None:
        return None
    seconds = sorted(s for point in run.points[-3:] if (s := point.seconds) is not None)
    done = len(run.points)
    within = _between(run.epoch_began_at, run.last_at)
    if seconds:
        left = (run.total_epochs - done) * seconds[len(seconds) // 2]
        return max(0.0, left - min(within, seconds[len(seconds) // 2]))
    if run.iteration and run.iterations and within > 0:
        per_epoch = within / run.iteration * run.iterations
        return max(0.0, run.total_epochs * per_epoch - within)
    return None


def _between(start: datetime | None, end: datetime | None) -> float:
    return max(0.0, (end - start).total_seconds()) if start is not None and end is not None else 0.0
