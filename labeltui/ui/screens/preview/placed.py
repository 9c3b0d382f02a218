"""A slice as an image that the terminal shows: in the place of characters, or painted over blank cells."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region

from labeltui.ui.graphics import kitty
from labeltui.ui.screens.preview.raster import Raster

_BLACK = Style.from_color(bgcolor=Color.from_rgb(0, 0, 0))


class Placed:
    """The characters of an image of a number, in ``width`` columns and ``rows`` rows."""

    def __init__(self, number: int, width: int, rows: int) -> None:
        self.width, self.rows = width, rows
        self._style = Style.from_color(Color.from_rgb(*kitty.colour(number)))

    def row(self, row: int) -> list[Segment]:
        """Return the cells of a row."""
        return [Segment(kitty.cell(row, column), self._style) for column in range(self.width)]


class Painted:
    """Blank cells in ``width`` columns and ``rows`` rows, over which sixels are painted."""

    def __init__(self, image: Raster, width: int, rows: int, cell: tuple[int, int]) -> None:
        self.width, self.rows = width, rows
        self._image, self._cell = image, cell
        self._encoded: tuple[Region, str] | None = None

    def row(self, row: int) -> list[Segment]:
        """Return the cells of a row."""
        return [Segment(" ", _BLACK)] * self.width

    def sixels(self, cells: Region) -> str:
        """Return the sequence that paints these cells. That takes tens of milliseconds, but none for the same cells."""
        if self._encoded is None or self._encoded[0] != cells:
            from labeltui.ui.graphics.sixel import Part, encoded  # noqa: PLC0415 - numpy, in the thread that encodes

            wide, high = self._cell
            size = self.width * wide, self.rows * high
            part = Part(size, cells.x * wide, cells.y * high, cells.width * wide, cells.height * high)
            image = self._image
            self._encoded = cells, encoded(image.pixels, image.width, image.palette, part)
        return self._encoded[1]


def box(image: tuple[int, int], room: tuple[int, int], cell: tuple[int, int]) -> tuple[int, int]:
    """Return the columns and rows in which an image is as large as there is room for; pixels, cells, pixels."""
    columns, rows = (min(cells, kitty.MOST) for cells in room)
    scale = min(columns * cell[0] / image[0], rows * cell[1] / image[1])
    return tuple(
        max(1, min(most, round(side * scale / size)))
        for side, most, size in zip(image, (columns, rows), cell, strict=True)
    )  # type: ignore[return-value]
