"""Events that lines of the server's log report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """The engine of a training that printed a line."""

    TRAIN = "train"
    VALIDATE = "validate"


@dataclass(frozen=True, slots=True)
class TaskCommand:
    """The server started a child process: ``train``, ``infer``, ``scoring`` or ``batch_infer``, with its request."""

    kind: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result that a child process printed. It is empty for a bundle."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """A child process ended; the code is negative for a signal."""

    code: int


@dataclass(frozen=True, slots=True)
class WorkersEnded:
    """The processes of a multi-GPU training ended.

    MONAI Label reports the training as done even if ``code`` is not 0.
    """

    code: int


@dataclass(frozen=True, slots=True)
class Killed:
    """The server killed a child process because a user stopped its task."""

    pid: int


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration of a training; ``iterations`` is the number per epoch."""

    epoch: int
    epochs: int
    iteration: int
    iterations: int
    loss: float | None  # None if the printed loss is not a number, or is not understood
    not_a_number: bool = False


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of an epoch.

    Their names show whether they are of the training or the validation. ``not_numbers`` names the metrics that
    are NaN.
    """

    epoch: int
    values: Mapping[str, float]
    not_numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyMetric:
    """The best value so far of the key metric, which selects the model."""

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
    """An engine starts, or resumes after ``epoch``. It runs until ``epochs``."""

    role: Role
    iteration: int
    epoch: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Records:
    """The number of studies that a training uses."""

    role: Role
    count: int


@dataclass(frozen=True, slots=True)
class Published:
    """A trained model replaced the earlier one. Both fields are paths on the host."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class LabelReceived:
    """A label was submitted. The server may still refuse it. ``client`` is empty if it gave no name.

    ``restored`` is True if labeltui brought back a label that ``client`` had submitted before.
    ``at`` is the host's local time without a zone.
    """

    image: str
    tag: str
    client: str = ""
    at: datetime | None = None
    restored: bool = False


@dataclass(frozen=True, slots=True)
class LabelStored:
    """A label that was received is stored in the file ``file``, empty if unknown. ``at`` is as in LabelReceived."""

    file: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LabelDeleted:
    """A label was deleted.

    ``tag`` is empty if an image was deleted with all its labels. ``at`` is as in LabelReceived.
    """

    image: str
    tag: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SampleRequested:
    """A client asked a strategy for a study; SampleServed follows before any other request."""

    strategy: str
    client: str


@dataclass(frozen=True, slots=True)
class SampleServed:
    """A strategy handed out a study; None when no study was left. ``at`` is as in LabelReceived."""

    image: str | None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """A batch inference finished one study."""

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
    | Records | Published | LabelReceived | LabelStored | LabelDeleted | SampleRequested | SampleServed | BatchProgress
    | Unreadable | WorkersEnded
)  # fmt: skip
