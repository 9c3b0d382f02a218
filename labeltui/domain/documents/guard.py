"""The guard as a JSON document of the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from labeltui.domain.amounts import AmountNumber
from labeltui.domain.documents.documents import moment
from labeltui.domain.guard.status import GuardStatus
from labeltui.domain.reading import Reading


def guard_document(reading: Reading[GuardStatus], now: datetime) -> dict[str, Any]:
    """``guard status``: state, seconds to the stop, its cause, limits, cost, activity, and methods to stop the pod."""
    status = reading.value
    common: dict[str, Any] = {
        "as_of": moment(reading.as_of or now),
        "stale": reading.is_stale(now),
        "stale_because": reading.error,
    }
    if status is None:
        return {**common, "state": None, "message": None}
    left = status.left_at(reading.as_of, now)
    money = {"budget": status.budget, "spent": status.spent, "rate": status.rate}
    return {
        **common,
        "state": status.state,
        "message": status.words or None,
        "hint": status.hint or None,
        "problem": status.problem or None,
        "stops_in_s": None if left is None else round(left),
        "cause": status.cause or None,
        "waits_for": list(status.blocks),
        "idle": status.idle_words or None,
        "idle_minutes": None if status.idle_s is None else status.idle_s / 60.0,
        **{name: None if amount is None else AmountNumber(amount) for name, amount in money.items()},
        "uncopied_labels": status.uncopied,
        # Scripts read the names "way", "ways" and "not_looked_at".
        "way": status.method or None,
        "way_proven": status.is_proven if status.method else None,
        "last_stop": status.last_stop or None,
        "uses": [
            {"kind": use.kind, "what": use.words, "at": moment(use.at), "ago_s": round(use.ago_s)}
            for use in status.uses
        ],
        "ways": [
            {"name": method.name, "works": method.works, "why": method.words} for method in status.methods
        ],
        "not_looked_at": dict(status.problems),
    }
