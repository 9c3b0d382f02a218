"""The lines of a log that answer a question, found a slice at a time."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left

from labeltui.domain.log.query import Query
from labeltui.session.log.store import LogStore
from labeltui.ui.widgets.log.folds import STAMP, TRACEBACK, Folds

ERRORS = Query(
    "errors",
    tuple(
        re.compile(found)
        for found in (
            rb"ERROR(?:\]| - )", rb"CRITICAL(?:\]| - )", rb"FATAL(?:\]| - )", rb"Traceback \(", rb"Return code: -\d",
        )
    ),
)  # fmt: skip
"""Each begins with letters of its own, which is what makes it quick; what they find is looked at again."""
_ERROR = re.compile(
    rb"\[20[^\]]{10,40}\](?: \[[^\]]{0,200}\]){0,2} ?\[ ?(?:ERROR|CRITICAL|FATAL)\]"
    rb"|20[\d-]{8} [\d:,.]{8,20} - (?:ERROR|CRITICAL|FATAL) - "
)
_SIGNALLED = re.compile(rb"\[20.{20,300}\) - Return code: -\d")
_STOPPED = b"Killed background process"
STOPPED_WITHIN = 500
"""Lines within which a child ends that somebody stopped."""
_LONGEST_TRACEBACK = 2000


class Sieve:
    """The lines of a store that answer a query, in order, each once; ``within`` another sieve's.

    It follows the store as it grows and starts over with another run. An unfinished line is asked again.
    """

    STEP = 1 << 20
    """Lines that are asked between two looks at the clock, at most."""

    def __init__(self, store: LogStore, query: Query, within: Sieve | None = None) -> None:
        self.store, self.query, self.within = store, query, within
        self.lines = array("Q")
        self._generation = store.generation
        self._asked = 0  # lines that need not be asked again

    @property
    def done(self) -> bool:
        """Every line there is has been asked."""
        return self._generation == self.store.generation and self._asked >= self.store.finished_count

    def advance(self, budget_s: float) -> bool:
        """Ask more lines, for about that long; True when all have been. Those it is within are asked first."""
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
            kept = set(lines[bisect_left(lines, start) : bisect_left(lines, stop)])
            found = [line for line in found if line in kept]
        return found

    def after(self, line: int) -> int | None:
        """The first one after ``line``."""
        at = bisect_left(self.lines, line + 1)
        return self.lines[at] if at < len(self.lines) else None

    def before(self, line: int) -> int | None:
        """The last one before ``line``."""
        at = bisect_left(self.lines, max(0, line))
        return self.lines[at - 1] if at else None

    def place(self, line: int) -> int | None:
        """Which one ``line`` is, from 1; None if it is none of them."""
        at = bisect_left(self.lines, line)
        return at + 1 if at < len(self.lines) and self.lines[at] == line else None


class Errors(Sieve):
    """Errors, each once: the traceback that follows an error's line belongs to it, as do those it caused.

    What is found on the way also tells where tracebacks are: ``folds``.
    """

    STEP = 2048

    def __init__(self, store: LogStore) -> None:
        super().__init__(store, ERRORS)
        self.folds = Folds(store)

    def advance(self, budget_s: float) -> bool:
        """As of any sieve."""
        if self._generation != self.store.generation:
            self.folds.clear()
        return super().advance(budget_s)

    def _answering(self, start: int, stop: int) -> list[int]:
        found: list[int] = []
        candidates = super()._answering(start, stop)
        self.folds.take(min(stop, self.store.finished_count), candidates)
        for line in candidates:
            head = self.store.last_drawing(line, 500)[0]
            if _ERROR.match(head) or (_SIGNALLED.match(head) and not self._stopped(line)):
                found.append(line)
            elif TRACEBACK.match(head) and not STAMP.match(head):
                last = found[-1] if found else (self.lines[-1] if self.lines else None)
                if last is None or not self._goes_on(last, line):
                    found.append(line)
        return found

    def _stopped(self, line: int) -> bool:
        """Whether somebody stopped the child whose end the line tells: then it was killed too, and that is no error."""
        ends = 1
        for before in range(line - 1, max(-1, line - STOPPED_WITHIN), -1):
            head = self.store.last_drawing(before, 500)[0]
            ends += (_SIGNALLED.match(head) is not None) - (_STOPPED in head)
            if not ends:
                return True
        return False

    def _goes_on(self, error: int, line: int) -> bool:
        """Nothing but the rest of the error stands between it and this line."""
        fold = self.folds.of(line)
        first = line if fold is None else fold.first
        if first < line:
            return True
        if line - error > _LONGEST_TRACEBACK:
            return False
        between = range(line - 1, error, -1)
        return not any(STAMP.match(self.store.last_drawing(index, 32)[0]) for index in between)
