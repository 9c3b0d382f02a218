"""``train start``, ``train status``, ``train stop`` and ``train history``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labeltui.actions.params import NoParams
from labeltui.actions.training import TRAIN_START, TrainStartParams, TrainStatusParams
from labeltui.domain.documents import documents
from labeltui.domain.documents.trainings import training_line
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.rules.ended_work import own_orphans
from labeltui.domain.server.server import ServerInfo
from labeltui.domain.state import SessionState
from labeltui.domain.states import TRAIN, TrainState
from labeltui.monailabel.train_request import train_request
from labeltui.operations.beside import submitted
from labeltui.operations.orphans import end_orphans
from labeltui.operations.refresh import refresh_trainings
from labeltui.operations.training.following import ACTIVE, LISTED_S, ended_document, follow
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

LABELS_S = 20.0
SHOWN = 5  # damaged labels that are named
REACH_S = 15.0


async def train_start(session: Session, params: TrainStartParams, report: Report) -> Document:
    """Fine-tune a model on the submitted labels.

    The server accepts trainings that can't work and lets them fail seconds later, so known causes are checked
    here first. Raises Failed ``unknown_model``, ``no_labels``, ``labels_damaged`` or ``labels_not_boxes``, and
    Refused ``already_training``.
    """
    state = await session.readiness.need_server()
    await session.readiness.first_readings(Fields.training)
    info = state.info.value
    model = _model(session, info, params.model)
    _has_labels(info)
    if not params.damaged_labels:
        await _has_no_damaged_labels(session)
    await _has_boxes(session, model)
    config = info.trainers[model].config if info is not None and model in info.trainers else {}
    request = train_request(config, max_epochs=params.max_epochs, overrides=params.param)
    report.progress(f"Starting to train {model}")
    client = session.api.client()
    begun = client.train(model, request, enqueue=params.enqueue)
    task = await submitted(begun, client.train_running, "training", "labeltui train")
    session.pollers.submitted(task)
    await session.consoles.release(TRAIN_START.title)  # the server lists the training from now on
    if params.follow:
        return await follow(session, task.id, report, task)
    reading = (await _until_listed(session, task.id)).training
    return documents.training_document(reading, session.clock())


async def train_status(session: Session, params: TrainStatusParams, report: Report) -> Document:
    """Report state, epoch, best metric and time left; with ``follow``, each epoch until the end."""
    await session.readiness.settled()
    state = await session.readiness.first_readings(Fields.training)
    training = state.training.value
    if params.follow and training is not None and training.state in ACTIVE and training.task_id:
        return await follow(session, training.task_id, report)
    if params.follow and training is not None and training.state not in (*ACTIVE, TrainState.IDLE):
        return ended_document(session, training)
    return documents.training_document(state.training, session.clock())


async def need_training(session: Session) -> str:
    """Return an empty text. Raise Failed ``nothing_trains`` if there is no training to stop."""
    state = await session.readiness.settled()
    orphans = own_orphans(state, TRAIN)
    if not orphans and _state_of(await session.readiness.first_readings(Fields.training)) not in ACTIVE:
        raise Failed(
            Code.NOTHING_TRAINS, "No training is running.", "`labeltui train start` starts a training."
        )
    return ""


async def train_stop(session: Session, _params: NoParams, report: Report) -> Document:
    """Stop the running training. If the server is gone but the training still runs on the host, end its process there.

    Raises Failed ``nothing_trains``.
    """
    state = await session.readiness.settled()
    orphans = own_orphans(state, TRAIN)
    if orphans:
        await end_orphans(session, orphans, report)
        session.pollers.training.wake()
        await session.store.wait_for(lambda now: _state_of(now) is not TrainState.ORPHANED, LISTED_S)
    else:
        await need_training(session)
        await _stop_running(session, report)
    session.pollers.training.wake()
    return documents.training_document(session.store.state.training, session.clock())


async def train_history(session: Session, _params: NoParams, report: Report) -> Document:
    """List the stored trainings and those in the host's logs, oldest first.

    Without a connection, lists only the stored ones and reports that.
    """
    reached = True
    try:
        await session.reach(REACH_S)
        await session.readiness.settled()
        await refresh_trainings(session)
    except LabeltuiError as error:
        reached = False
        report.progress(f"The newest trainings may be missing: {error.problem.message}")
    records = await session.trainings.load()
    return {
        "as_of": documents.moment(session.clock()),
        "reached": reached,
        "trainings": [training_line(record) for record in records],
    }


async def _stop_running(session: Session, report: Report) -> None:
    client = session.api.client()
    before = await client.train_running()
    await client.stop_training()
    session.pollers.training.wake()

    def has_ended(state: SessionState) -> bool:
        now = state.training.value
        if now is None or before is None:
            return True
        return now.task_id != before.id or now.state not in ACTIVE

    state = await session.store.wait_for(has_ended, LISTED_S)
    now = state.training.value
    if now is not None and now.state in ACTIVE and before is not None and now.task_id != before.id:
        report.progress(f"Stopped. The next training in the queue starts now: {now.model}")


def _model(session: Session, info: ServerInfo | None, wanted: str | None) -> str:
    """Return the model to train. By default this is the profile's first model that the running server can train."""
    trainers = tuple(info.trainers) if info is not None else ()
    chosen = session.profile.server.models if info is None else trainers
    model = wanted or next((name for name in session.profile.server.models if name in chosen), None)
    if model is None and trainers:
        model = trainers[0]
    if model is None or (trainers and model not in trainers) or (info is not None and not trainers):
        known = ", ".join(trainers) or "none"
        what = "any model" if model is None else repr(model)
        raise Failed(Code.UNKNOWN_MODEL, f"The server can't train {what}.", f"It can train: {known}.")
    return model


