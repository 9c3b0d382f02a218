"""The actions of this session and of earlier ones, each with the command that repeats it."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache

from labeltui.session.history.database import Connection, Database
from labeltui.support.desk import WINDOWS
from labeltui.support.subscribers import Subscribers

if WINDOWS:
    from labeltui.support.windows_processes import is_running, start_of
else:
    from labeltui.hosts.agent.remote.processes import is_running, start_of

SHOWN = 500
MAX_STORED = 5000
INTERRUPTED = "labeltui ended before this action did; its result is unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """One action.

    ``command`` repeats the action from a terminal and has no secrets; ``ok`` is None while the action runs.
    """

    at: datetime
    title: str
    command: str
    outcome: str = ""
    ok: bool | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))


class Journal:
    """The newest 500 entries, oldest first. With a database, it stores 5000, of every process on this profile."""

    def __init__(self, database: Database | None = None) -> None:
        self._entries: list[Entry] = []
        self._database = database
        self._subscribers: Subscribers[[Entry]] = Subscribers()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry, oldest first. Entries of other processes are as old as the last :meth:`load`."""
        return tuple(self._entries)

    async def load(self) -> None:
        """Read the entries of earlier sessions and of other processes.

        An action that runs in a process which has ended is marked as interrupted.
        """
        if self._database is None:
            return
        self._database.write(_close_interrupted)
        stored = await self._database.read(_newest) or []
        known = {entry.id for entry in stored}
        both = [*reversed(stored), *(entry for entry in self._entries if entry.id not in known)]
        self._entries = sorted(both, key=lambda entry: entry.at)[-SHOWN:]

    def begin(self, at: datetime, title: str, command: str) -> Entry:
        """Add an entry for an action that starts at ``at``, and notify subscribers."""
        entry = Entry(at, title, command)
        self._entries.append(entry)
        del self._entries[:-SHOWN]
        self._store(entry)
        return entry

    def end(self, entry: Entry, ok: bool, outcome: str) -> None:
        """Replace an entry with a copy that has the outcome, and notify subscribers of the new entry."""
        ended = replace(entry, ok=ok, outcome=outcome)
        self._entries = [ended if one.id == entry.id else one for one in self._entries]
        self._store(ended)

    def _store(self, entry: Entry) -> None:
        if self._database is not None:
            self._database.write(lambda connection: _put(connection, entry))
        self._subscribers.notify(entry)

    def subscribe(self, callback: Callable[[Entry], None]) -> Callable[[], None]:
        """Call ``callback`` with each entry when it begins and ends. Returns a function that unsubscribes."""
        return self._subscribers.add(callback)


@cache
def _start_of(pid: int) -> str:
    return start_of(pid)


def _put(connection: Connection, entry: Entry) -> None:
    connection.execute(
        "INSERT INTO actions (id, at, title, command, outcome, ok, machine, pid, process)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, ok = excluded.ok",
        (
            entry.id, entry.at.astimezone(UTC).isoformat(), entry.title, entry.command, entry.outcome, entry.ok,
            socket.gethostname(), os.getpid(), _start_of(os.getpid()),
        ),
    )  # fmt: skip
    connection.execute(
        "DELETE FROM actions WHERE rowid <= (SELECT max(rowid) FROM actions) - ?", (MAX_STORED,)
    )


def _newest(connection: Connection) -> list[Entry]:
    rows = connection.execute(
        "SELECT at, title, command, outcome, ok, id FROM actions ORDER BY rowid DESC LIMIT ?", (SHOWN,)
    )
    return [
        Entry(datetime.fromisoformat(at), title, command, outcome, None if ok is None else bool(ok), key)
        for at, title, command, outcome, ok, key in rows
    ]


def _close_interrupted(connection: Connection) -> None:
    """Mark actions as interrupted if their process has ended. Only processes of this machine can be checked."""
    running = connection.execute(
        "SELECT id, pid, process FROM actions WHERE ok IS NULL AND machine = ?", (socket.gethostname(),)
    ).fetchall()
    ended = [(INTERRUPTED, key) for key, pid, process in running if not is_running(pid, process)]
    connection.executemany("UPDATE actions SET ok = 0, outcome = ? WHERE id = ?", ended)
