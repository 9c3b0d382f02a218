"""What was done in this session, by whom it can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from labeltui.support.subscribers import Subscribers

MAX_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One action. ``command`` repeats it from a terminal (secrets left out); ``ok`` is None while it runs."""

    at: datetime
    title: str
    command: str
    outcome: str = ""
    ok: bool | None = None


class Journal:
    """Entries, oldest first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._subscribers: Subscribers[[Entry]] = Subscribers()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything kept, oldest first."""
        return tuple(self._entries)

    def begin(self, at: datetime, title: str, command: str) -> Entry:
        """Note that something starts."""
        entry = Entry(at, title, command)
        self._entries.append(entry)
        del self._entries[:-MAX_ENTRIES]
        self._subscribers.notify(entry)
        return entry

    def end(self, entry: Entry, ok: bool, outcome: str) -> None:
        """Note how it went."""
        ended = replace(entry, ok=ok, outcome=outcome)
        for index, kept in enumerate(self._entries):
            if kept is entry:
                self._entries[index] = ended
        self._subscribers.notify(ended)

    def subscribe(self, callback: Callable[[Entry], None]) -> Callable[[], None]:
        """Be told of each entry as it begins and ends; returns what ends it."""
        return self._subscribers.add(callback)
