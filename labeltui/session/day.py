"""Knows whether the day was ended, and whether its report was written since, to say what comes next."""

from __future__ import annotations

from datetime import datetime

from labeltui.actions import BY_ID
from labeltui.domain.rules.pace import SAME_SESSION
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.session.history.journal import Entry, Journal
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock

END = BY_ID["evening.end"].title
BEGINS = tuple(BY_ID[name].title for name in ("pod.start", "pod.create", "server.start", "server.restart"))
REPORT = "report"


class DayWatch:
    """Writes the store's fields ``day_ended`` and ``report_written``.

    The newest end of the day in the journal counts for eight hours after it, also for a console that was opened since.
    It no longer counts once a pod or a server was started, by this console or by others.
    """

    def __init__(self, store: Store, journal: Journal, state: StateFolder, clock: Clock) -> None:
        self._journal, self._state, self._clock = journal, state, clock
        self._ended, self._reported = store.own(Fields.day_ended), store.own(Fields.report_written)
        self._begun: datetime | None = None  # when others were seen to start the pod or the server
        self._pod_was_down = False
        journal.subscribe(self._on_entry)
        store.subscribe(self._on_store)

    def report_written(self) -> None:
        """Store that a report was written to a file now."""
        self._state.write(REPORT, {"at": self._clock().isoformat()})
        self.refresh()

    def refresh(self) -> None:
        """Derive both fields from the journal and the last report."""
        at = self._end()
        self._ended.write(at is not None)
        try:
            written = datetime.fromisoformat(str(self._state.read(REPORT).get("at")))
        except ValueError:
            written = None
        self._reported.write(at is not None and written is not None and written >= at)

    def _end(self) -> datetime | None:
        """Return when the end of the day began that still counts; None without one."""
        for entry in reversed(self._journal.entries):
            if entry.title in BEGINS and entry.ok is not False:
                return None
            if entry.title == END and entry.ok:
                old = self._clock() - entry.at > SAME_SESSION
                return None if old or (self._begun is not None and self._begun > entry.at) else entry.at
        return None

    def _on_entry(self, entry: Entry) -> None:
        if entry.title == END or entry.title in BEGINS:
            self.refresh()

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        begun = False
        if Fields.pod in changed and (pod := state.pod.value) is not None and state.pod.error is None:
            begun = self._pod_was_down and pod.status.is_up
            self._pod_was_down = not pod.status.is_up
        if Fields.server in changed and (server := state.server.value) is not None:
            begun |= state.server.error is None and server.state in (
                ServerState.STARTING,
                ServerState.RUNNING,
            )
        if begun and self._ended.value:
            self._begun = self._clock()
            self.refresh()
