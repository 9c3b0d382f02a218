"""Rows of a card: a label and its texts."""

from __future__ import annotations

from textual.content import Content

from labeltui.ui.presentation.text import elide
from labeltui.ui.presentation.words import Tone, Word


def row(label: str, *parts: tuple[str, str] | Content, width: int = 9) -> Content:
    """Return a row: the label, faint and padded to ``width`` cells, then the parts."""
    return Content.assemble((f"{label:<{width}}", Tone.FAINT), *parts)


def state_text(word: Word, old: str = "") -> Content:
    """Return a state as glyph and word; faint and followed by the age ``old`` if that is not empty."""
    if not old:
        return Content.styled(str(word), word.tone)
    return Content.assemble((str(word), Tone.FAINT), (f" {old} old", Tone.WARN))


def wrapped(text: str, width: int, tone: Tone | str, most: int = 3) -> list[Content]:
    """Wrap ``text`` to at most ``most`` lines of ``width`` cells. ``text`` must have no control characters."""
    lines = Content.styled(text, tone).wrap(max(8, width))
    shown_lines = [line.rstrip() for line in lines[:most]]
    if len(lines) > most:
        shown_lines[-1] = Content.styled(elide(shown_lines[-1].plain + " …", max(8, width)), tone)
    return shown_lines
