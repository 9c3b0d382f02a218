"""One fact of the status strip, in three lengths or left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual.content import Content
from textual.style import Style

from labeltui.domain.reading import Reading
from labeltui.ui.presentation import words
from labeltui.ui.presentation.words import Tone

LONG, MEDIUM, SHORT, GONE = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: names and texts in three lengths each. ``old`` is the age of a stale fact, else empty.

    ``action`` is the id of the action that a click runs.
    ``cells`` is the least width of the short text, so that a countdown does not move the facts at its right.
    """

    names: tuple[str, str, str]
    texts: tuple[str, str, str]
    glyph: str
    tone: Tone
    old: str = ""
    cells: int = 0
    action: str = ""

    def at(self, length: int) -> Content:
        """Return the fact's text at a length from ``LONG`` to ``SHORT``; empty for ``GONE``."""
        if length == GONE:
            return Content("")
        name, text = self.names[length], self.texts[length]
        if not text:
            return Content("")
        tone = Tone.FAINT if self.old else self.tone
        parts: list[tuple[str, str]] = [(f"{name} ", Tone.FAINT)] if name else []
        parts.append((f"{self.glyph} {text}".strip().ljust(self.cells if length == SHORT else 0), tone))
        if self.old:
            parts.append((f" {self.old} old" if length < SHORT else f" {self.old}?", Tone.WARN))
        content = Content.assemble(*parts)
        return content.stylize(Style.from_meta({"action": self.action})) if self.action else content


def stale_age(reading: Reading[Any], now: datetime) -> str:
    """Return the age of a stale value, such as ``2m``; empty if the value is fresh or was never read."""
    return words.age(reading.as_of, now) if reading.is_stale(now) else ""
