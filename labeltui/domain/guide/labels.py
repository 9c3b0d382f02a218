"""The steps that make a model: annotators, labels, trainings, copies, and the end of the day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from labeltui.domain.amounts import rate_text
from labeltui.domain.guide.step import Mark, Step, fresh, is_connected, is_serving, lasting
from labeltui.domain.models import Weights
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState
from labeltui.domain.studies.study import FINAL_TAG, Study
from labeltui.domain.training.record import TrainingRecord

SPLIT = ("val_split", "val_ds")
"""The options of a training that choose the studies of its validation."""
NOT_MEASURED = "not measured yet"


def annotator(state: SessionState) -> Step:
    """An annotator who has fetched or submitted something since the server started."""
    title, why = "Slicer", "Annotators label in 3D Slicer, which fetches the studies from the server."
    queue, found = fresh(state.queue), fresh(state.server)
    if not is_serving(state) or found is None:
        return Step(title, why, Mark.UNKNOWN, "needs the running server")
    since = found.started_at
    clients = _active(queue.studies if queue is not None else (), state.identity.client_id, since)
    if clients:
        return Step(title, why, Mark.DONE, f"{', '.join(sorted(clients))} connected")
    text = "nobody has fetched a study since the server started"
    if state.identity.demo:
        return Step(title, why, Mark.BUSY, f"{text}; the demo plays the annotators")
    todo = "Start Slicer here, connected to the server, and fetch a study there."
    return Step(title, why, Mark.TODO, text, todo, "slicer.open")


def _active(studies: Iterable[Study], own: str, since: datetime | None) -> set[str]:
    """The clients, apart from ``own``, that fetched a study or submitted a label at ``since`` or later."""
    begin = None if since is None else since.replace(microsecond=0)  # a label's time is in whole seconds
    found: set[str] = set()
    for study in studies:
        if not study.fetches and not study.authors:
            continue
        seen = [(fetch.client, fetch.at) for fetch in study.fetches]
        seen += [(client, study.tags.get(tag)) for tag, client in study.authors.items()]
        found.update(client for client, at in seen if begin is None or (at is not None and at >= begin))
    return found - {own}


def first_label(state: SessionState) -> Step:
    """The final labels on the server."""
    title, why = "first label", "A training needs submitted labels; one is enough to see that all works."
    queue = fresh(state.queue)
    if not is_serving(state) or queue is None or queue.completed is None:
        return Step(title, why, Mark.UNKNOWN, "counted while the server runs")
    if queue.completed:
        return Step(title, why, Mark.DONE, f"{queue.completed} submitted")
    todo = "See who has which study; the label is submitted in Slicer."
    return Step(title, why, Mark.TODO, "none was submitted", todo, "pane.queue")


def copies(state: SessionState) -> Step:
    """The labels' copies on this machine."""
    title, why = "labels here", "A copy on this machine survives the host."
    found = lasting(state.labels, state)
    if found is None:
        return Step(title, why, Mark.UNKNOWN, state.labels.error or "the labels were not read yet")
    if not found.people:
        return Step(title, why, Mark.UNKNOWN, "there is no label to copy yet")
    if found.safe:
        return Step(title, why, Mark.DONE, f"{found.people_here} of {found.people} on this machine")
    text = found.unlisted or found.reason or f"{found.people_here} of {found.people} on this machine"
    if not found.copies or found.unlisted or found.reason:
        return Step(title, why, Mark.WRONG, text, found.hint or "Copy the labels here.", "labels.pull")
    return Step(title, why, Mark.BUSY, text)


def training(state: SessionState) -> Step:
    """The newest training."""
    title, why = "training", "The model learns from the submitted labels."
    now = fresh(state.training)
    last = state.trainings[-1].state if state.trainings else None
    current = now.state if now is not None and now.state is not TrainState.IDLE else last
    if current in (TrainState.RUNNING, TrainState.QUEUED):
        epoch = f"epoch {now.epoch} of {now.total_epochs}" if now is not None and now.epoch else "it begins"
        return Step(title, why, Mark.BUSY, epoch)
    if current is TrainState.DONE:
        return Step(title, why, Mark.DONE, "the newest one is done")
    if current in (TrainState.ERROR, TrainState.ORPHANED):
        problem = now.problem.message if now is not None and now.problem is not None else f"it is {current}"
        return Step(title, why, Mark.WRONG, problem, "See what may solve it.", "offers")
    text = "none was run" if current is None else f"the newest one is {current}"
    if not is_serving(state) or first_label(state).mark is not Mark.DONE:
        return Step(title, why, Mark.UNKNOWN, f"{text}; needs the server and a label")
    return Step(title, why, Mark.TODO, text, "Start a training.", "train.start")


def better(state: SessionState) -> Step:
    """Whether the newest training's score is better than the one before, on the same studies."""
    title, why = "better model", "Two trainings are compared by their scores on the same validation studies."
    scored = [one for one in state.trainings if one.state is TrainState.DONE and _is_validated(one)]
    newest = scored[-1] if scored else None
    before = next((one for one in reversed(scored[:-1]) if newest and one.model == newest.model), None)
    if newest is None or before is None or newest.best is None or before.best is None:
        text = f"{NOT_MEASURED}: it takes two trainings with validation scores"
        if training(state).mark is not Mark.DONE or not is_serving(state):
            return Step(title, why, Mark.UNKNOWN, text)
        if not _is_all_labelled(state):
            text = f"{NOT_MEASURED}: it takes two trainings between which no label comes in"
            return Step(title, why, Mark.UNKNOWN, text)
        todo = "Train again, with validation above 0 %."
        return Step(title, why, Mark.TODO, text, todo, "train.options")
    differs = _why_not_comparable(state, before, newest)
    if differs:
        return Step(title, why, Mark.UNKNOWN, f"{NOT_MEASURED}: {differs}")
    change = f"{newest.best.metric} {before.best.value:.3f}, then {newest.best.value:.3f}"
    if newest.best.value > before.best.value:
        return Step(title, why, Mark.DONE, change)
    todo = "Train longer, or label more studies and train twice on them."
    mark = Mark.TODO if _is_all_labelled(state) else Mark.UNKNOWN
    return Step(title, why, mark, change, todo, "train.options")


