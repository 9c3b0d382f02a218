"""``studies order``, ``studies assign`` and ``studies skip``: the operator's decisions for the worklist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from labeltui.actions.studies import StudiesAssignParams, StudiesOrderParams, StudiesSkipParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.study import FINAL_TAG
from labeltui.monailabel.serving.rules import Edits, client_name
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def studies_order(session: Session, params: StudiesOrderParams, _report: Report) -> Document:
    """Put a study at a place of the order. Raises Misused for a place below 1; see :func:`_change` for the others."""
    study, place = params.study, 1 if params.place is None else params.place
    if place < 1:
        raise Misused(Code.BAD_PARAMETER, "The place in the order is 1 or more.")

    def edit(edits: Edits) -> Edits:
        others = [one for one in edits.order if one != study]
        order = others if params.undo else [*others[: place - 1], study, *others[place - 1 :]]
        return replace(edits, order=tuple(order))

    done = "is out of the order" if params.undo else f"is number {place} in the order"
    return await _change(session, study, params.undo, edit, done)


async def studies_assign(session: Session, params: StudiesAssignParams, _report: Report) -> Document:
    """Assign a study to one annotator. Raises Misused for a client id that several people share."""
    study, client = params.study, client_name(params.client)
    if not params.undo and not client:
        raise Misused(
            Code.BAD_PARAMETER,
            f"A study can't be assigned to {params.client!r}: several people use that client id."
            if params.client
            else "The annotator is missing.",
            "Name the client id that the annotator has set in Slicer.",
        )

    def edit(edits: Edits) -> Edits:
        others = {one: name for one, name in edits.assigned.items() if one != study}
        return replace(edits, assigned=others if params.undo else {**others, study: client})

    done = "is assigned to nobody" if params.undo else f"is assigned to {client}"
    return await _change(session, study, params.undo, edit, done)


async def studies_skip(session: Session, params: StudiesSkipParams, _report: Report) -> Document:
    """Leave a study out, or hand it out again."""
    study = params.study

    def edit(edits: Edits) -> Edits:
        skipped = edits.skipped - {study} if params.undo else edits.skipped | {study}
        return replace(edits, skipped=skipped)

    done = "can be handed out again" if params.undo else "is handed out to nobody"
    return await _change(session, study, params.undo, edit, done)


async def _change(
    session: Session, study: str, undo: bool, edit: Callable[[Edits], Edits], done: str
) -> Document:
    """Change the edits. Raises Failed ``no_worklist``, and ``unknown_study`` for a study that is not listed."""
    await session.readiness.need_server()
    await session.worklist.refresh()
    note = "" if undo else await _note(session, study)
    edits = await session.worklist.change(edit)
    return {
        "as_of": documents.moment(session.clock()),
        "message": f"{study} {done}.{note}",
        "study": study,
        **edits.document(),
    }


async def _note(session: Session, study: str) -> str:
    """Return what the operator should know of this study. Raises Failed ``unknown_study``."""
    state = await session.readiness.first_readings(Fields.queue)
    queue = state.queue.value
    if queue is None or not queue.listed:
        return ""
    known = next((one for one in queue.studies if one.id == study), None)
    if known is None:
        raise Failed(
            Code.UNKNOWN_STUDY,
            f"The server has no study {study!r}.",
            "`labeltui studies list` shows the studies.",
        )
    if FINAL_TAG in known.tags:
        return " It has a final label, so it is not handed out."
    holders = state.worklist.value.holders.get(study, ()) if state.worklist.value is not None else ()
    names = " and ".join(holder.client or "a client without a name of its own" for holder in holders)
    return f" It stays with {names} until it is submitted or given up." if names else ""
