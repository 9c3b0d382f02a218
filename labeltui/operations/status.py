"""``status`` and ``server status``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.actions.params import NoParams
from labeltui.domain.documents.consoles import consoles_document
from labeltui.domain.documents.guard import guard_document
from labeltui.domain.documents.models import server_with_weights
from labeltui.domain.documents.pod import money_document, pod_document
from labeltui.domain.documents.status import status_document
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.rules.ohif import ohif_url
from labeltui.operations.refresh import refresh_labels, refresh_models, refresh_money
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def status(session: Session, _params: NoParams, _report: Report) -> Document:
    """Report everything that the status strip shows."""
    await session.readiness.settled()
    await session.readiness.first_readings(Fields.queue, Fields.training, Fields.metrics)
    await session.worklist.poller.poll()
    await refresh_labels(session)
    await refresh_money(session)
    for refresh in (session.guard.refresh, session.consoles.refresh):
        with suppress(LabeltuiError):
            await refresh()
    state, now = session.store.state, session.clock()
    pod = state.pod.value
    shown_pod = None if pod is None else pod_document(pod)
    more = {
        "pod": shown_pod,
        "money": money_document(state, now),
        "guard": guard_document(state.guard, now),
        "consoles": consoles_document(state.consoles.value),
    }
    return {**status_document(state, now), **more}


async def server_status(session: Session, _params: NoParams, _report: Report) -> Document:
    """Report state, app, models and URL of the server."""
    await session.readiness.settled()
    await refresh_models(session)
    state = session.store.state
    return {**server_with_weights(state, session.clock()), "ohif": ohif_url(state)}
