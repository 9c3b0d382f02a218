"""A list of callbacks to notify."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Subscribers(Generic[P]):
    """Callbacks in the order of their subscription. Not thread-safe: use it on the event loop alone."""

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[P, object]] = {}

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def add(self, callback: Callable[P, object]) -> Callable[[], None]:
        """Subscribe ``callback``. Returns a function that unsubscribes it and may be called more than once."""
        token = object()
        self._callbacks[token] = callback

        def unsubscribe() -> None:
            self._callbacks.pop(token, None)

        return unsubscribe

    def notify(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call the current subscribers in order. An exception ends the loop and is raised to the caller."""
        for callback in tuple(self._callbacks.values()):
            callback(*args, **kwargs)
