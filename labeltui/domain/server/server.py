"""The state of the MONAI Label server, and its models and trainers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from labeltui.domain.problems import Problem
from labeltui.domain.states import NOUNS, TRAIN, ServerState
from labeltui.domain.text import one_line


@dataclass(frozen=True, slots=True)
class OrphanTask:
    """A training, batch inference or scoring whose server has ended. It goes on, and no API shows or stops it.

    ``task`` is MONAI Label's word for it, a key of NOUNS. ``folder`` and ``user`` are empty if unknown.
    labeltui may end only tasks that are ``ours``, which means that they run from the profile's folder.
    """

    pid: int
    pgid: int
    model: str
    started_at: datetime | None = None
    folder: str = ""
    user: str = ""
    ours: bool = True
    task: str = TRAIN

    @property
    def noun(self) -> str:
        """The task in the words of a message, such as ``batch inference``."""
        return NOUNS.get(self.task, "task")

    @property
    def named(self) -> str:
        """Task, model and process for messages. If it is not ``ours``, user and folder too."""
        whose = (
            ""
            if self.ours
            else f" of {self.user or 'an unknown user'} in {self.folder or 'an unknown folder'}"
        )
        of = f" of {self.model}" if self.model else ""
        return one_line(f"{self.noun}{of}{whose} (pid {self.pid})")


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server process on the host. ``studies`` and ``app`` are as they were given on its command line.

    ``dicomweb_cache_s`` is None for a folder, and where the process's environment can't be read.
    """

    pid: int
    port: int
    studies: str
    dicomweb_cache_s: int | None = None
    app: str | None = None


class BatchRun(NamedTuple):
    """A batch inference that runs: studies done, and of how many.

    ``total`` is None before the first study is done, and ``left_s`` before the second; it was estimated then.
    """

    done: int = 0
    total: int | None = None
    model: str = ""
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server on one host. ``run_id`` is the agent's run; None for a server that the agent did not start.

    ``dicomweb_cache_s`` is how many seconds a server of DICOMweb studies may hand out a study again although its label
    is final. None for a folder, or if it is unknown.
    """

    state: ServerState
    url: str | None = None
    pid: int | None = None
    exit_code: int | None = None
    app: str | None = None
    models: tuple[str, ...] = ()
    studies: str | None = None
    version: str | None = None
    problem: Problem | None = None
    phase: str = ""  # while starting: its newest phase
    run_id: str | None = None
    log_path: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    orphans: tuple[OrphanTask, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # that each model was built with
    dicomweb_cache_s: int | None = None
    batch: BatchRun | None = None  # the batch inference that runs
    reads_tasks: bool = (
        False  # whether its output is read up to now, so that no ``batch`` means that none runs
    )


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model (or trainer) that the server offers, with its parameters and their defaults."""

    name: str
    type: str = ""
    labels: tuple[str, ...] = ()
    dimension: int | None = None
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)  # of the labels, by name


@dataclass(frozen=True, slots=True)
class TrainStats:
    """The ``train_stats`` of one trainer.

    Until epoch 1 has ended, they belong to the previous run. Times are Unix seconds.
    """

    start_ts: float | None = None
    epoch: int | None = None
    total_epochs: int | None = None
    best_metric: float | None = None
    finished: bool = False
    key_metric: str | None = None
    best_epoch: int | None = None
    train_metrics: Mapping[str, float] = field(default_factory=dict)
    eval_metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server's answer to ``GET /info/``."""

    name: str
    version: str
    labels: tuple[str, ...] = ()
    models: Mapping[str, ModelInfo] = field(default_factory=dict)
    trainers: Mapping[str, ModelInfo] = field(default_factory=dict)
    strategies: tuple[str, ...] = ()
    scoring: tuple[str, ...] = ()
    total: int = 0
    completed: int = 0
    label_tags: Mapping[str, int] = field(default_factory=dict)
    train_stats: Mapping[str, TrainStats] = field(default_factory=dict)
