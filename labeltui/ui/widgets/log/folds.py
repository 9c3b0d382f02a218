"""Finds tracebacks in a log while it grows. Chained exceptions are one fold."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from labeltui.domain.log.errors import announces
from labeltui.domain.log.lines import parse_line
from labeltui.session.log.store import LogStore

HEAD_BYTES = 400
"""Bytes at a line's start that are examined. They include thread, logger, and the first words of the message."""
LONGEST = 20_000
"""The most lines that one traceback may have."""
AROUND = 1500
"""Number of lines around a visible line that are examined before others."""
STEP = 2048
"""The most lines that are examined between two checks of the clock."""
STAMP = re.compile(rb"\[?20\d\d-\d\d-\d\d \d\d:\d\d:\d\d")
_CHAINED = re.compile(
    rb"(?:The above exception was the direct cause|During handling of the above exception)|\"\"\""
)
_INNER = re.compile(
    rb"[\s+]*\|[\s|+]*(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Group|Interrupt|Exit|Warning)(?::|$)"
)
_BOX = (b"\xe2\x94", b"\xe2\x95")  # what rich draws around its tracebacks


class Fold(NamedTuple):
    """Lines ``first`` to ``last`` are one traceback; ``summary`` is the line that names its last exception."""

    first: int
    last: int
    summary: int

    @property
    def hidden(self) -> int:
        """The number of lines that folding hides."""
        return self.last - self.first


class Folds:
    """The folds of a store's log while it grows.

    The store's index of errors has the start of each traceback, and its furthest end.
    """

    def __init__(self, store: LogStore) -> None:
        self._store, self._errors = store, store.errors
        self._generation = store.generation
        self._firsts, self._lasts, self._summaries = array("Q"), array("Q"), array("Q")
        self._taken = 0
        self._ahead: tuple[range, Folds] | None = None
        self._going_on = False  # the last fold may take the next line
        self._named = False  # its exception is named: later lines belong to it only if they look like it
        self._inner = False  # an exception of its group is named

    def __len__(self) -> int:
        return len(self._firsts)

    def __getitem__(self, index: int) -> Fold:
        return Fold(self._firsts[index], self._lasts[index], self._summaries[index])

    def clear(self) -> None:
        """Forget all folds, for another run."""
        for lines in (self._firsts, self._lasts, self._summaries):
            del lines[:]
        self._taken, self._going_on, self._ahead = 0, False, None

    @property
    def none(self) -> bool:
        """True if no line is in a traceback."""
        return not self._errors.tracebacks

    def of(self, line: int) -> Fold | None:
        """The fold that a line belongs to; None without one.

        First examines the lines around it, if that was not done.
        """
        if self._taken <= line < self._errors.read and not self.none:
            return self._read_ahead(line).of(line)
        at = bisect_right(self._firsts, line) - 1
        return self[at] if at >= 0 and line <= self._lasts[at] else None

    def _read_ahead(self, line: int) -> Folds:
        if self._ahead is None or line not in self._ahead[0]:
            start = max(self._taken, line - AROUND)
            stop = min(self._errors.read, line + AROUND)
            folds = Folds(self._store)
            folds._taken = start
            folds._take(stop)
            self._ahead = (range(start, stop), folds)
        return self._ahead[1]

    def advance(self, budget_s: float) -> bool:
        """Examine more lines for about ``budget_s``. Returns True once all finished lines are examined."""
        if self._generation != self._store.generation:
            self._generation = self._store.generation
            self.clear()
        end = time.perf_counter() + budget_s
        while self._taken < self._errors.read:
            self._take(min(self._taken + STEP, self._errors.read))
            if time.perf_counter() > end:
                break
        return self._taken >= self._errors.read

    def _take(self, stop: int) -> None:
        self._ahead = None
        self._grow(stop)
        tracebacks = self._errors.tracebacks
        for at in range(bisect_left(tracebacks, self._taken), bisect_left(tracebacks, stop)):
            if self._taken <= tracebacks[at]:
                self._begin(tracebacks[at])
                self._grow(stop)
        self._taken = max(self._taken, stop)

    def _head(self, line: int) -> bytes:
        return self._store.last_drawing(line, HEAD_BYTES)[0]

    def _begin(self, line: int) -> None:
        first, free = line, self._lasts[-1] + 1 if self._lasts else 0
        while first > max(free, line - 3) and not self._errors.begins(first) and self._leads(first - 1):
            first -= 1
        for lines, value in ((self._firsts, first), (self._lasts, line), (self._summaries, line)):
            lines.append(value)
        self._going_on, self._named, self._inner, self._taken = True, False, False, line + 1

    def _leads(self, line: int) -> bool:
        """Whether the line only announces a traceback."""
        record = parse_line(self._head(line).decode("utf-8", "replace"))
        return announces(record) or record.message.rstrip() == '"""'

    def _grow(self, stop: int) -> None:
        """Add the lines that continue the last traceback."""
        while self._going_on and self._taken < stop:
            line = self._taken
            self._going_on = line - self._firsts[-1] < LONGEST and self._belongs(line, self._head(line))
            if self._going_on:
                self._lasts[-1] = line
                self._taken += 1

    def _belongs(self, line: int, head: bytes) -> bool:
        """Whether the line continues the last traceback. Also updates the state of that traceback."""
        error = self._errors.of(line)
        if error is None or error.first == line or STAMP.match(head):
            return False
        if self._errors.is_traceback(line):
            self._named = self._inner = False
            return True
        if not head.strip():
            return True
        if head[:1].isspace() or head[:1] in b"|+" or head.startswith(_BOX):
            if self._redrawn(line, head):
                return False
            if not self._named and ((inner := _INNER.match(head) is not None) or not self._inner):
                self._inner, self._summaries[-1] = inner, line
            return True
        if self._named or self._inner:
            return _CHAINED.match(head) is not None
        if _CHAINED.match(head) is None:
            self._named, self._summaries[-1] = True, line
        return True

    def _redrawn(self, line: int, head: bytes) -> bool:
        """Whether the line is a redrawn progress bar.

        Such a line is not part of a traceback, even if it is indented.
        """
        more = self._store.line_size(line) - self._store.last_drawing(line, 0)[1]
        return more > 1 or (more == 1 and not self._store.line(line).endswith(b"\r"))
