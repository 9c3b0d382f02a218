"""Follows a training to its end. Reports progress as text, epochs as records, and the final state as a document."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.guard.rules import span
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.states import TrainState
from labeltui.domain.training.tasks import Task
from labeltui.domain.training.training import TrainStatus

if TYPE_CHECKING:
    from labeltui.domain.state import SessionState
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

ACTIVE = (TrainState.QUEUED, TrainState.RUNNING)
LISTED_S = 20.0
OUTPUT_S = 5.0  # the end of the output comes within about a second of the server's answer
PROGRESS_S = 5.0  # between two lines of progress
WAITING_S = 20.0  # until a line that still holds is repeated


async def follow(session: Session, task_id: str, report: Report, submitted: Task | None = None) -> Document:
    """Report progress, emit each epoch as it ends, and return the final state as a document.

    Raises Failed with the document if the run fails or is stopped, or ``training_forgotten`` if the server does not
    list the task any more.
    """
    emitted: set[int] = set()
    progress = _Progress(report)
    pollers = session.pollers

    def over(_state: SessionState) -> bool:
        training = pollers.training_of(task_id, submitted)
        if training is None:
            return True
        _emit_epochs(session, training, emitted, report)
        if training.state not in ACTIVE:
            return True
        progress.show(training)
        return False

    with suppress(TimeoutError):
        await session.store.wait_for(
            lambda _: pollers.down or pollers.training_of(task_id, submitted) is not None, LISTED_S
        )
    await session.store.wait_for(over)
    await _read_to_end(session)
    over(session.store.state)
    training = pollers.training_of(task_id, submitted)
    if training is None:
        raise Failed(
            Code.TRAINING_FORGOTTEN, "The server no longer knows the training.",
            "The server was probably restarted, which ends its trainings. Train again.",
        )  # fmt: skip
    return ended_document(session, training)


def ended_document(session: Session, training: TrainStatus) -> Document:
    """Return the document of a training that is done. Raises Failed with the document if it ended otherwise."""
    reading = replace(session.store.state.training, value=training, error=None)
    document = documents.training_document(reading, session.clock())
    if document["error"] is None and document["state"] != TrainState.DONE.value:
        error = {"code": Code.STOPPED, "message": _how_it_ended(training), "hint": ""}
        document = {**document, "error": error}
    if document["error"] is not None:
        raise Failed.of_document(document)
    return document


def _how_it_ended(training: TrainStatus) -> str:
    return (
        f"The training ended {'with the ' + training.ended_with if training.ended_with else training.state}."
    )


async def _read_to_end(session: Session) -> None:
    """Wait until an ended training's output and the list of orphaned trainings are read. Its state depends on both."""

    def read(_state: SessionState) -> bool:
        run = session.watch.training.run
        return session.watch.read_whole if session.pollers.down else run is None or run.ended

    with suppress(TimeoutError):
        await session.store.wait_for(read, OUTPUT_S)
    if session.pollers.down:
        with suppress(LabeltuiError):
            session.watch.on_orphans(await (await session.link.ready()).orphans())


def _emit_epochs(session: Session, training: TrainStatus, emitted: set[int], report: Report) -> None:
    for point in training.points:
        if point.epoch not in emitted:
            emitted.add(point.epoch)
            report.emit(documents.epoch_record(training.model, point, training.total_epochs, session.clock()))


class _Progress:
    """Reports an active training, at most every ``PROGRESS_S`` seconds.

    While it waits, repeats the reason every ``WAITING_S`` seconds.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._text = ""
        self._since = self._reported = -math.inf

    def show(self, training: TrainStatus) -> None:
        """Report the training, unless a line was reported too recently. Call it again with each snapshot."""
        now = asyncio.get_running_loop().time()
        text = progress_text(training)
        if text != self._text and now - self._reported >= PROGRESS_S:
            self._text, self._since, self._reported = text, now, now
            self._report.progress(text)
        elif text == self._text and now - self._reported >= WAITING_S:
            self._reported = now
            self._report.progress(f"{text} (for {span(now - self._since)})")


def progress_text(training: TrainStatus) -> str:
    """Return one line with the progress of an active training, or with the reason why it waits."""
    model = training.model or "The training"
    if training.state is TrainState.QUEUED:
        return f"{model} waits in the server's queue for the training before it"
    if training.epoch is None or training.iteration is None:
        return f"{model} waits for its first iteration: the server loads libraries, weights and studies"
    epoch = f"{model}: epoch {training.epoch} of {training.total_epochs or '?'}"
    if not training.iteration:
        return f"{epoch} begins"
    if training.iteration == training.iterations:
        return f"{epoch}, all {training.iterations} iterations ran; it waits for the validation"
    parts = [epoch, f"iteration {training.iteration} of {training.iterations or '?'}"]
    parts += ["loss NaN"] if training.loss_is_nan else []
    parts += [f"loss {training.loss:.4g}"] if training.loss is not None else []
    parts += [f"about {span(training.eta_s)} left"] if training.eta_s is not None else []
    return ", ".join(parts)