def _is_all_labelled(state: SessionState) -> bool:
    """Whether each study has a final label, so that none is expected to come in."""
    queue = fresh(state.queue)
    return queue is not None and queue.total is not None and queue.completed == queue.total


def _is_validated(record: TrainingRecord) -> bool:
    return (
        record.best is not None
        and record.best.metric.startswith("val")
        and any(point.validation_dice is not None for point in record.points)
    )


def _why_not_comparable(state: SessionState, before: TrainingRecord, newest: TrainingRecord) -> str:
    """Why two trainings may have other validation studies; empty if they had the same.

    MONAI Label cuts the list of labelled studies without shuffling it, so the same labels give the same cut.
    """
    metrics = {one.best.metric for one in (before, newest) if one.best is not None}
    if len(metrics) > 1:
        return "the trainings have different metrics"
    if any(before.options.get(name) != newest.options.get(name) for name in SPLIT):
        return "the trainings were validated with different splits"
    queue = fresh(state.queue)
    if queue is None or not queue.listed:
        return "the studies are not listed now"
    earliest = before.started_at - timedelta(seconds=1)  # a label's time is in whole seconds
    for study in queue.studies:
        if FINAL_TAG in study.tags:
            at = study.tags[FINAL_TAG]
            if at is None or earliest <= at <= newest.started_at:
                return "labels came in between the two trainings, so their validation studies differ"
    return ""


def model_here(state: SessionState) -> Step:
    """The trained models' copies on this machine."""
    title, why = "model here", "A trained model is on the host only, until it is copied to this machine."
    found = lasting(state.models, state)
    if found is None or not (is_connected(state) or state.day_ended):
        return Step(title, why, Mark.UNKNOWN, state.models.error or "the models were not read yet")
    trained = [one for one in found.on_host if one.weights in (Weights.TRAINED, Weights.BUNDLE)]
    if not trained:
        return Step(title, why, Mark.UNKNOWN, "no model was trained yet")
    missing = [one.name for one in trained if not found.is_here(one)]
    if not missing:
        return Step(title, why, Mark.DONE, f"{', '.join(one.name for one in trained)} on this machine")
    text = f"{', '.join(missing)} not on this machine"
    if found.reason:
        return Step(title, why, Mark.WRONG, found.reason, "Copy it here.", "models.pull")
    if found.copying or training(state).mark is Mark.BUSY:
        return Step(title, why, Mark.BUSY, text)
    return Step(title, why, Mark.TODO, text, "Copy it here.", "models.pull")


def pod_stopped(state: SessionState) -> Step | None:
    """The stopped pod; None for a profile without RunPod."""
    if not state.identity.rents:
        return None
    title, why = "pod stopped", "A pod costs money for every second that it runs."
    pod = fresh(state.pod)
    if pod is None:
        return Step(title, why, Mark.UNKNOWN, "there is no pod, or RunPod did not answer")
    if not pod.status.is_up:
        return Step(title, why, Mark.DONE, f"{pod.name} is {pod.status}")
    rate = "an unknown price" if pod.cost_per_hour is None else rate_text(pod.cost_per_hour)
    text = f"{pod.name} runs at {rate}"
    mark = Mark.TODO if _all_done(state) else Mark.UNKNOWN
    return Step(
        title, why, mark, text, "End the day: all is checked, then the pod is stopped.", "evening.show"
    )


def day_ended(state: SessionState) -> Step | None:
    """The stopped server of a host that is not rented, with every label here; None for a pod."""
    if state.identity.rents:
        return None
    title, why = "end of the day", "A running server accepts labels, and uses the GPU."
    found = fresh(state.server)
    if not is_connected(state) or found is None:
        return Step(title, why, Mark.UNKNOWN, "read once the host is connected")
    text = f"the server is {found.state}"
    if found.state in (ServerState.STOPPED, ServerState.CRASHED):
        if copies(state).mark is Mark.DONE:
            return Step(title, why, Mark.DONE, f"{text}, and the labels are on this machine")
        return Step(title, why, Mark.UNKNOWN, text)
    mark = Mark.TODO if _all_done(state) else Mark.UNKNOWN
    return Step(
        title, why, mark, text, "End the day: all is checked, then the server is stopped.", "evening.show"
    )


def _all_done(state: SessionState) -> bool:
    return all(step(state).mark is Mark.DONE for step in (copies, training, model_here))


def report(state: SessionState) -> Step:
    """The report. It is the next step once the day was ended, and has a tick if it was written since."""
    title, why = (
        "report",
        "It has labels by annotator and hour, cost, and trainings.",
    )
    if state.day_ended and state.report_written:
        return Step(title, why, Mark.DONE, "written since the day was ended")
    mark, text = (Mark.TODO, "the day is ended") if state.day_ended else (Mark.UNKNOWN, "at any time")
    return Step(title, why, mark, text, "Write the report to a file.", "report.write")
