"""Pane 5: the training's state, progress, curve and problems."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from textual.content import Content

from labeltui.domain.problems import Problem
from labeltui.domain.state import SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.training import LOSS, Best, EpochPoint, TrainStatus
from labeltui.ui.panes.card import Card
from labeltui.ui.panes.empty import without_server
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.models import NOISE, weights_text
from labeltui.ui.presentation.rows import state_text, wrapped
from labeltui.ui.presentation.text import fit, safe
from labeltui.ui.presentation.trainings import earlier_trainings, training_row
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.bar import bar
from labeltui.ui.widgets.curve import chart, spark

ACTIVE = (TrainState.RUNNING, TrainState.QUEUED)
NO_LABELS_YET = "Training needs submitted labels; no study has a final label yet."


def progress_share(training: TrainStatus) -> float | None:
    """Return the run's progress in percent, including the current epoch's finished part; None if unknown."""
    if not training.total_epochs or training.epoch is None:
        return None
    if training.state is not TrainState.RUNNING:
        return 100.0 * training.epoch / training.total_epochs
    within = (training.iteration or 0) / training.iterations if training.iterations else 0.0
    return min(100.0, 100.0 * (training.epoch - 1 + min(1.0, within)) / training.total_epochs)


def measured_on(metric: str) -> str:
    """Return which studies a metric was measured on. A good value on training studies proves little."""
    if metric.startswith("val"):
        return "validation"
    return "training studies, not validation" if metric.startswith("train") else "unknown studies"


def dice_of(points: tuple[EpochPoint, ...]) -> tuple[str, list[tuple[float, float]]]:
    """Return the name and the points of the Dice curve. Prefers validation Dice over training Dice."""
    validation = _series(points, lambda p: p.validation_dice, "val")
    if validation:
        return "validation Dice", validation
    return "training Dice, no validation", _series(points, lambda p: p.training_dice, "train")


def _series(
    points: tuple[EpochPoint, ...], value_of: Callable[[EpochPoint], float | None], name: str
) -> list[tuple[float, float]]:
    """Return the epochs that have a value, with the value.

    It is NaN in an epoch in which a metric whose name begins like this one is not a number.
    """
    series = []
    for point in points:
        value = value_of(point)
        if value is None and any(bad.startswith(name) for bad in point.not_numbers):
            value = math.nan
        if value is not None:
            series.append((float(point.epoch), value))
    return series


def newest_of(training: TrainStatus, value: float, name: str) -> str:
    """Return the newest value as text, or the epoch since which it is not a number."""
    since = [epoch for bad, epoch in training.not_numbers.items() if bad.startswith(name)]
    return f"NaN since epoch {min(since)}" if since else words.metric(value)


def _label(metric: str) -> str:
    return safe(metric).removesuffix("_dice")


def _tone(shown: str, stale: bool, usual: str) -> str:
    return Tone.FAINT if stale else Tone.BAD if shown.startswith("NaN") else usual


class TrainingCard(Card):
    """Shows the training's state, progress, curves, best value and last output."""

    def titles(self, state: SessionState, now: datetime) -> tuple[str, str]:
        """Return the model for the upper border, and the remaining time and queue for the lower border."""
        training = state.training.value
        if training is None:
            return "", ""
        left = f"eta {words.remaining(training.eta_s)}" if training.eta_s is not None else ""
        queued = f"{training.queued} queued" if training.queued else ""
        return safe(training.model or ""), " · ".join(part for part in (left, queued) if part)

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """Return rows for the state, then curves if they fit, then the last output lines."""
        training = state.training.value
        if training is None or training.state is TrainState.IDLE:
            lines = self._idle(state, now, width)
            return lines + self._earlier(state, now, width, height - len(lines))
        old = stale_age(state.training, now)
        lines = [self._state(training, now, old, width)]
        share = progress_share(training)
        if share is not None and training.state in (*ACTIVE, TrainState.STOPPED, TrainState.ERROR):
            lines.append(self._progress(training, share, width, bool(old)))
        if training.problem is not None:
            lines += self._problem(training.problem, width)
        if training.best is not None:
            lines.append(self._best(training.best, width, bool(old)))
        if training.state not in ACTIVE and training.model:
            lines += self._weights(state, (training.model,), width)
        lines += self._curves(training, width, height - len(lines), bool(old))
        lines += self._last(training, width, height - len(lines))
        return lines + self._earlier(state, now, width, height - len(lines))

    def _idle(self, state: SessionState, now: datetime, width: int) -> list[Content]:
        sentences = without_server(state, self.key_for)
        if not sentences and state.training.value is None:
            why = f": {safe(state.training.error)}" if state.training.error else ""
            sentences = [f"The server has not said yet whether a training runs{why}"]
        elif not sentences:
            queue = state.queue.value
            sentences = ["No training has run since this server started."]
            if queue is not None and queue.completed == 0:
                sentences.append(NO_LABELS_YET)
            else:
                start, options = self.key_for("train.start"), self.key_for("train.options")
                sentences.append(
                    f"{start} trains on the submitted labels; {options} lets you choose model and epochs first."
                )
        lines = [state_text(words.TRAINING[TrainState.IDLE])] if state.training.value is not None else []
        trainers = state.info.value.trainers if state.info.value is not None else {}
        lines += self._weights(state, tuple(trainers), width)
        for index, text in enumerate(sentences):
            lines += wrapped(text, width, Tone.PLAIN if index == 0 else Tone.FAINT)
        return lines

    def _weights(self, state: SessionState, models: tuple[str, ...], width: int) -> list[Content]:
        """Return a row for each model, with the kind of its weights and whether they are on this machine."""
        texts = [(name, text) for name in models if (text := weights_text(state, name))]
        return [
            line
            for name, text in texts
            for line in wrapped(safe(f"{name}: {text}"), width, Tone.WARN if text == NOISE else Tone.PLAIN)
        ]

    def _earlier(self, state: SessionState, now: datetime, width: int, room: int) -> list[Content]:
        """Return the newest earlier trainings that fit, below a heading."""
        records = earlier_trainings(state)
        if not records or room < 2:
            return []
        head = f"earlier trainings ({self.key_for('trainings')} shows all {len(records)})"
        rows = [training_row(record, now, width) for record in records[: room - 1]]
        return [Content.styled(fit(head, width).rstrip(), Tone.FAINT), *rows]

    def _state(self, training: TrainStatus, now: datetime, old: str, width: int) -> Content:
        parts: list[tuple[str, str] | Content] = [state_text(words.TRAINING[training.state], old)]
        if training.epoch is not None:
            parts.append(
                (
                    f"  epoch {training.epoch}/{training.total_epochs or '?'}",
                    Tone.FAINT if old else Tone.PLAIN,
                )
            )
        if training.iteration is not None and training.state is TrainState.RUNNING and width > 40:
            parts.append((f"  it {training.iteration}/{training.iterations or '?'}", Tone.FAINT))
        if training.state is TrainState.ORPHANED and training.pid is not None:
            parts.append((f"  pid {training.pid} · {self.key_for('train.stop')} stops it", Tone.WARN))
        elif training.ended_at is not None and training.state not in ACTIVE:
            parts.append((f"  {words.age(training.ended_at, now)} ago", Tone.FAINT))
            if training.ended_with:
                parts.append((f", ended with the {training.ended_with}", Tone.FAINT))
        elif training.started_at is not None:
            parts.append((f"  for {words.age(training.started_at, now)}", Tone.FAINT))
        return Content.assemble(*parts)

    def _progress(self, training: TrainStatus, share: float, width: int, stale: bool) -> Content:
        tone = Tone.FAINT if stale or training.state not in ACTIVE else Tone.BUSY
        return Content.assemble(bar(share, max(4, width - 5), tone), (f" {share:3.0f}%", tone))

    def _problem(self, problem: Problem, width: int) -> list[Content]:
        lines = wrapped(safe(problem.message), width, Tone.BAD)
        if problem.hint:
            lines += wrapped(safe(problem.hint), width, Tone.PLAIN, 2)
        if problem.detail:
            lines.append(Content.styled(f"{self.key_for('server.problem')} shows the traceback", Tone.FAINT))
        return lines

    def _best(self, best: Best, width: int, stale: bool) -> Content:
        at = "" if best.epoch is None else f" @ epoch {best.epoch}"
        plain = Tone.FAINT if stale else Tone.PLAIN
        line = Content.assemble(
            ("best ", Tone.FAINT),
            (words.metric(best.value), Tone.FAINT if stale else Tone.GOOD),
            (at, plain),
            (f" · {measured_on(best.metric)}", plain),
        )
        name = f" ({safe(best.metric)})"
        return line + Content.styled(name, Tone.FAINT) if line.cell_length + len(name) <= width else line

    def _curves(self, training: TrainStatus, width: int, room: int, stale: bool) -> list[Content]:
        """Draw Dice in braille and the loss in blocks below; draw both in braille if they fit."""
        name, dice = dice_of(training.points)
        losses = _series(training.points, lambda p: p.loss, LOSS)
        lines: list[Content] = []
        reserved = (2 if losses else 0) + (2 if training.lines else 0)
        high = min(16, room - reserved - 1)
        tall_loss = high >= 9 and len(losses) > 1
        if len(dice) > 1 and high >= 3:
            high = high // 2 + 1 if tall_loss else high
            lines.append(self._legend(name, newest_of(training, dice[-1][1], name[:3]), stale))
            lines += chart(dice, width, high, Tone.FAINT if stale else Tone.GOOD, unit=True)
        elif dice:
            legend = self._legend(name, newest_of(training, dice[-1][1], name[:3]), stale)
            blocks = spark([y for _, y in dice], max(0, width - legend.cell_length - 1))
            lines.append(legend + Content.styled(f" {blocks}", Tone.FAINT if stale else Tone.GOOD))
        if losses:
            newest = losses[-1][1] if training.loss is None else training.loss
            shown = newest_of(training, newest, LOSS)
            head = f"loss {shown} "
            blocks = "" if tall_loss else spark([y for _, y in losses], max(0, width - len(head)))
            tone = Tone.FAINT if stale else Tone.BUSY
            lines.append(
                Content.assemble(
                    ("loss ", Tone.FAINT),
                    (f"{shown} ", _tone(shown, stale, Tone.PLAIN)),
                    (blocks, tone),
                )
            )
            if tall_loss:
                lines += chart(losses, width, max(3, high - 2), tone, unit=False)
        elif training.loss is not None or training.loss_is_nan:
            shown = newest_of(training, training.loss or 0.0, LOSS)
            lines.append(Content.assemble(("loss ", Tone.FAINT), (shown, _tone(shown, stale, Tone.PLAIN))))
        return lines + self._per_label(training, width, room - len(lines) - 1)

    def _legend(self, name: str, newest: str, stale: bool) -> Content:
        return Content.assemble((f"{name} ", Tone.FAINT), (newest, _tone(newest, stale, Tone.GOOD)))

    def _per_label(self, training: TrainStatus, width: int, room: int) -> list[Content]:
        """Return the newest epoch's metric per label, best first, in at most three rows."""
        if room < 2 or not training.points:
            return []
        mean = {"val_mean_dice", "train_mean_dice", "train_dice", "val_dice"}
        per_label = ((k, v) for k, v in training.points[-1].metrics.items() if k not in mean)
        newest = sorted(per_label, key=lambda label: -label[1])
        learned = [(name, f"{value:.2f}") for name, value in newest if value > 0]
        zero = [name for name, value in newest if value <= 0]
        shown = learned + [
            (name, "NaN") for name in training.points[-1].not_numbers if name not in {*mean, LOSS}
        ]
        if not shown and not zero:
            return []
        metrics = "  ".join(f"{_label(name)} {value}" for name, value in shown)
        if zero:  # a label that no study has scores 0 too
            metrics += f"  0.00, perhaps in no study: {', '.join(map(_label, zero))}"
        metrics = metrics.strip()
        head, *more = wrapped(metrics, width - 7, Tone.PLAIN, min(3, room - 1))
        return [Content.styled("labels ", Tone.FAINT) + head, *(Content("       ") + line for line in more)]

    def _last(self, training: TrainStatus, width: int, room: int) -> list[Content]:
        """Return the newest output lines that fit, at most five."""
        if room < 1 or not training.lines:
            return []
        return [
            Content.styled(fit(safe(line), width).rstrip(), Tone.FAINT)
            for line in training.lines[-min(room, 5) :]
        ]
