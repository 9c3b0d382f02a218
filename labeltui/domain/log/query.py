"""Searches in a log: the syntax of ``/``, applied to bytes."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import AnyStr

_CASED = re.compile(r"\\[x0-9]|\[[^\]]*[^a-z0-9]-[^\]]")
"""Escapes and ranges of a pattern that may match capital letters although they contain none."""


@dataclass(frozen=True)
class Query:
    """Selects lines that match any of ``patterns``; if ``negated``, lines that match none.

    ``shown`` finds the matches to highlight.
    """

    text: str
    patterns: tuple[re.Pattern[bytes], ...] = field(compare=False)
    negated: bool = False
    lowered: bool = False
    shown: re.Pattern[str] | None = field(default=None, compare=False)

    def matches(self, line: bytes) -> bool:
        """True for a line that the search finds."""
        searched = line.lower() if self.lowered else line
        return any(pattern.search(searched) for pattern in self.patterns) != self.negated


def parse_query(text: str) -> Query | None:
    """Parse ``re`` (lines that match), ``!re`` (lines that do not), ``~letters`` (these letters in this order).

    Returns None for an empty search. A search without capitals ignores case. Raises ``ValueError``, with a
    message to show, if a pattern is not a regular expression.
    """
    text = text.strip()
    if text in ("", "!", "~"):
        return None
    if text.startswith("~"):
        return Query(text, (_fuzzy(text[1:].replace(" ", "").lower()),), lowered=True)
    negated = text.startswith("!")
    body = text[1:] if negated else text
    either = not any(letter.isupper() for letter in body)
    lowered = either and _CASED.search(body) is None
    flags = re.IGNORECASE if either and not lowered else re.NOFLAG
    found = _compiled(body.encode("utf-8", "surrogateescape"), flags)
    shown = None if negated else _compiled(body, re.IGNORECASE if either else re.NOFLAG)
    return Query(text, (found,), negated, lowered, shown)


def _compiled(text: AnyStr, flags: re.RegexFlag) -> re.Pattern[AnyStr]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return re.compile(text, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from error


def _fuzzy(letters: str) -> re.Pattern[bytes]:
    """Return a pattern for letters in a given order.

    Each gap excludes the next letter, so that matching reads a line only once.
    """
    steps = (re.escape(letter.encode("utf-8", "surrogateescape")) for letter in letters)
    gaps = ((b"[^\n" + step + b"]*" if len(step.lstrip(b"\\")) == 1 else b".*?", step) for step in steps)
    return re.compile(b"^" + b"".join(gap + step for gap, step in gaps), re.MULTILINE)
