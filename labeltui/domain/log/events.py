"""Events that lines of the server's log report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Which engine of a training speaks."""

    TRAIN = "train"
    VALIDATE = "validate"


@dataclass(frozen=True, slots=True)
class TaskCommand:
    """A child was started: ``train``, ``infer``, ``scoring`` or ``batch_infer``, with its request."""

    kind: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A child printed what it returns (empty for a bundle)."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """A child ended; negative for a signal."""

    code: int


@dataclass(frozen=True, slots=True)
class Killed:
    """The server killed a child because somebody stopped its task."""

    pid: int


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration of a training; ``iterations`` are those of one epoch."""

    epoch: int
    epochs: int
    iteration: int
    iterations: int
    loss: float | None  # None where it is not a number


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of an epoch, of training or validation (their names tell); only those that are numbers."""

    epoch: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class KeyMetric:
    """The best value so far of the metric that picks the model."""

    metric: str
    value: float
    epoch: int


@dataclass(frozen=True, slots=True)
class EpochComplete:
    """An engine finished an epoch."""

    role: Role
    epoch: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Resumed:
    """An engine starts, or goes on after ``epoch``, until ``epochs``."""

    role: Role
    iteration: int
    epoch: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Records:
    """How many studies a training has."""

    role: Role
    count: int


@dataclass(frozen=True, slots=True)
class Published:
    """A model was put in use; paths on the host."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class LabelSaved:
    """A label came in."""

    image: str
    tag: str


@dataclass(frozen=True, slots=True)
class SampleServed:
    """A strategy handed out a study (None when nothing was left)."""

    image: str | None


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """An inference over many studies finished one of them."""

    image: str
    device: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A training could not read a volume."""

    path: str


Event = (
    TaskCommand | TaskResult | ReturnCode | Killed | Iteration | Metrics | KeyMetric | EpochComplete | Resumed
    | Records | Published | LabelSaved | SampleServed | BatchProgress | Unreadable
)  # fmt: skip
