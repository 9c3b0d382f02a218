"""Widgets whose rows keep their width when a selection or a highlight divides an emoji."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual import widgets
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

JOINERS = ("\ufe0f", "\u200d")  # widen or join what stands before them, so they must not begin a segment


def whole(strip: Strip) -> Strip:
    """Return the row with segments that are together as wide as its whole text.

    A style that begins inside an emoji divides the emoji into parts. The parts are narrower than the emoji, so
    the rest of the row, such as a border, would move to the left.
    """
    segments = list(strip)
    if not any(joiner in text for text, _, _ in segments for joiner in JOINERS):
        return strip
    if sum(segment.cell_length for segment in segments) == strip.cell_length:
        return strip
    joined: list[Segment] = []
    for text, style, control in segments:
        count = _continuing(joined[-1].text, text) if joined else 0
        if count:
            before = joined[-1]
            joined[-1] = Segment(before.text + text[:count], before.style, before.control)
        joined.append(Segment(text[count:], style, control))
    return Strip(joined, strip.cell_length)


def _continuing(before: str, text: str) -> int:
    """Return the number of characters of ``text`` that belong to the last emoji of ``before``."""
    cells, count = cell_len(before + text), 0
    while count < len(text) and cell_len(before + text[:count]) + cell_len(text[count:]) != cells:
        count += 1
    return count


class WholeRows(Widget):
    """A widget whose rows are drawn by :func:`whole`."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows of a region."""
        return [whole(strip) for strip in super().render_lines(crop)]


class Options(widgets.OptionList):
    """Textual's ``OptionList``, whose cursor also reverses colours if a style sheet says so."""

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        """Return the style of component classes."""
        style = super().get_visual_style(*component_classes, partial=partial)
        reverses = any(self.get_component_styles(name).text_style.reverse for name in component_classes)
        return style + Style(reverse=True) if reverses else style


class Static(WholeRows, widgets.Static):
    """Textual's ``Static``, with rows that :func:`whole` draws."""
