"""Lines that scrolled off the top, wrapped to any width."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from bittty.terminals.scrollback import ScrollbackLine, rows_of
from bittty.video import Cell

from labeltui.ui.widgets.terminal.engine import LINES_MOST

ROWS_OF_ONE_LINE = 200  # an endless line is cut here, to bound the memory

Place = tuple[int, int]
"""The number of a line, counted from the first that ever scrolled off, and a row within the line."""


class History:
    """Lines as they were before wrapping. Beyond ``most`` lines, the oldest are dropped."""

    def __init__(self, most: int = LINES_MOST) -> None:
        self._lines: deque[ScrollbackLine] = deque(maxlen=most)
        self._open: list[ScrollbackLine] = []
        self._count = 0  # lines that were ever completed

    def append(self, row: ScrollbackLine, wrapped: bool) -> None:
        """Add a row. ``wrapped`` is True if its line continues in the next row."""
        if not wrapped and not self._open:
            self._lines.append(row)
            self._count += 1
            return
        self._open.append(row)
        if not wrapped or len(self._open) >= ROWS_OF_ONE_LINE:
            self._lines.append(ScrollbackLine.join(self._open))
            self._count += 1
            self._open.clear()

    def clear(self) -> None:
        """Drop all lines."""
        self._lines.clear()
        self._open.clear()

    @property
    def _first(self) -> int:
        return self._count - len(self._lines)

    @property
    def end(self) -> Place:
        """The place after the newest row, at which the live screen begins."""
        return self._count + bool(self._open), 0

    def _line(self, number: int) -> ScrollbackLine:
        if number >= self._count:
            return ScrollbackLine.join(self._open)
        return self._lines[number - self._first]

    def _rows(self, number: int, columns: int) -> int:
        rows: int = rows_of(self._line(number).width, columns)
        return rows

    def clamp(self, place: Place, columns: int) -> Place:
        """``place``, or the nearest one that exists at this width."""
        line, within = place
        if line < self._first:
            return self._first, 0
        if (line, 0) >= self.end:
            return self.end
        return line, min(within, self._rows(line, columns) - 1)

    def back(self, place: Place, rows: int, columns: int) -> Place:
        """The place ``rows`` above ``place``."""
        line, within = self.clamp(place, columns)
        while rows > within and line > self._first:
            rows -= within + 1
            line -= 1
            within = self._rows(line, columns) - 1
        return line, max(0, within - rows)

    def on(self, place: Place, rows: int, columns: int) -> Place:
        """The place ``rows`` below ``place``, at most the end."""
        line, within = self.clamp(place, columns)
        while (line, 0) < self.end:
            left = self._rows(line, columns) - within
            if rows < left:
                return line, within + rows
            rows -= left
            line, within = line + 1, 0
        return self.end

    def distance(self, place: Place, columns: int) -> int:
        """Rows from ``place`` to the end."""
        line, within = self.clamp(place, columns)
        stored = islice(self._lines, max(0, line - self._first), None)
        rows: int = sum(rows_of(one.width, columns) for one in stored)
        if self._open:
            rows += self._rows(self._count, columns)
        return max(0, rows - within)

    def cells(self, place: Place, columns: int) -> Sequence[Cell]:
        """The cells of the row at ``place``."""
        line, within = place
        stored = self._line(line)
        found: Sequence[Cell] = stored.cells(
            within * columns // stored.scale, (within + 1) * columns // stored.scale
        )
        return found
