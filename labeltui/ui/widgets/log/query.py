"""The lines of a log that match a query, found in slices."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left

from labeltui.domain.log.query import Query
from labeltui.session.log.store import LogStore


class Places(ABC):
    """Lines of a store in order, to step through."""

    def __init__(self, store: LogStore, lines: array[int]) -> None:
        self.store, self.lines = store, lines

    @abstractmethod
    def advance(self, budget_s: float) -> bool:
        """Search more lines for about ``budget_s``. Returns True if there are no more for now."""

    def after(self, line: int) -> int | None:
        """The first of the lines after ``line``; None without one."""
        at = bisect_left(self.lines, line + 1)
        return self.lines[at] if at < len(self.lines) else None

    def before(self, line: int) -> int | None:
        """The last of the lines before ``line``; None without one."""
        at = bisect_left(self.lines, max(0, line))
        return self.lines[at - 1] if at else None

    def place(self, line: int) -> int | None:
        """The position of ``line`` in :attr:`lines`, counted from 1; None if ``line`` is not in it."""
        at = bisect_left(self.lines, line)
        return at + 1 if at < len(self.lines) and self.lines[at] == line else None


class Errors(Places):
    """The first line of each error in the store's index."""

    def __init__(self, store: LogStore) -> None:
        super().__init__(store, store.errors.firsts)

    def advance(self, budget_s: float) -> bool:
        """Do nothing: the index is always complete."""
        return True


class Sieve(Places):
    """The lines of a store that match a query, in order.

    With ``within``, only lines of that other sieve. It follows the store as it grows, and starts over with
    another run. A line that was unfinished is tested again.
    """

    STEP = 1 << 20
    """The most lines that are tested between two checks of the clock."""

    def __init__(self, store: LogStore, query: Query, within: Sieve | None = None) -> None:
        super().__init__(store, array("Q"))
        self.query, self.within = query, within
        self._generation = store.generation
        self._asked = 0  # the number of lines that are tested for good

    @property
    def done(self) -> bool:
        """Whether every line was tested."""
        return self._generation == self.store.generation and self._asked >= self.store.finished_count

    def advance(self, budget_s: float) -> bool:
        """Test more lines for about ``budget_s``, first those of ``within``. Returns True once all are tested."""
        if self.within is not None and not self.within.done:
            self.within.advance(budget_s / 2)
        if self._generation != self.store.generation:
            self._generation, self._asked = self.store.generation, 0
            del self.lines[:]
        end = time.perf_counter() + budget_s
        del self.lines[bisect_left(self.lines, self._asked) :]
        start = self._asked
        while start < self._end:
            stop = min(self._end, self.store.step_from(start), start + self.STEP)
            self.lines.extend(self._answering(start, stop))
            start = stop
            self._asked = min(start, self.store.finished_count)
            if time.perf_counter() > end:
                break
        return start >= self.store.line_count

    @property
    def _end(self) -> int:
        count = self.store.line_count
        return count if self.within is None or self.within.done else min(count, self.within._asked)

    def _answering(self, start: int, stop: int) -> list[int]:
        query = self.query
        matching = [
            self.store.matching(pattern, start, stop, lowered=query.lowered) for pattern in query.patterns
        ]
        found = matching[0] if len(matching) == 1 else sorted(set().union(*matching))
        if query.negated:
            dropped = set(found)
            found = [line for line in range(start, stop) if line not in dropped]
        if self.within is not None:
            lines = self.within.lines
            within = set(lines[bisect_left(lines, start) : bisect_left(lines, stop)])
            found = [line for line in found if line in within]
        return found
