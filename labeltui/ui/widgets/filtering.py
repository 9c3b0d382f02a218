"""Filters: ``re`` selects matching texts, ``!re`` excludes them, and ``~letters`` selects texts that contain
the letters in that order.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Matches = Callable[[str], bool]


def matcher_of(query: str) -> Matches | None:
    """Return a predicate on a row's text; None for an empty query. A query without capitals ignores case.

    Raises ValueError with a message for an invalid regular expression.
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


def _fuzzy(letters: str) -> Matches:
    wanted = letters.lower()

    def matches(row: str) -> bool:
        rest = iter(row.lower())
        return all(letter in rest for letter in wanted)

    return matches
