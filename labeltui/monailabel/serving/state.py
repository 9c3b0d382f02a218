"""The state that the worklist stores on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.monailabel.serving.rules import LONGEST_NAME

STATE = ".state"
"""The ending of the name of the server's own file. The name begins as that of the file of edits."""
MOST_CLIENTS, MOST_REFUSED = 500, 100


class State:
    """The server's state: studies handed out, when each client was last active, and requests that got no study.

    ``given`` maps a study to client and time. ``refused`` maps a client to the time and the counts of
    ``rules.Left``.
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
        """Record that a client was active. Beyond 500 clients, drop the one that was inactive for longest."""
        self.activity[client[:LONGEST_NAME]] = max(at, self.activity.get(client, 0.0))
        if len(self.activity) > MOST_CLIENTS:
            del self.activity[min(self.activity, key=lambda name: self.activity[name])]

    def refuse(self, client: str, at: float, counts: Mapping[str, int]) -> None:
        """Record a request that got no study. Beyond 100 clients, the oldest are dropped."""
        self.refused[client] = {"at": at, **counts}
        if len(self.refused) > MOST_REFUSED:
            del self.refused[min(self.refused, key=lambda name: _time(self.refused[name].get("at")))]

    def document(self) -> dict[str, object]:
        """Return the document to store."""
        return {"given": self.given, "activity": self.activity, "refused": self.refused}


def _items(value: object) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _time(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
