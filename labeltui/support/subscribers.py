"""Callbacks that want to know of something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Subscribers(Generic[P]):
    """Callbacks in the order they subscribed. Not thread-safe: all of it happens on the event loop."""

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[P, object]] = {}

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def add(self, callback: Callable[P, object]) -> Callable[[], None]:
        """Call ``callback`` on each notification; returns a function that ends this, and may be called again."""
        token = object()
        self._callbacks[token] = callback

        def unsubscribe() -> None:
            self._callbacks.pop(token, None)

        return unsubscribe

    def notify(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call those that are subscribed now. An exception of one goes to the caller; those after it aren't called."""
        for callback in tuple(self._callbacks.values()):
            callback(*args, **kwargs)
