"""Which lines have a row: all, or those that are kept; of a traceback that is folded, one."""

from __future__ import annotations

from bisect import bisect_left

from labeltui.session.log.store import LogStore
from labeltui.ui.widgets.log.folds import Fold, Folds
from labeltui.ui.widgets.log.query import Sieve


class Rows:
    """Rows are numbered as if nothing were folded; what is folded away has a number, and no height.

    So nothing has to be counted again where a traceback is opened, however many there are.
    """

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.kept: Sieve | None = None
        self.folds = Folds(store)
        self.unfolded = False
        """Tracebacks are open, but for those in ``turned``; else it is the other way round."""
        self.turned: set[int] = set()

    @property
    def count(self) -> int:
        """Rows there are, with those that are folded away."""
        return self.store.line_count if self.kept is None else len(self.kept.lines)

    def line_of(self, row: int) -> int:
        """The line that a row shows."""
        return row if self.kept is None else self.kept.lines[row]

    def row_of(self, line: int) -> int:
        """The row of a line, else of the first one after it that is kept."""
        return line if self.kept is None else bisect_left(self.kept.lines, line)

    # -- folding

    def is_open(self, fold: Fold) -> bool:
        """Whether the reader wants to see all of it."""
        return self.unfolded != (fold.first in self.turned)

    def whole(self, fold: Fold) -> bool:
        """Whether all of its lines are kept: where some are, each of them is an answer, and none is hidden."""
        if self.kept is None:
            return True
        lines, first = self.kept.lines, bisect_left(self.kept.lines, fold.first)
        last = first + fold.hidden
        return last < len(lines) and lines[first] == fold.first and lines[last] == fold.last

    def closed(self, line: int) -> Fold | None:
        """The traceback that one row stands for, where the line is in one."""
        fold = self.folds.of(line)
        return (
            fold if fold is not None and fold.hidden and not self.is_open(fold) and self.whole(fold) else None
        )

    def turn(self, fold: Fold) -> None:
        """Open it, or fold it."""
        self.turned ^= {fold.first}

    def turn_all(self) -> bool:
        """Open all, or fold all; True when they are open then."""
        self.unfolded = not self.unfolded
        self.turned.clear()
        return self.unfolded

    def seen_for(self, line: int) -> int:
        """The line that stands on the screen for a line: itself where it is not folded away."""
        fold = self.closed(line)
        return line if fold is None else fold.told

    def seen_row(self, row: int) -> int:
        """The row that stands on the screen for a row."""
        if self.folds.none or row >= self.count:
            return row
        fold = self.closed(self.line_of(row))
        return row if fold is None else self.row_of(fold.told)

    def following(self, row: int) -> int:
        """The next row that is seen; ``count`` after the last one."""
        row, before, count = row + 1, row, self.count
        while not self.folds.none and row < count and (fold := self.closed(self.line_of(row))) is not None:
            seen = self.row_of(fold.told)
            if seen > before:
                return seen
            row = self.row_of(fold.last) + 1
        return row

    def preceding(self, row: int) -> int:
        """The row before that is seen; -1 before the first one."""
        row, after = row - 1, row
        while not self.folds.none and row >= 0 and (fold := self.closed(self.line_of(row))) is not None:
            seen = self.row_of(fold.told)
            if seen < after:
                return seen
            row = self.row_of(fold.first) - 1
        return row
