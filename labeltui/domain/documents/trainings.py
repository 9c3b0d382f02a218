"""The JSON documents of stored trainings."""

from __future__ import annotations

import math
from typing import Any

from labeltui.domain.documents.documents import moment
from labeltui.domain.training.record import TrainingRecord


def training_line(record: TrainingRecord) -> dict[str, Any]:
    """One training of ``train history``. ``state`` is null if no console or command read how the training ended."""
    best = record.best
    value = best.value if best is not None and math.isfinite(best.value) else None
    return {
        "started_at": moment(record.started_at),
        "ended_at": moment(record.ended_at),
        "model": record.model,
        "state": record.state.value if record.state is not None else None,
        "ended": record.ended,
        "epochs": record.epochs,
        "total_epochs": record.total_epochs,
        "metric": best.metric if best is not None else None,
        "best": value,
        "epoch": best.epoch if best is not None else None,
        "model_file": record.model_file or None,
        "error": record.problem or None,
        "options": {key: value for key, value in record.options.items() if _is_json(value)},
    }


def _is_json(value: object) -> bool:
    """Whether JSON can express the value. A request to a server may have contained NaN, for example."""
    return not isinstance(value, float) or math.isfinite(value)
