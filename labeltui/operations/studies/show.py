"""``studies show``: everything that is known of one study."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labeltui.actions.studies import StudiesShowParams
from labeltui.domain.documents import documents
from labeltui.domain.documents.worklist import worklist_fields
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.studies.review import stored_review
from labeltui.domain.studies.study import Study
from labeltui.domain.studies.worklist import Reading
from labeltui.domain.text import one_line
from labeltui.operations.inference.cut_off import is_cut_off
from labeltui.operations.studies.double import compare
from labeltui.session.history.studies import StudyEventKind
from labeltui.session.labels.deleted import deletions
from labeltui.session.labels.index import Entry
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

SERVER_INFO = ("strategy", "name", "ts")
"""Fields of an image's info that the document has under other names."""


async def studies_show(session: Session, params: StudiesShowParams, _report: Report) -> Document:
    """Return a study with its image's info, its labels with their copies, and who fetched and submitted it when.

    ``cut_off`` is whether the image file on the host lacks its end; None if that is not known. Raises Failed
    ``not_found`` for a study that is not listed.
    """
    await session.readiness.need_server()
    state = await session.readiness.first_readings(Fields.queue)
    studies = state.queue.value.studies if state.queue.value is not None else ()
    study = next((one for one in studies if one.id == params.study), None)
    if study is None:
        raise await _unlisted(session, params.study)
    await session.worklist.poller.poll()
    client, index = session.api.client(), session.labels.folder.index
    await asyncio.to_thread(index.refresh)
    copies = [(entry, file) for entry, file in index.versions() if entry.study == study.id]
    image = await client.image_info(study.id)
    labels = [
        _label(study, tag, stored_review(await client.label_info(study.id, tag)), copies)
        for tag in study.tags
    ]
    worklist = session.store.state.worklist.value
    readings = worklist.readings.get(study.id, ()) if worklist is not None else ()
    document = documents.study_document(study)
    events = [event for event in await session.study_history.load() if event.study == study.id]
    return {
        "as_of": documents.moment(session.clock()),
        **document,
        **worklist_fields(study.id, document["state"], worklist),
        "compared": await _compared(session, study.id, readings),
        "cut_off": await is_cut_off(session, study),
        "image": {key: value for key, value in image.items() if key not in SERVER_INFO},
        "labels": labels,
        "folder": str(session.labels.folder.root),
        "history": [
            {
                "at": documents.moment(event.at),
                "client": event.client or None,
                "event": event.kind.value,
                "strategy" if event.kind is StudyEventKind.FETCH else "label": event.detail,
            }
            for event in events
        ],
    }


async def _unlisted(session: Session, study: str) -> Failed:
    """Return the error for a study that the server lacks. Its hint is how to bring back one that was deleted here."""
    hint = "`labeltui studies list` lists what it has."
    with suppress(OSError):
        records = await asyncio.to_thread(deletions, session.labels.folder.root, study)
        if at := next((record.at for record in records if record.image), ""):
            option = "" if at == records[0].at else f" --at {at}"
            command = f"labeltui studies restore {shlex.quote(one_line(study))}{option}"
            hint = f"It was deleted from this machine at {at}. `{command}` brings it back."
    return Failed(Code.NOT_FOUND, f"The server has no study {one_line(study)}.", hint)


async def _compared(session: Session, study: str, readings: Sequence[Reading]) -> dict[str, Any] | None:
    """Return the comparison of a study's readings, or its error. None if it has fewer than two."""
    if len(readings) < 2:
        return None
    try:
        return await compare(session, study, readings)
    except LabeltuiError as error:
        return {"error": error.problem.message.rstrip(".")}


def _label(study: Study, tag: str, review: dict[str, Any], copies: list[tuple[Entry, str]]) -> dict[str, Any]:
    """One label of the server, and its copies on this machine, newest first."""
    versions = [
        {
            "file": file,
            "saved_at": documents.moment(entry.saved_at),
            "by": entry.who or None,
            "size": entry.size,
            "sha256": entry.sha256,
            "damage": entry.damage or None,
        }
        for entry, file in reversed(copies)
        if entry.tag == tag
    ]
    return {
        "tag": tag,
        "at": documents.moment(study.tags[tag]),
        "by": study.authors.get(tag),
        "review": review or None,
        "copies": versions,
    }
