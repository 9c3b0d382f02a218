"""Finds the start of the session that the server belongs to. A restart of the server does not begin a new session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from labeltui.actions import BY_ID
from labeltui.domain.rules.pace import SAME_SESSION, Use, session_start
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.session.history.journal import Journal
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock

USES = {
    BY_ID["server.start"].title: Use.START,
    BY_ID["server.restart"].title: Use.RESTART,
    BY_ID["server.stop"].title: Use.END,
    BY_ID["train.start"].title: Use.USE,
    BY_ID["train.stop"].title: Use.USE,
}
DOWN = (ServerState.STOPPED, ServerState.CRASHED)


class SessionStart:
    """Writes the store's field ``session_began``.

    It is derived from journal, trainings, and the servers that this console has observed.
    """

    def __init__(self, store: Store, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._field = store.own(Fields.session_began)
        self._run_id: str | None = None
        self._last_up: datetime | None = None
        store.subscribe(self._on_store)

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        server = state.server.value
        if not changed & {Fields.server, Fields.trainings} or server is None:
            return
        if server.started_at is not None and (server.run_id != self._run_id or Fields.trainings in changed):
            self._run_id = server.run_id
            began = session_start(server.started_at, self._uses(state))
            known, up = self._field.value, self._last_up
            if known is not None and up is not None and server.started_at - up <= SAME_SESSION:
                began = min(known, began)
            self._field.write(began)
        if server.state not in DOWN and state.server.error is None:
            self._last_up = self._clock()

    def _uses(self, state: SessionState) -> Iterator[tuple[datetime, Use]]:
        for entry in self._journal.entries:
            if entry.title in USES and entry.ok is not False:
                yield entry.at, USES[entry.title]
        for training in state.trainings:
            yield training.started_at, Use.USE
            if training.ended_at is not None:
                yield training.ended_at, Use.USE
