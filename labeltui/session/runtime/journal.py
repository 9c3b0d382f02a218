"""The actions of this session, each with the command that repeats it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from labeltui.support.subscribers import Subscribers

MAX_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One action of the session.

    ``command`` repeats the action from a terminal and has no secrets; ``ok`` is None while the action runs.
    """

    at: datetime
    title: str
    command: str
    outcome: str = ""
    ok: bool | None = None


class Journal:
    """The newest 500 entries, oldest first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._subscribers: Subscribers[[Entry]] = Subscribers()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry, oldest first."""
        return tuple(self._entries)

    def begin(self, at: datetime, title: str, command: str) -> Entry:
        """Add an entry for an action that starts at ``at``, and notify subscribers."""
        entry = Entry(at, title, command)
        self._entries.append(entry)
        del self._entries[:-MAX_ENTRIES]
        self._subscribers.notify(entry)
        return entry

    def end(self, entry: Entry, ok: bool, outcome: str) -> None:
        """Replace an entry with a copy that has the outcome, and notify subscribers of the new entry."""
        ended = replace(entry, ok=ok, outcome=outcome)
        for index, stored in enumerate(self._entries):
            if stored is entry:
                self._entries[index] = ended
        self._subscribers.notify(ended)

    def subscribe(self, callback: Callable[[Entry], None]) -> Callable[[], None]:
        """Call ``callback`` with each entry when it begins and ends. Returns a function that unsubscribes."""
        return self._subscribers.add(callback)
