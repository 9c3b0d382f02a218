"""What a line of the server's output tells that is no trouble: what it means, and what to do. Pure; none raises."""

from __future__ import annotations

from enum import StrEnum

from labeltui.domain.log import events
from labeltui.domain.log import lines as log
from labeltui.domain.log.meaning import Meaning, is_trouble, meaning, plain
from labeltui.domain.log.startup import StartupReader, cause_in

NOTHING = "Nothing to do."
_STARTED = {
    "train": "A training was started: its child needs some seconds to import before its first epoch.",
    "infer": "An inference was started in a process of its own.",
    "scoring": "The server scores the studies, so that a strategy can pick among them.",
    "batch_infer": "An inference over many studies was started.",
}
_PHASES = {
    "ready": ("The server is up and answers.", "Connect 3D Slicer, or fetch a study."),
    "failed": ("The server could not start.", "The lines above say why; it ends now."),
    "downloading a model": ("The server downloads a model.", "Wait: the start goes on once it is there."),
    "listening": ("The app is loaded; the server is about to listen.", "Wait a moment."),
}


class News(StrEnum):
    """Kinds of news that have words of their own."""

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
    """The trouble that a line tells of, what kept a server from starting, else its news; None for most lines."""
    return meaning(record) or _cause(record) or news(record)


def _cause(record: log.LogRecord) -> Meaning | None:
    cause = cause_in(record.message) if is_trouble(record) else None
    return None if cause is None else Meaning(News.CAUSE, cause.message, cause.hint)


def news(record: log.LogRecord) -> Meaning | None:
    """What a line tells that is no trouble; None for most."""
    told = log.event(record)
    match told:
        case None:
            return _phase(record)
        case events.LabelSaved():
            counts = told.tag == "final"
            return Meaning(
                News.LABEL,
                f"{plain(told.image)} has a label, tagged {plain(told.tag)}.",
                "The next training learns from it."
                if counts
                else "A training learns from it once it is submitted.",
            )
        case events.SampleServed():
            if told.image is None:
                return Meaning(
                    News.SAMPLE, "A strategy was asked for a study, and none was left.", "All are labelled."
                )
            return Meaning(
                News.SAMPLE, f"A strategy handed out {plain(told.image)}.", "Somebody labels it now."
            )
        case events.BatchProgress():
            return Meaning(
                News.BATCH, f"{plain(told.image)} is segmented, {told.done} of {told.total}.", NOTHING
            )
    return _of_task(told) or _of_training(told)


def _phase(record: log.LogRecord) -> Meaning | None:
    phase = StartupReader().take(record.message)
    if phase is None:
        return None
    means, todo = _PHASES.get(phase, (f"The server is starting: {plain(phase)}.", "Wait until it is ready."))
    return Meaning(News.PHASE, means, todo)


def _of_task(told: events.Event) -> Meaning | None:
    match told:
        case events.TaskCommand():
            return Meaning(News.TASK, _STARTED.get(told.kind, "A task was started."), NOTHING)
        case events.TaskResult():
            return Meaning(News.ENDED, "A task returned its result.", NOTHING)
        case events.ReturnCode(code=0):
            return Meaning(News.ENDED, "A task ended well.", NOTHING)
        case events.ReturnCode():
            return Meaning(
                News.ENDED,
                f"A task failed (exit code {told.code}).",
                "The last lines before this one say why.",
            )
        case events.Killed():
            return Meaning(
                News.STOPPED, "Somebody stopped a task.", "The next one in the queue starts at once."
            )
    return None


def _of_training(told: events.Event) -> Meaning | None:
    match told:
        case events.Iteration():
            return Meaning(News.ITERATION, f"Epoch {told.epoch} of {told.epochs} is being trained.", NOTHING)
        case events.Metrics():
            return Meaning(News.METRICS, f"Epoch {told.epoch} has its metrics.", "The curve shows them.")
        case events.KeyMetric():
            return Meaning(
                News.BEST,
                f"Epoch {told.epoch} is the best so far: {plain(told.metric)} {told.value:.4g}.",
                NOTHING,
            )
        case events.EpochComplete():
            engine = "training" if told.role is events.Role.TRAIN else "validation"
            return Meaning(News.EPOCH, f"The {engine} of epoch {told.epoch} is complete.", NOTHING)
        case events.Resumed():
            return Meaning(News.RESUMED, f"An engine runs from epoch {told.epoch} to {told.epochs}.", NOTHING)
        case events.Records():
            use = "training" if told.role is events.Role.TRAIN else "validation"
            todo = NOTHING if told.count else "Submit a label first: there is nothing to learn from."
            return Meaning(News.RECORDS, f"There are {told.count} studies for {use}.", todo)
        case events.Published():
            return Meaning(
                News.PUBLISHED,
                f"A trained model is in use: {plain(told.target)}.",
                "Inferences use it from now on.",
            )
    return None
