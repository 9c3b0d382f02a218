"""Shows stored trainings as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from textual.content import Content

from labeltui.domain.state import SessionState
from labeltui.ui.presentation import words
from labeltui.ui.presentation.text import fit, safe
from labeltui.ui.presentation.words import Tone

if TYPE_CHECKING:  # keeps first paint light: it needs no training's output
    from labeltui.domain.training.record import TrainingRecord

SLACK = timedelta(seconds=5)  # a task is dated in whole seconds, before its first line of output


def earlier_trainings(state: SessionState) -> tuple[TrainingRecord, ...]:
    """Return the stored trainings except the one that ``state.training`` shows, newest first."""
    records, shown = state.trainings[::-1], state.training.value
    if shown is None or shown.model is None:
        return records
    if shown.started_at is None:
        return records[1:]
    return tuple(record for record in records if record.started_at < shown.started_at - SLACK)


def training_row(record: TrainingRecord, now: datetime, width: int) -> Content:
    """Return glyph, model, epochs, best value and age of a training in one row."""
    word = words.UNKNOWN_END if record.state is None else words.TRAINING[record.state]
    best = f"best {words.metric(record.best.value)}" if record.best is not None else "no best value"
    text = f" {safe(record.model)}  {epochs(record)}  {best}  {words.age(record.started_at, now)} ago"
    return Content.assemble((word.glyph, word.tone), (fit(text, max(0, width - 1)).rstrip(), Tone.FAINT))


def epochs(record: TrainingRecord) -> str:
    """Return the finished and requested epochs, such as ``3/50 epochs``."""
    return f"{record.epochs}/{record.total_epochs or '?'} epochs"


def option_text(options: Mapping[str, Any]) -> str:
    """Return the options of a training on one line, safe to show."""
    return " ".join(f"{safe(str(key))}={safe(str(value))}" for key, value in options.items())
