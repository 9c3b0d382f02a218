"""``studies order``, ``studies assign`` and ``studies skip``: the operator's decisions for the worklist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labeltui.actions.studies import StudiesAssignParams, StudiesOrderParams, StudiesSkipParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.rules.annotators import known_annotators
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.studies.worklist import NAMELESS
from labeltui.monailabel.serving.rules import Edits, client_name
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


NEW_CLIENT = "No annotator has used the client id {} yet; check that it is written as in Slicer."


async def studies_order(session: Session, params: StudiesOrderParams, _report: Report) -> Document:
    """Put studies at a place of the order.

    Raises Misused for a place below 1, and the errors of :func:`change_edits`.
    """
    studies, place = params.studies, 1 if params.place is None else params.place
    if place < 1:
        raise Misused(Code.BAD_PARAMETER, "The place in the order is 1 or more.")

    def edit(edits: Edits) -> Edits:
        others = [one for one in edits.order if one not in studies]
        order = others if params.undo else [*others[: place - 1], *studies, *others[place - 1 :]]
        return replace(edits, order=tuple(dict.fromkeys(order)))

    def done(edits: Edits) -> str:
        if params.undo:
            return "out of the order"
        first = 1 + min(edits.order.index(one) for one in studies)
        return f"{'number' if len(set(studies)) == 1 else 'from number'} {first} in the order"

    return await change_edits(session, studies, params.undo, edit, done)


async def studies_assign(session: Session, params: StudiesAssignParams, _report: Report) -> Document:
    """Assign studies to one annotator. Raises Misused for a client id that several people share."""
    studies, client = params.studies, client_name(params.to)
    if not params.undo and not client:
        raise Misused(
            Code.BAD_PARAMETER,
            f"Studies can't be assigned to {params.to!r}: several people use that client id."
            if params.to
            else "The annotator is missing.",
            "Name the client id that the annotator has set in Slicer, with --to.",
        )

    def edit(edits: Edits) -> Edits:
        others = {one: name for one, name in edits.assigned.items() if one not in studies}
        return replace(
            edits, assigned=others if params.undo else {**others, **dict.fromkeys(studies, client)}
        )

    if params.undo:
        return await change_edits(session, studies, True, edit, lambda _edits: "assigned to nobody")
    known = known_annotators(session.store.state)
    document = await change_edits(session, studies, False, edit, lambda _edits: f"assigned to {client}")
    known = known or known_annotators(session.store.state)
    if client in known or not known:
        return document
    return {**document, "message": f"{document['message']} {NEW_CLIENT.format(client)}"}


async def studies_skip(session: Session, params: StudiesSkipParams, _report: Report) -> Document:
    """Leave studies out, or hand them out again."""
    studies = params.studies

    def edit(edits: Edits) -> Edits:
        skipped = edits.skipped.difference(studies) if params.undo else edits.skipped.union(studies)
        return replace(edits, skipped=skipped)

    done = "in the worklist again" if params.undo else "handed out to nobody"
    return await change_edits(session, studies, params.undo, edit, lambda _edits: done)


async def change_edits(
    session: Session,
    studies: Sequence[str],
    undo: bool,
    edit: Callable[[Edits], Edits],
    done: Callable[[Edits], str],
) -> Document:
    """Change the operator's edits. ``done`` gets the stored edits, and returns the result for the studies as text.

    Raises Misused without a study, Failed ``no_worklist``, and ``unknown_study`` for a study that is not listed.
    """
    if not studies:
        raise Misused(Code.BAD_PARAMETER, "The study is missing.", "Name one or more studies by their ids.")
    studies = tuple(dict.fromkeys(studies))
    await session.readiness.need_server()
    await session.worklist.refresh()
    notes = "" if undo else await _notes(session, studies, edit)
    edits = await session.worklist.change(edit)
    named = f"{studies[0]} is" if len(studies) == 1 else f"{len(studies)} studies are"
    return {
        "as_of": documents.moment(session.clock()),
        "message": f"{named} {done(edits)}.{notes}",
        "studies": list(studies),
        **{name: value for name, value in edits.document().items() if name != "readings"},
    }


async def _notes(session: Session, studies: Sequence[str], edit: Callable[[Edits], Edits]) -> str:
    """Return notes on these studies for the operator, such as who has one open. Raises Failed ``unknown_study``."""
    state = await session.readiness.first_readings(Fields.queue)
    queue, worklist = state.queue.value, state.worklist.value
    if queue is None or not queue.listed:
        return ""
    doubled = edit(Edits(doubled=worklist.doubled if worklist is not None else frozenset())).doubled
    known = {one.id: one for one in queue.studies}
    unknown = [study for study in studies if study not in known]
    if unknown:
        raise Failed(
            Code.UNKNOWN_STUDY,
            f"The server has no study {unknown[0]!r}.",
            "`labeltui studies list` shows the studies.",
        )
    notes = []
    for study in studies:
        holders = worklist.holders.get(study, ()) if worklist is not None else ()
        names = " and ".join(holder.client or NAMELESS for holder in holders)
        if FINAL_TAG in known[study].tags and study not in doubled:
            notes.append(f" {study} has a final label, so it is not handed out.")
        elif names:
            notes.append(f" {study} stays with {names} until it is submitted or given up.")
    return "".join(notes)