def _has_labels(info: ServerInfo | None) -> None:
    if info is not None and info.completed == 0:
        raise Failed(
            Code.NO_LABELS, "There is nothing to train on: no study has a final label.",
            "Submit at least one label first, better two: validation needs a label of its own.",
        )  # fmt: skip


async def _has_no_damaged_labels(session: Session) -> None:
    """Refuse to train on final labels that are known to be empty or cut off.

    Does nothing if the labels were not read yet.
    """
    try:
        async with asyncio.timeout(LABELS_S):
            copies = await session.labels.refresh(copy=False)
    except (LabeltuiError, TimeoutError):
        return
    session.labels.wake()  # this listing counts as the copier's, which would then not copy the missing labels
    studies = copies.damaged_finals
    if studies:
        more = f" and {len(studies) - SHOWN} more" if len(studies) > SHOWN else ""
        what = "1 final label is" if len(studies) == 1 else f"{len(studies)} final labels are"
        raise Failed(
            Code.LABELS_DAMAGED,
            f"{what} empty or cut off: {', '.join(studies[:SHOWN])}{more}.",
            "Submit the label again in Slicer, or delete it on the host. To train anyway, add --damaged-labels.",
        )


async def _has_boxes(session: Session, model: str) -> None:
    """Refuse a detection bundle whose labels are not all boxes. MONAI Label knows such a bundle by its name."""
    if "detection" not in model:
        return
    labels = await session.api.client().training_labels()
    fit = sum(label.endswith(".json") for label in labels)
    if fit < len(labels):
        raise Failed(
            Code.LABELS_NOT_BOXES,
            f"{model} trains on boxes, as Slicer's markups JSON: {fit} of {len(labels)} final labels are.",
            "Draw boxes (ROI markups) in Slicer and submit them as labels; a segmentation ends its training.",
        )


def _state_of(state: SessionState) -> TrainState | None:
    return None if state.training.value is None else state.training.value.state


async def _until_listed(session: Session, task_id: str) -> SessionState:
    """Wait for the first snapshot that lists the new task, or has one more task in the queue."""

    def knows(state: SessionState) -> bool:
        training = state.training.value
        return training is not None and (training.task_id == task_id or training.queued > 0)

    return await session.store.wait_for(knows, LISTED_S)
