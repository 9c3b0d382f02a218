"""The rows of a log: one per shown line, and one for a folded traceback."""

from __future__ import annotations

from bisect import bisect_left

from labeltui.session.log.store import LogStore
from labeltui.ui.widgets.log.folds import Fold, Folds
from labeltui.ui.widgets.log.query import Sieve


class Rows:
    """Numbers the rows as if nothing were folded: a folded line has a number but no height.

    So when one of many tracebacks is opened, the rows need not be counted again.
    """

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.subset: Sieve | None = None
        self.folds = Folds(store)
        self.unfolded = False
        """True: all tracebacks are open except those in ``turned``. False: only those in ``turned`` are."""
        self.turned: set[int] = set()

    @property
    def count(self) -> int:
        """The number of rows, folded ones included."""
        return self.store.line_count if self.subset is None else len(self.subset.lines)

    def line_of(self, row: int) -> int:
        """The line of a row."""
        return row if self.subset is None else self.subset.lines[row]

    def row_of(self, line: int) -> int:
        """The row of a line, else of the next one that is shown."""
        return line if self.subset is None else bisect_left(self.subset.lines, line)

    # -- folding

    def is_open(self, fold: Fold) -> bool:
        """Whether the reader has opened the fold."""
        return self.unfolded != (fold.first in self.turned)

    def whole(self, fold: Fold) -> bool:
        """Whether a filter shows all lines of the fold. If it shows only some, folding hides none of them."""
        if self.subset is None:
            return True
        lines, first = self.subset.lines, bisect_left(self.subset.lines, fold.first)
        last = first + fold.hidden
        return last < len(lines) and lines[first] == fold.first and lines[last] == fold.last

    def closed(self, line: int) -> Fold | None:
        """The folded traceback that a line belongs to; None if the line belongs to none, or to an open one."""
        fold = self.folds.of(line)
        return (
            fold if fold is not None and fold.hidden and not self.is_open(fold) and self.whole(fold) else None
        )

    def turn(self, fold: Fold) -> None:
        """Open a folded traceback, or fold an open one."""
        self.turned ^= {fold.first}

    def turn_all(self) -> bool:
        """Open or fold all tracebacks. Returns True if they are open now."""
        self.unfolded = not self.unfolded
        self.turned.clear()
        return self.unfolded

    def visible_line(self, line: int) -> int:
        """The line that is visible for a line: itself, or its fold's summary."""
        fold = self.closed(line)
        return line if fold is None else fold.summary

    def visible_row(self, row: int) -> int:
        """The row that is visible for a row."""
        if self.folds.none or row >= self.count:
            return row
        fold = self.closed(self.line_of(row))
        return row if fold is None else self.row_of(fold.summary)

    def following(self, row: int) -> int:
        """The next visible row; ``count`` after the last one."""
        row, before, count = row + 1, row, self.count
        while not self.folds.none and row < count and (fold := self.closed(self.line_of(row))) is not None:
            visible = self.row_of(fold.summary)
            if visible > before:
                return visible
            row = self.row_of(fold.last) + 1
        return row

    def preceding(self, row: int) -> int:
        """The previous visible row; -1 before the first one."""
        row, after = row - 1, row
        while not self.folds.none and row >= 0 and (fold := self.closed(self.line_of(row))) is not None:
            visible = self.row_of(fold.summary)
            if visible < after:
                return visible
            row = self.row_of(fold.first) - 1
        return row
