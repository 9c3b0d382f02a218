"""A training as the history stores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from labeltui.domain.states import TrainState
from labeltui.domain.training.log import TrainRun
from labeltui.domain.training.training import Best, EpochPoint, TrainStatus

MAX_POINTS = 1000
MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """One training, of this server or an earlier one.

    ``state`` is None if no console or command read how it ended. ``options`` is the request without the model,
    ``points`` the newest 1000 finished epochs, ``model_file`` the published file on the host, ``run_id`` the run of the
    server.
    """

    model: str
    started_at: datetime
    state: TrainState | None
    run_id: str = ""
    ended_at: datetime | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    total_epochs: int | None = None
    points: tuple[EpochPoint, ...] = ()
    best: Best | None = None
    model_file: str = ""
    problem: str = ""

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return max((point.epoch for point in self.points), default=0)

    @property
    def ended(self) -> bool:
        """True once it is known how the training ended."""
        return self.state not in (None, TrainState.RUNNING)

    def document(self) -> dict[str, Any]:
        """The record without model, start, state and server run, as :meth:`of_document` reads it."""
        return {
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "options": dict(self.options),
            "total_epochs": self.total_epochs,
            "points": [
                [p.epoch, p.loss, dict(p.metrics), p.seconds, list(p.not_numbers)] for p in self.points
            ],
            "best": asdict(self.best) if self.best else None,
            "model_file": self.model_file,
            "problem": self.problem,
        }

    @classmethod
    def of_document(
        cls,
        model: str,
        started_at: datetime,
        state: TrainState | None,
        run_id: str,
        document: Mapping[str, Any],
    ) -> TrainingRecord:
        """Load a stored record. Raises KeyError, TypeError or ValueError if it is malformed."""
        ended, best = document["ended_at"], document["best"]
        return cls(
            model, started_at, state, run_id,
            ended_at=datetime.fromisoformat(ended) if ended else None,
            options=dict(document["options"]), total_epochs=document["total_epochs"],
            points=tuple(_point(*point) for point in document["points"]),
            best=Best(**best) if best else None,
            model_file=document["model_file"], problem=document["problem"],
        )  # fmt: skip


def _point(
    epoch: int,
    loss: float | None,
    metrics: dict[str, float],
    seconds: float | None,
    not_numbers: Sequence[str] = (),
) -> EpochPoint:
    return EpochPoint(epoch, loss, metrics, seconds, tuple(not_numbers))


def record_of(run: TrainRun, status: TrainStatus, run_id: str) -> TrainingRecord | None:
    """Make the record of a training in a server's output. Returns None if the output does not date its start."""
    if status.started_at is None:
        return None
    return TrainingRecord(
        (run.model or "?")[:MAX_TEXT], status.started_at, status.state, run_id,
        ended_at=status.ended_at,
        options={key: value for key, value in run.request.items() if key != "model"},
        total_epochs=run.total_epochs, points=run.points[-MAX_POINTS:], best=run.best,
        model_file=run.published[-1][:MAX_TEXT] if run.published else "",
        problem=status.problem.message[:MAX_TEXT] if status.problem is not None else "",
    )  # fmt: skip
