"""``infer`` and ``infer batch``: labels that a model makes. They run in a process of their own on the host."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from labeltui.actions.models import INFER, INFER_BATCH, InferBatchParams, InferParams
from labeltui.actions.params import NoParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.models import Weights
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.server.server import ModelInfo, ServerInfo
from labeltui.domain.states import BATCH_INFER
from labeltui.domain.text import one_line, plural
from labeltui.domain.training.batch import (
    INTERACTIVE,
    LONGEST,
    SETS,
    TAG,
    automatic,
    batch_request,
    default_model,
    studies_of,
)
from labeltui.operations.beside import REQUESTED_BY
from labeltui.operations.inference.cut_off import cut_off, without
from labeltui.operations.inference.tasks import BATCH, begin, follow, status, stop
from labeltui.operations.orphans import refuse_beside_orphan
from labeltui.operations.refresh import refresh_models
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def infer(session: Session, params: InferParams, report: Report) -> Document:
    """Label one study with a model. Meanwhile the server goes on to answer, unlike for an inference in Slicer."""
    return await _infer(session, report, "marked", (params.study,), params.model, new=False)


async def infer_batch(session: Session, params: InferBatchParams, report: Report) -> Document:
    """Label many studies with a model, and report progress until the end.

    Raises Misused for studies that are named without ``marked``; Failed ``nothing_left`` if no study fits,
    ``unknown_model`` and ``unknown_study``; Refused ``already_inferring`` beside another one.
    """
    images = params.images or "unlabelled"
    if (images == "marked") != bool(params.studies):
        raise Misused(
            Code.BAD_PARAMETER, "`marked` needs the ids of studies, and only `marked` takes them.",
            "For example: labeltui infer batch marked liver_042 liver_043.",
        )  # fmt: skip
    return await _infer(session, report, images, params.studies, params.model, new=params.new)


async def infer_status(session: Session, _params: NoParams, _report: Report) -> Document:
    """Report the state and the progress of the newest batch inference."""
    return await status(session, BATCH)


async def infer_stop(session: Session, _params: NoParams, report: Report) -> Document:
    """Stop the batch inference."""
    return await stop(session, BATCH, report)


async def _infer(
    session: Session, report: Report, images: str, named: tuple[str, ...], wanted: str | None, *, new: bool
) -> Document:
    await refuse_beside_orphan(session, BATCH_INFER, Code.ALREADY_INFERRING)
    state = await session.readiness.need_server()
    model = _model(session, state.info.value, wanted)
    state = await session.readiness.first_readings(Fields.queue)
    if state.queue.value is None:
        raise Failed(Code.NO_QUEUE, "The studies can't be listed.", "See `labeltui server logs`.")
    listed = state.queue.value.studies
    unknown = sorted(set(named) - {study.id for study in listed})
    if unknown:
        names = ", ".join(one_line(name) for name in unknown[:5])
        raise Failed(
            Code.UNKNOWN_STUDY, f"The server has no study {names}.", "`labeltui studies list` lists all."
        )
    ids = studies_of(images, listed, named, new=new)
    if not ids:
        raise Failed(
            Code.NOTHING_LEFT, "There is no such study to infer.", "`labeltui studies list` lists all."
        )
    chosen = set(ids)
    cut = await cut_off(session, [study for study in listed if study.id in chosen], report)
    ids = without(ids, cut, report)
    parameters = {**batch_request(model), REQUESTED_BY: session.consoles.who}
    request = _with_studies(parameters, ids, names=bool(cut) or new or images == "marked")
    replaced = sum(TAG in study.tags for study in listed if study.id in set(ids))
    noise = await _is_untrained(session, model.name)
    task = await begin(
        session, BATCH, lambda client: client.batch_infer(model.name, request, images=SETS[images])
    )
    await session.consoles.release(INFER.title, INFER_BATCH.title)  # the server lists the task from now on
    _announce(report, model.name, len(ids), replaced, untrained=noise)
    document = await follow(session, BATCH, task.id, report)
    shown = ", ".join(map(one_line, cut[:5]))
    note = (
        f" {plural(len(cut), 'study', 'studies')} left out, because the image is cut off: {shown}."
        if cut
        else ""
    )
    return {**document, "cut_off": cut, "message": f"{document['message']}{note}"}


async def _is_untrained(session: Session, name: str) -> bool:
    """Whether the model has no weights on the host. False if that is unknown."""
    if session.store.state.models.value is None:  # a console has the reading, a command has not
        await refresh_models(session)
    models = session.store.state.models
    model = None if models.value is None or models.error is not None else models.value.applied_by(name)
    return model is not None and model.weights is Weights.UNTRAINED


def _announce(report: Report, model: str, count: int, replaced: int, *, untrained: bool) -> None:
    studies = "1 study" if count == 1 else f"{count} studies"
    have = "1 of them has" if replaced == 1 else f"{replaced} of them have"
    again = f", which {have}: it is replaced" if replaced else ""
    applies = f"{model} is untrained: its labels are noise. It" if untrained else model
    report.progress(f"{applies} labels {studies} with the tag {TAG}{again}. `labeltui infer stop` stops it")


def _with_studies(request: dict[str, Any], ids: list[str], *, names: bool) -> dict[str, Any]:
    """Add the ids of the studies to the request. Without ``names``, the server itself finds the studies of its set.

    Raises Failed ``bad_size`` for too many ids.
    """
    if not names:
        return request
    if len(json.dumps(ids)) > LONGEST:
        raise Failed(
            Code.BAD_SIZE, f"{len(ids)} studies are too many to name in one batch inference.",
            "Take all, labelled or unlabelled without --new, or mark fewer.",
        )  # fmt: skip
    return {**request, "images": ids}


def _model(session: Session, info: ServerInfo | None, wanted: str | None) -> ModelInfo:
    """Return the model to apply. By default the first of the profile's that needs no clicks."""
    models = dict(info.models) if info is not None else {}
    able = automatic(list(models.values()))
    chosen = wanted or default_model(able, session.profile.server.models)
    if chosen in able:
        return models[chosen]
    known = (
        f"It has: {', '.join(able)}." if able else "Train one first, or start the server with another one."
    )
    if chosen in models and models[chosen].type in INTERACTIVE:
        raise Failed(
            Code.UNKNOWN_MODEL, f"The model {shlex.quote(chosen)} needs an annotator's clicks.", known
        )
    what = "no model that needs no clicks" if chosen is None else f"no model {chosen!r}"
    raise Failed(Code.UNKNOWN_MODEL, f"The server has {what}.", known)
