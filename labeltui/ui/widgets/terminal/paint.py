"""Turns a terminal's rows into Textual's strips."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from labeltui.ui.widgets.terminal.engine import Attr, Colour, Cursor, Look, Row
from labeltui.ui.widgets.terminal.underline import Underlined, codes, understood


def _rich(colour: Colour) -> Color | None:
    if colour is None:
        return None
    return Color.from_ansi(colour) if isinstance(colour, int) else Color.from_rgb(*colour)


COLONS = understood()
STYLES_MOST = 4096


@lru_cache(maxsize=4096)
def style_of(look: Look, *, colons: bool = COLONS) -> Style:
    """Return a look as Rich's style; unset colours stay unset.

    ``colons`` says that the terminal understands ``4:3``, and so shows curly and dotted underlines.
    """
    attrs = look.attrs
    style = Style(
        color=_rich(look.foreground),
        bgcolor=_rich(look.background),
        bold=Attr.BOLD in attrs or None,
        dim=Attr.DIM in attrs or None,
        italic=Attr.ITALIC in attrs or None,
        underline=(Attr.UNDERLINE in attrs and Attr.DOUBLE_UNDERLINE not in attrs) or None,
        underline2=Attr.DOUBLE_UNDERLINE in attrs or None,
        blink=Attr.BLINK in attrs or None,
        reverse=Attr.REVERSE in attrs or None,
        conceal=Attr.CONCEAL in attrs or None,
        strike=Attr.STRIKE in attrs or None,
        overline=Attr.OVERLINE in attrs or None,
    )
    more = codes(look) if colons else ""
    return Underlined.of(style, more) if more else style


def strip_of(
    row: Row,
    width: int,
    base: Style,
    *,
    flipped: bool = False,
    colons: bool = COLONS,
    styles: dict[Look, Style] | None = None,
) -> Strip:
    """Return a row in exactly ``width`` cells over the widget's colours.

    With ``flipped``, it is in reverse video. ``styles`` caches the computed styles of rows with the same
    ``base``.
    """
    segments: list[Segment] = []
    used = 0
    styles = {} if styles is None else styles
    if len(styles) > STYLES_MOST:
        styles.clear()
    for run in row:
        style = styles.get(run.look)
        if style is None:
            style = styles[run.look] = base + style_of(run.look, colons=colons)
        if flipped:
            style += Style(reverse=Attr.REVERSE not in run.look.attrs)
        text = run.text if Attr.CONCEAL not in run.look.attrs else " " * run.cells
        segments.append(Segment(text, style))
        used += run.cells
    blank = base + Style(reverse=True) if flipped else base
    strip = Strip(segments, used)
    return strip.crop(0, width) if used > width else strip.extend_cell_length(width, blank)


def with_cursor(strip: Strip, cursor: Cursor, *, focused: bool) -> Strip:
    """The row with the cursor: a block if focused, else an underline."""
    column = cursor.column
    cell = strip.crop(column, column + 1)
    wide = strip.crop(column, column + 2)
    if len(wide.text) == 1:  # the cursor covers all of a wide character
        cell = wide
    under = not focused or cursor.shape == "underline"
    style = Style(underline=True) if under else Style(reverse=True)
    marked = Strip(
        [Segment(segment.text, (segment.style or Style()) + _turned(segment, style)) for segment in cell],
        cell.cell_length,
    )
    end = column + cell.cell_length
    return Strip.join([strip.crop(0, column), marked, strip.crop(end, strip.cell_length)])


def _turned(segment: Segment, style: Style) -> Style:
    """Undo reverse video in a cell, so that the cursor's own reverse video is visible."""
    if style.reverse and segment.style is not None and segment.style.reverse:
        return Style(reverse=False)
    return style
