"""The alerts of this session and of earlier ones."""

from __future__ import annotations

from datetime import UTC, datetime

from labeltui.domain.state import Alert, Level, SessionState
from labeltui.session.history.database import Connection, Database
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock

SHOWN = 200
MAX_STORED = 5000


class AlertHistory:
    """Stores each alert of the store from :meth:`begin` on, and when it was dismissed."""

    def __init__(self, store: Store, database: Database, clock: Clock) -> None:
        self._store, self._database, self._clock = store, database, clock
        self._before: tuple[Alert, ...] = ()

    def begin(self) -> None:
        """Store the present alerts and every later one.

        Only a console calls this, because each command would store the same alerts again.
        """
        self._store.subscribe(self._on_store)
        self._compare(self._store.state.alerts)

    async def earlier(self) -> tuple[Alert, ...]:
        """Return the newest 200 alerts that are no longer raised, oldest first."""
        present = {_identity(alert) for alert in self._store.state.alerts}
        stored = await self._database.read(_newest) or []
        return tuple(alert for alert in reversed(stored) if _identity(alert) not in present)[-SHOWN:]

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if Fields.alerts in changed:
            self._compare(state.alerts)

    def _compare(self, alerts: tuple[Alert, ...]) -> None:
        before, self._before = self._before, alerts
        present, previous = {_identity(one) for one in alerts}, {_identity(one) for one in before}
        raised = [alert for alert in alerts if _identity(alert) not in previous]
        ended = [_identity(alert) for alert in before if _identity(alert) not in present]
        now = _text(self._clock())
        self._database.write(lambda connection: _put(connection, raised, ended, now))


def _identity(alert: Alert) -> tuple[str, str, str]:
    """Key, time and message. A problem in the log is raised again when a later console reads the same line."""
    return alert.key, _text(alert.at), alert.message


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _put(connection: Connection, raised: list[Alert], ended: list[tuple[str, str, str]], now: str) -> None:
    connection.executemany(
        "INSERT INTO alerts (key, at, message, level, hint) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (key, at, message) DO UPDATE SET ended_at = NULL",
        [(*_identity(alert), alert.level.value, alert.hint) for alert in raised],
    )
    connection.executemany(
        "UPDATE alerts SET ended_at = ? WHERE key = ? AND at = ? AND message = ?",
        [(now, *identity) for identity in ended],
    )
    connection.execute("DELETE FROM alerts WHERE id <= (SELECT max(id) FROM alerts) - ?", (MAX_STORED,))


def _newest(connection: Connection) -> list[Alert]:
    rows = connection.execute(
        "SELECT key, level, message, hint, at FROM alerts ORDER BY at DESC LIMIT ?", (2 * SHOWN,)
    )
    return [
        Alert(key, Level(level), message, hint, datetime.fromisoformat(at))
        for key, level, message, hint, at in rows
    ]
