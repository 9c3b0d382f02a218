"""``tunnel``: holds the tunnel open until interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.actions.params import NoParams
from labeltui.domain.documents import documents
from labeltui.domain.problems import Failed

if TYPE_CHECKING:
    from labeltui.domain.state import SessionState
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def tunnel(session: Session, _params: NoParams, report: Report) -> Document:
    """Hold the tunnel open until interrupted.

    Emits each change of its state as a record. Raises Failed if it can't be opened.
    """
    await session.hold_tunnel()
    problem = session.tunnel.problem
    if problem is not None:
        raise Failed(problem.code, problem.message, problem.hint)
    reported = session.store.state.tunnel

    def changed(state: SessionState) -> bool:
        return state.tunnel.value != reported.value

    while True:
        report.emit(documents.tunnel_document(reported, session.clock()))
        reported = (await session.store.wait_for(changed)).tunnel
