"""A training: state, curve, best value, and remaining time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from labeltui.domain.problems import Problem
from labeltui.domain.states import TrainState

LOSS = "loss"


@dataclass(frozen=True, slots=True)
class EpochPoint:
    """One finished epoch: mean training loss, and metrics by name (Dice scores from 0 to 1)."""

    epoch: int  # from 1
    loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    not_numbers: tuple[str, ...] = ()  # metrics, or LOSS, that are NaN or infinite; they are nowhere else

    @property
    def validation_dice(self) -> float | None:
        """Mean Dice score over the validation studies; None without a score."""
        return next((v for k, v in self.metrics.items() if k.startswith("val") and k.endswith("dice")), None)

    @property
    def training_dice(self) -> float | None:
        """Mean Dice score over the training studies; None without a score."""
        return next(
            (v for k, v in self.metrics.items() if k.startswith("train") and k.endswith("dice")), None
        )


@dataclass(frozen=True, slots=True)
class Best:
    """The best value so far of the key metric, which selects the model."""

    metric: str
    value: float
    epoch: int | None


@dataclass(frozen=True, slots=True)
class TrainStatus:
    """The running training, or else the newest one."""

    state: TrainState
    model: str | None = None
    task_id: str | None = None
    epoch: int | None = None  # in progress while running, the last finished one afterwards
    total_epochs: int | None = None
    iteration: int | None = None  # of the epoch in progress; None after the end
    iterations: int | None = None  # per epoch
    best: Best | None = None
    eta_s: float | None = None
    problem: Problem | None = None
    points: tuple[EpochPoint, ...] = ()
    loss: float | None = None  # of the last iteration
    lines: tuple[str, ...] = ()  # the newest output lines, oldest first
    queued: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    pid: int | None = None  # of an orphan
    ended_with: str = ""  # "server" or "pod" if the operator stopped that while the training ran
    loss_is_nan: bool = False  # of the last iteration; ``loss`` is then None

    @property
    def not_numbers(self) -> Mapping[str, int]:
        """The loss (as ``LOSS``) and the metrics that are NaN or infinite now, each with its first such epoch."""
        since: dict[str, int] = {}
        names = {*self.points[-1].not_numbers} if self.points else set()
        if self.loss is not None:
            names.discard(LOSS)
        for point in reversed(self.points):
            names &= {*point.not_numbers}
            since.update(dict.fromkeys(names, point.epoch))
        if self.loss_is_nan and self.epoch is not None:
            since.setdefault(LOSS, self.epoch)
        return since
