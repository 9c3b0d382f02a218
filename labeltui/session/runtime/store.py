"""The newest snapshot of the session, and its subscribers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from labeltui.domain.state import Alert, SessionState
from labeltui.session.runtime.fields import FIELDS, Field, Fields
from labeltui.support.subscribers import Subscribers

T = TypeVar("T")
Changed = frozenset[Field[Any]]
Subscriber = Callable[[SessionState, Changed], None]
"""Called on the event loop with the whole state and the fields that changed."""

MAX_ALERTS = 200


class Owned(Generic[T]):
    """The only writer of one field of one store."""

    def __init__(self, store: Store, field: Field[T]) -> None:
        self._store = store
        self.field = field

    @property
    def value(self) -> T:
        """The field's value in the newest snapshot."""
        return self.field.read(self._store.state)

    def write(self, value: T) -> None:
        """Replace the field and notify every subscriber. Does nothing if the value is equal."""
        self._store.publish(self.field.replaced(self._store.state, value))


class Store:
    """Holds one :class:`SessionState`. Owners replace its fields, subscribers get whole snapshots."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._subscribers: Subscribers[[SessionState, frozenset[Field[Any]]]] = Subscribers()
        self._owned: set[Field[Any]] = set()
        self._alerts = self.own(Fields.alerts)

    @property
    def state(self) -> SessionState:
        """The newest snapshot."""
        return self._state

    def own(self, field: Field[T]) -> Owned[T]:
        """Return the writer of a field. Raises ValueError if the writer was returned before."""
        if field in self._owned:
            raise ValueError(f"{field} has an owner already: {field.owner}")
        self._owned.add(field)
        return Owned(self, field)

    def publish(self, state: SessionState) -> None:
        """Make this the newest snapshot, and notify every subscriber if a field changed.

        Only Owned and tests call this.
        """
        before, self._state = self._state, state
        changed = frozenset(field for field in FIELDS if _differ(field.read(before), field.read(state)))
        if not changed:
            return
        self._subscribers.notify(state, changed)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` at each later change. Returns a function that unsubscribes."""
        return self._subscribers.add(subscriber)

    def alert(self, alert: Alert) -> None:
        """Add an alert; it replaces an older one with the same key."""
        others = tuple(one for one in self._alerts.value if one.key != alert.key)
        self._alerts.write((*others, alert)[-MAX_ALERTS:])

    def dismiss(self, key: str) -> None:
        """Remove the alert with this key, because its cause is gone. Does nothing if there is no such alert."""
        self._alerts.write(tuple(one for one in self._alerts.value if one.key != key))

    async def wait_for(
        self, predicate: Callable[[SessionState], bool], timeout: float | None = None
    ) -> SessionState:
        """Return the first snapshot for which ``predicate`` is true.

        Raises TimeoutError after ``timeout`` seconds.
        """
        if predicate(self._state):
            return self._state
        found: asyncio.Future[SessionState] = asyncio.get_running_loop().create_future()

        def check(state: SessionState, _changed: Changed) -> None:
            if not found.done() and predicate(state):
                found.set_result(state)

        unsubscribe = self.subscribe(check)
        try:
            async with asyncio.timeout(timeout):
                return await found
        finally:
            unsubscribe()


def _differ(before: object, now: object) -> bool:
    return before is not now and before != now
