"""The grammar of ``/``.

``re`` keeps what matches, ``!re`` drops it, ``~letters`` keeps what has the letters in this order.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from textual import events
from textual.widgets import Input

Keeps = Callable[[str], bool]


def keeper(query: str) -> Keeps | None:
    """What decides which rows stay; None for an empty query. Lower case matches both cases.

    Raises ``ValueError`` with words for a pattern that is not a regular expression.
    """
    query = query.strip()
    if query in ("", "!", "~"):
        return None
    if query.startswith("~"):
        return _fuzzy(query[1:].strip())
    negated = query.startswith("!")
    text = query[1:] if negated else query
    try:
        found = re.compile(text, 0 if any(c.isupper() for c in text) else re.IGNORECASE).search
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if negated:
        return lambda row: found(row) is None
    return lambda row: found(row) is not None


def _fuzzy(letters: str) -> Keeps:
    wanted = letters.lower()

    def keeps(row: str) -> bool:
        rest = iter(row.lower())
        return all(letter in rest for letter in wanted)

    return keeps


def typed_ahead(entry: Input, event: events.Key) -> None:
    """A key that was typed before the entry had the keyboard is the entry's all the same."""
    if event.is_printable and event.character is not None:
        entry.insert_text_at_cursor(event.character)
        event.stop()
        event.prevent_default()
