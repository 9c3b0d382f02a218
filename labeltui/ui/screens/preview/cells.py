"""Draws a slice with its label as terminal cells: two pixels in each, or one shade of text without colours. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from labeltui.domain.studies.preview import Colour, Slice, colour_of

HALF = "▀"
SHADES = " .:-=+*#%@"
FIGURES = "123456789abcdefghijklmnopqrstuvwxyz"
CROSS, CROSS_PART = (255, 255, 255), 0.35
MOST_CELLS = 30_000
_FEWER_GREYS = bytes(
    value & 0xFC for value in range(256)
)  # so that more cells are equal, and come from the cache
_BOTH, _TOP, _BOTTOM = 1, 2, 3

Key = tuple[int, int, int, int, int]
"""The greys and the segments of a cell's upper and lower pixel, and the part of it that the crosshair covers."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a label is drawn: its ``opacity`` from 0 to 1, only its ``outline``, and in ``text`` without colours.

    ``colours`` are those that the labels themselves have.
    """

    opacity: float = 0.4
    outline: bool = False
    hidden: bool = False
    text: bool = False
    colours: Mapping[int, Colour] = field(default_factory=dict)


class Cells(dict[Key, Segment]):
    """The cells that were drawn so far. Text is less than a microsecond from here, and tens to make."""

    def __init__(self, drawing: Drawing) -> None:
        super().__init__()
        self._drawing = drawing

    def __missing__(self, key: Key) -> Segment:
        """Make a cell."""
        if len(self) > MOST_CELLS:
            self.clear()
        cell = self[key] = self._text(*key) if self._drawing.text else self._colours(*key)
        return cell

    def _colours(self, top: int, bottom: int, upper: int, lower: int, cross: int) -> Segment:
        first = self._pixel(top, upper, cross in (_BOTH, _TOP))
        second = self._pixel(bottom, lower, cross in (_BOTH, _BOTTOM))
        return Segment(HALF, Style.from_color(Color.from_rgb(*first), Color.from_rgb(*second)))

    def _pixel(self, grey: int, value: int, crossed: bool) -> tuple[int, int, int]:
        pixel = (grey, grey, grey)
        if value:
            pixel = blend(pixel, colour_of(value, self._drawing.colours), self._drawing.opacity)
        return blend(pixel, CROSS, CROSS_PART) if crossed else pixel

    @staticmethod
    def _text(top: int, bottom: int, upper: int, lower: int, cross: int) -> Segment:
        value = upper or lower
        if value:
            return Segment(FIGURES[(value - 1) % len(FIGURES)], _PLAIN)
        if cross:
            return Segment("|" if cross == _BOTH else "-", _PLAIN)
        return Segment(SHADES[(top + bottom) * len(SHADES) // 512], _PLAIN)


_PLAIN = Style()


def blend(under: tuple[int, int, int], over: tuple[int, int, int], part: float) -> tuple[int, int, int]:
    """Lay a colour over another; ``part`` is its opacity from 0 to 1."""
    red, green, blue = (
        round(below * (1 - part) + above * part) for below, above in zip(under, over, strict=True)
    )
    return red, green, blue


class Picture:
    """A slice with one of its labels, and the crosshair's pixel if there is one."""

    def __init__(
        self, drawn: Slice, label: int | None, cells: Cells, drawing: Drawing, cross: tuple[int, int] | None
    ) -> None:
        self.width, self.rows = drawn.width, (drawn.height + 1) // 2
        self._height, self._cells, self._cross = drawn.height, cells, cross
        self._grey = drawn.grey.translate(_FEWER_GREYS)
        has_label = label is not None and label < len(drawn.segments) and not drawing.hidden
        self._segments = drawn.segments[label] if has_label and label is not None else b""
        self._outline = drawing.outline
        self._none = bytes(drawn.width)

    def row(self, row: int) -> list[Segment]:
        """Return the cells of a row."""
        cells, top = self._cells, row * 2
        return [cells[key] for key in self._keys(top)]

    def _keys(self, top: int) -> Iterator[Key]:
        return zip(
            self._line(self._grey, top), self._line(self._grey, top + 1),
            self._label_line(top), self._label_line(top + 1), self._marks(top), strict=True,
        )  # fmt: skip

    def _line(self, pixels: bytes, line: int) -> bytes:
        if not pixels or not 0 <= line < self._height:
            return self._none
        return pixels[line * self.width : (line + 1) * self.width]

    def _label_line(self, line: int) -> bytes:
        own = self._line(self._segments, line)
        if not self._outline or own.count(0) == len(own):
            return own
        above, below = self._line(self._segments, line - 1), self._line(self._segments, line + 1)
        sides = zip(own, above, below, b"\0" + own[:-1], own[1:] + b"\0", strict=True)
        return bytes([0 if value == a == b == c == d else value for value, a, b, c, d in sides])

    def _marks(self, top: int) -> bytes:
        if self._cross is None:
            return self._none
        column, line = self._cross
        mark = {0: _TOP, 1: _BOTTOM}.get(line - top, 0)
        marks = bytearray([mark]) * self.width
        marks[column] = _BOTH
        return bytes(marks)
