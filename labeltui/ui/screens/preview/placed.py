"""A slice as an image that the terminal shows in the place of characters."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from labeltui.ui.graphics import kitty


class Placed:
    """The characters of an image of a number, in ``width`` columns and ``rows`` rows."""

    def __init__(self, number: int, width: int, rows: int) -> None:
        self.width, self.rows = width, rows
        self._style = Style.from_color(Color.from_rgb(*kitty.colour(number)))

    def row(self, row: int) -> list[Segment]:
        """Return the cells of a row."""
        return [Segment(kitty.cell(row, column), self._style) for column in range(self.width)]


def box(image: tuple[int, int], room: tuple[int, int], cell: tuple[int, int]) -> tuple[int, int]:
    """Return the columns and rows in which an image is as large as there is room for; pixels, cells, pixels."""
    columns, rows = (min(cells, kitty.MOST) for cells in room)
    scale = min(columns * cell[0] / image[0], rows * cell[1] / image[1])
    return tuple(
        max(1, min(most, round(side * scale / size)))
        for side, most, size in zip(image, (columns, rows), cell, strict=True)
    )  # type: ignore[return-value]
