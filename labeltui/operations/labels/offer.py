"""Reports at the start of a server which final labels are on this machine, but not on the host."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Alert, Level
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

RESTORABLE = "restorable-labels"


async def report_restorable(session: Session, studies: str, report: Report) -> None:
    """Report listed studies whose final label only this machine has, and the command that submits them.

    ``studies`` is the server's folder of studies. Nothing is reported for a DICOMweb server. Raises nothing.
    """
    if session.store.state.identity.demo or is_dicomweb(studies):
        return
    with suppress(LabeltuiError):  # the server runs, and the queue reports the reason
        queue = (await session.readiness.first_readings(Fields.queue)).queue.value
        index = session.labels.folder.index
        await asyncio.to_thread(index.refresh)
        here = {entry.study for entry, _file in index.versions() if entry.tag == FINAL_TAG}
        listed = queue.studies if queue is not None and queue.listed else ()
        count = sum(FINAL_TAG not in study.tags and study.id in here for study in listed)
        if not count:
            session.store.dismiss(RESTORABLE)
            return
        has = "1 study has" if count == 1 else f"{count} studies have"
        message = f"{has} a final label on this machine, but not on the host."
        hint = "`labeltui labels restore` submits what the host lacks."
        report.progress(f"{message} {hint}")
        session.store.alert(Alert(RESTORABLE, Level.WARNING, message, hint, session.clock()))
