"""Changes MONAI Label's app object after it was made. Each change is a function of the app.

A change that fails is logged, and the server runs without it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any
from urllib.parse import parse_qs

from labeltui.monailabel.serving.settings import VARIABLE, Settings
from labeltui.monailabel.serving.worklist import NAME, Worklist, read_datastore

log = logging.getLogger("labeltui")

Change = Callable[[Any], None]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_worklists: list[Worklist] = []


def install(app_class: Any, changes: Iterable[Change]) -> None:
    """Apply the changes to each app that is created from ``app_class``, or a class derived from it, from now on."""
    original, all_changes = app_class.__init__, tuple(changes)

    @wraps(original)
    def made(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        for change in all_changes:
            try:
                change(self)
            except Exception:
                log.exception(f"labeltui's change {change.__name__} failed. The server runs without it.")

    app_class.__init__ = made


def add_worklist(app: Any) -> None:
    """Add the worklist as the first strategy, because Slicer selects the first.

    Does nothing if it is not configured.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return
    worklist = Worklist(Settings.of(text), dict(app._strategies), read_datastore)
    app._strategies = {NAME: worklist, **app._strategies}
    _worklists[:] = [worklist]
    infer = app.infer

    @wraps(infer)
    def noted(request: Any, *arguments: Any, **named: Any) -> Any:
        note(request.get("client_id"))
        return infer(request, *arguments, **named)

    app.infer = noted
    log.info("Worklist: ready")


def note(client_id: object) -> None:
    """Record that a client sent a request. Never raises, because the request must still be answered."""
    try:
        for worklist in _worklists:
            if client_id is not None:
                worklist.note(client_id)
    except Exception:
        log.exception("Worklist: a client's activity was not recorded")


def noting(app: Asgi) -> Asgi:
    """Record the client id in a request's query: Slicer sends it with an upload to a session."""

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        query = scope.get("query_string") or b""
        if b"client_id=" in query:
            note(parse_qs(query.decode("latin-1")).get("client_id", [None])[0])
        await app(scope, receive, send)

    return noted


CHANGES: tuple[Change, ...] = (add_worklist,)
