"""Explain lines of the server's output that report no problem: the meaning and the next step. Nothing here raises."""

from __future__ import annotations

from enum import StrEnum

from labeltui.domain.log import events
from labeltui.domain.log import lines as log
from labeltui.domain.log.meaning import Meaning, is_trouble, meaning
from labeltui.domain.log.startup import StartupReader, cause_in
from labeltui.domain.text import one_line

NOTHING = "Nothing to do."
_STARTED = {
    "train": "A training was started; its first epoch begins some seconds later.",
    "infer": "An inference was started.",
    "scoring": "The server computes scores of the studies, which strategies use to choose a study.",
    "batch_infer": "A batch inference was started.",
}
_PHASES = {
    "ready": ("The server is up and answers.", "Connect 3D Slicer, or fetch a study."),
    "failed": ("The server could not start.", "The lines above say why. The server ends now."),
    "downloading a model": ("The server downloads a model.", "Wait: the start continues after the download."),
    "listening": ("The app is loaded; the server will accept connections soon.", "Wait a moment."),
}


class News(StrEnum):
    """Kinds of lines that have an explanation without being a problem."""

    CAUSE = "cause"
    PHASE = "phase"
    TASK = "task"
    ITERATION = "iteration"
    METRICS = "metrics"
    BEST = "best"
    EPOCH = "epoch"
    RESUMED = "resumed"
    RECORDS = "records"
    PUBLISHED = "published"
    LABEL = "label"
    SAMPLE = "sample"
    BATCH = "batch"
    ENDED = "ended"
    STOPPED = "stopped"


def explain(record: log.LogRecord) -> Meaning | None:
    """The explanation of a line: a problem, the cause of a failed start, or news; None for most lines."""
    return meaning(record) or _cause(record) or news(record)


def _cause(record: log.LogRecord) -> Meaning | None:
    cause = cause_in(record.message) if is_trouble(record) else None
    return None if cause is None else Meaning(News.CAUSE, cause.message, cause.hint)


def news(record: log.LogRecord) -> Meaning | None:
    """Return the explanation of a line that reports no problem; None for most lines."""
    event = log.event(record)
    match event:
        case None:
            return _phase(record)
        case events.LabelReceived():
            counts = event.tag == "final"
            return Meaning(
                News.LABEL,
                f"A label of {one_line(event.image)} was submitted, tagged {one_line(event.tag)}.",
                "The next training uses the label, unless a line below says that the server could not store it."
                if counts
                else "A training uses the label only once it is submitted as final.",
            )
        case events.SampleServed():
            if event.image is None:
                return Meaning(
                    News.SAMPLE,
                    "The strategy found no study to hand out.",
                    "The alerts (a) and `labeltui studies list` say why.",
                )
            return Meaning(
                News.SAMPLE,
                f"A strategy handed out {one_line(event.image)}.",
                "An annotator has the study open now.",
            )
        case events.BatchProgress():
            return Meaning(
                News.BATCH, f"{one_line(event.image)} is segmented, {event.done} of {event.total}.", NOTHING
            )
    return _of_task(event) or _of_training(event)


def _phase(record: log.LogRecord) -> Meaning | None:
    phase = StartupReader().take(record.message)
    if phase is None:
        return None
    means, todo = _PHASES.get(
        phase, (f"The server is starting: {one_line(phase)}.", "Wait until it is ready.")
    )
    return Meaning(News.PHASE, means, todo)


def _of_task(event: events.Event) -> Meaning | None:
    match event:
        case events.TaskCommand():
            return Meaning(News.TASK, _STARTED.get(event.kind, "A task was started."), NOTHING)
        case events.TaskResult():
            return Meaning(News.ENDED, "A task returned its result.", NOTHING)
        case events.ReturnCode(code=0) | events.WorkersEnded(code=0):
            return Meaning(News.ENDED, "A task finished successfully.", NOTHING)
        case events.ReturnCode() | events.WorkersEnded():
            return Meaning(
                News.ENDED,
                f"A task failed (exit code {event.code}).",
                "The lines above this one say why.",
            )
        case events.Killed():
            return Meaning(
                News.STOPPED, "A user stopped a task.", "The next task in the queue starts at once."
            )
    return None


def _of_training(event: events.Event) -> Meaning | None:
    match event:
        case events.Iteration():
            return Meaning(
                News.ITERATION, f"Epoch {event.epoch} of {event.epochs} is being trained.", NOTHING
            )
        case events.Metrics():
            return Meaning(
                News.METRICS,
                f"The metrics of epoch {event.epoch} are computed.",
                "The training pane shows them.",
            )
        case events.KeyMetric():
            return Meaning(
                News.BEST,
                f"Epoch {event.epoch} is the best so far: {one_line(event.metric)} {event.value:.4g}.",
                NOTHING,
            )
        case events.EpochComplete():
            return Meaning(
                News.EPOCH, f"The {_engine(event.role)} of epoch {event.epoch} is complete.", NOTHING
            )
        case events.Resumed():
            return Meaning(
                News.RESUMED,
                f"The {_engine(event.role)} runs from epoch {event.epoch} to {event.epochs}.",
                NOTHING,
            )
        case events.Records():
            todo = NOTHING if event.count else "Submit a label first: there is nothing to train on."
            return Meaning(News.RECORDS, f"There are {event.count} studies for {_engine(event.role)}.", todo)
        case events.Published():
            return Meaning(
                News.PUBLISHED,
                f"A trained model is in use: {one_line(event.target)}.",
                "Inferences use this model from now on.",
            )
    return None


def _engine(role: events.Role) -> str:
    return "training" if role is events.Role.TRAIN else "validation"
