"""The history of studies: fetches, submits and deletions, each with client and time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from labeltui.session.history.database import Connection, Database

MAX_STORED = 100_000
SAME_S = 2.0
"""Seconds by which the server's output and its list may date the same event differently."""


class StudyEventKind(StrEnum):
    """A kind of event of a study. A deletion has no client, because MONAI Label does not report who deleted a label.

    ``CHOOSE`` means that the operator made a client's reading the final label.
    """

    FETCH = "fetch"
    LABEL = "label"
    DELETE = "delete"
    CHOOSE = "choose"


class StudyEvent(NamedTuple):
    """One fetch, or one submitted or deleted label of a study.

    ``source`` is the server's folder or URL of studies, ``detail`` the strategy of a fetch, or the tag of a label.
    """

    source: str
    kind: StudyEventKind
    study: str
    client: str
    detail: str
    at: datetime


class StudyHistory:
    """Stores the newest 100,000 events. Each is stored once, however often it is read and by how many processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._added: set[int] = set()
        self._pending: list[StudyEvent] = []

    def add(self, event: StudyEvent) -> None:
        """Store an event. Events that are added at once, such as those of a list of studies, become one transaction."""
        known = hash(event)
        if known in self._added:
            return
        self._added.add(known)
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        self._pending.append(event)

    def _flush(self) -> None:
        events, self._pending = self._pending, []
        self._database.write(lambda connection: _put(connection, events))

    async def load(self, since: datetime | None = None) -> list[StudyEvent]:
        """Return the events of all sources since that time, oldest first."""
        return await self._database.read(lambda connection: _since(connection, since)) or []


def _put(connection: Connection, events: list[StudyEvent]) -> None:
    connection.executemany(
        "INSERT INTO study_events (source, kind, study, client, detail, at)"
        " SELECT :source, :kind, :study, :client, :detail, :at WHERE NOT EXISTS (SELECT 1 FROM study_events"
        " WHERE study = :study AND source = :source AND kind = :kind AND client = :client AND detail = :detail"
        " AND abs(at - :at) < :same)",
        [
            {
                "source": _stored(one.source), "kind": one.kind.value, "study": _stored(one.study),
                "client": _stored(one.client), "detail": _stored(one.detail), "at": one.at.timestamp(), "same": SAME_S,
            }
            for one in events
        ],
    )  # fmt: skip
    connection.execute(
        "DELETE FROM study_events WHERE id <= (SELECT max(id) FROM study_events) - ?", (MAX_STORED,)
    )


def _stored(text: str) -> str:
    """Return the text with escapes for the bytes of a file name that is not UTF-8: SQLite refuses them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _since(connection: Connection, since: datetime | None) -> list[StudyEvent]:
    rows = connection.execute(
        "SELECT source, kind, study, client, detail, at FROM study_events WHERE at >= ? ORDER BY at",
        (since.timestamp() if since is not None else 0.0,),
    )
    return [
        StudyEvent(source, StudyEventKind(kind), study, client, detail, datetime.fromtimestamp(at, UTC))
        for source, kind, study, client, detail, at in rows
    ]
