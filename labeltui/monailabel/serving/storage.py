"""The worklist's two files on the host: the operator's edits, and what the server hands out."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from labeltui.monailabel.serving.rules import LONGEST_NAME, Edits

log = logging.getLogger("labeltui")

STATE = ".state"
"""Added to the name of the file of edits, gives the name of the server's own file."""
MOST_CLIENTS = 500


class State:
    """What the server stores: studies handed out, when each client was last active, and requests that got nothing.

    ``given`` is by study: client and time. ``refused`` is by client: the time and the counts of ``rules.Left``.
    """

    def __init__(self, document: object = None) -> None:
        given = document if isinstance(document, dict) else {}
        self.given: dict[str, tuple[str, float]] = {
            study: (str(pair[0]), float(pair[1]))
            for study, pair in _items(given.get("given"))
            if isinstance(pair, list) and len(pair) == 2 and _is_time(pair[1])
        }
        self.activity: dict[str, float] = {
            client: float(at) for client, at in _items(given.get("activity")) if _is_time(at)
        }
        self.refused: dict[str, dict[str, Any]] = {
            client: one for client, one in _items(given.get("refused")) if isinstance(one, dict)
        }

    def note(self, client: str, at: float) -> None:
        """Record that a client was active. Drops the client that was quiet for longest, beyond 500 clients."""
        self.activity[client[:LONGEST_NAME]] = max(at, self.activity.get(client, 0.0))
        if len(self.activity) > MOST_CLIENTS:
            del self.activity[min(self.activity, key=lambda name: self.activity[name])]

    def document(self) -> dict[str, object]:
        """Return what is stored."""
        return {"given": self.given, "activity": self.activity, "refused": self.refused}


class Storage:
    """Reads and writes both files. Failures are logged: the server goes on with what it has in memory."""

    def __init__(self, edits: Path) -> None:
        self._edits, self._state = edits, edits.with_name(edits.name + STATE)

    def edits(self) -> Edits:
        """Read the operator's edits. Empty if there is no file."""
        return Edits.of(_read(self._edits))

    def state(self) -> State | None:
        """Read what the server has stored. None if there is no file, or if it can't be read."""
        document = _read(self._state)
        return None if document is None else State(document)

    def write(self, state: State) -> None:
        """Store the state in one step, so that no reader gets a part of it."""
        try:
            handle, temporary = tempfile.mkstemp(prefix=".", dir=self._state.parent)
            with os.fdopen(handle, "w") as file:
                json.dump(state.document(), file)
            Path(temporary).replace(self._state)
        except OSError as error:
            log.warning(f"Worklist: {self._state} can't be written: {error}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes of the same server out."""
        handle = None
        with suppress(OSError):
            handle = os.open(self._state.with_name(self._state.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if handle is not None:
                os.close(handle)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning(f"Worklist: {path} can't be read: {error}")
        return None


def _items(value: object) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
