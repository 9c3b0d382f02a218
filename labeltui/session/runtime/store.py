"""The newest snapshot of everything, and who wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from labeltui.domain.state import Alert, SessionState

Subscriber = Callable[[SessionState, frozenset[str]], None]
"""Called on the event loop with the whole state and the names of the fields that changed."""

KEPT_ALERTS = 200


class Store:
    """Holds one :class:`SessionState`; sources replace fields, subscribers get whole snapshots."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._subscribers: list[Subscriber] = []

    @property
    def state(self) -> SessionState:
        """The newest snapshot."""
        return self._state

    def update(self, **fields: Any) -> None:
        """Replace fields by name and tell every subscriber, unless nothing changed."""
        changed = frozenset(name for name, value in fields.items() if getattr(self._state, name) != value)
        if not changed:
            return
        self._state = replace(self._state, **fields)
        for subscriber in tuple(self._subscribers):
            subscriber(self._state, changed)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Be told of changes from now on; returns what ends it."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber) if subscriber in self._subscribers else None

    def alert(self, alert: Alert) -> None:
        """Add an alert; one about the same thing (same key) makes way for it."""
        kept = tuple(a for a in self._state.alerts if a.key != alert.key)
        self.update(alerts=(*kept, alert)[-KEPT_ALERTS:])

    def dismiss(self, key: str) -> None:
        """Take an alert back: what it warned of no longer holds."""
        self.update(alerts=tuple(a for a in self._state.alerts if a.key != key))

    async def wait_for(
        self, predicate: Callable[[SessionState], bool], timeout: float | None = None
    ) -> SessionState:
        """The first snapshot for which ``predicate`` holds. Raises TimeoutError."""
        if predicate(self._state):
            return self._state
        found: asyncio.Future[SessionState] = asyncio.get_running_loop().create_future()

        def look(state: SessionState, _changed: frozenset[str]) -> None:
            if not found.done() and predicate(state):
                found.set_result(state)

        unsubscribe = self.subscribe(look)
        try:
            async with asyncio.timeout(timeout):
                return await found
        finally:
            unsubscribe()
