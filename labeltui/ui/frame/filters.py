"""Filters for every row before it is drawn: one for terminals that have only ASCII, one against blinking."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter

from labeltui.domain.glyphs import in_ascii

_STEADY = Style(blink=False, blink2=False)


class Ascii(LineFilter):
    """Draws each glyph in ASCII, and any other character as question marks. No text changes its width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the row in ASCII."""
        return [
            segment
            if segment.text.isascii() or segment.control
            else Segment(_as_wide(segment.text), segment.style)
            for segment in segments
        ]


class Steady(LineFilter):
    """Draws text that would blink without blinking."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the row without blinking."""
        return [
            Segment(segment.text, segment.style + _STEADY, segment.control)
            if segment.style is not None and (segment.style.blink or segment.style.blink2)
            else segment
            for segment in segments
        ]


def only_ascii(app: App[Any]) -> bool:
    """Return whether the app draws in ASCII."""
    return any(isinstance(one, Ascii) for one in app.get_line_filters())


def _as_wide(text: str) -> str:
    """Return ``text`` in ASCII, as wide as Textual takes it to be: emoji of several characters count once."""
    cells = cell_len(text)
    return in_ascii(text)[:cells].ljust(cells, "?")
