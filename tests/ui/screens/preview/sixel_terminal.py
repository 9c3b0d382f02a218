"""A terminal with sixels: it keeps characters and pixels in cells, and knows nothing of labeltui.

A character removes the pixels of its cell. The other screen has neither.
"""

from __future__ import annotations

import re

from rich.cells import cell_len

from tests.ui.graphics.sixels import Colour, painted

SEQUENCE = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H|(?P<sixel>\x1bP[0-9;]*q[^\x1b]*\x1b\\)|(?P<leave>\x1b\[\?1049l)"
    r"|\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]_P][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]_P])"
    r"|(?P<line>\n)|(?P<text>[^\x00-\x1f\x7f]+)|[\x00-\x1a]"
)
Place = tuple[int, int]


class SixelTerminal:
    """Reads whole sequences. ``cell`` is the size of a cell in pixels."""

    def __init__(self, size: tuple[int, int], cell: tuple[int, int]) -> None:
        self.cell = cell
        self.resize(*size)
        self.painted = 0
        """How many pictures were painted."""

    def resize(self, columns: int, rows: int) -> None:
        """Take another size, and lose everything that was shown."""
        self.size = columns, rows
        self.characters: dict[Place, str] = {}
        self.pixels: dict[Place, dict[Place, Colour]] = {}
        """The pixels of each cell that has some, by their place on the screen."""
        self.scrolled = False
        """Whether a picture reached the last line, at which terminals scroll."""
        self._at = 0, 0

    def read(self, text: str) -> None:
        for found in SEQUENCE.finditer(text):
            column, row = self._at
            if found["row"]:
                self._at = int(found["column"]) - 1, int(found["row"]) - 1
            elif found["line"]:
                self._at = column, row + 1
            elif found["text"]:
                self._write(found["text"])
            elif found["sixel"]:
                self._paint(found["sixel"])
            elif found["leave"]:
                self.resize(*self.size)

    def _write(self, text: str) -> None:
        column, row = self._at
        for character in text:
            self.characters[column, row] = character
            for place in range(column, column + cell_len(character)):
                self.pixels.pop((place, row), None)
            column += cell_len(character)
        self._at = column, row

    def _paint(self, sequence: str) -> None:
        (width, height), picture = self.cell, painted(sequence)
        left, top = self._at[0] * width, self._at[1] * height
        self.scrolled |= top + picture.size[1] > (self.size[1] - 1) * height
        for (x, y), colour in picture.pixels.items():
            place = left + x, top + y
            self.pixels.setdefault((place[0] // width, place[1] // height), {})[place] = colour
        self.painted += 1

    @property
    def covered(self) -> set[Place]:
        """The cells on the screen that have pixels."""
        return {(column, row) for column, row in self.pixels if column < self.size[0] and row < self.size[1]}

    def pixel(self, column: float, row: float) -> Colour:
        """The colour of a place, in cells."""
        place = int(column * self.cell[0]), int(row * self.cell[1])
        return self.pixels[int(column), int(row)][place]
