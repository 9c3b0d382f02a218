"""Find the errors in a server's output, and the lines that belong to each error.

All code that counts, lists, marks or filters errors uses an :class:`ErrorIndex`. An error is

* a record of level ERROR or above, or such a line in uvicorn's own format (``ERROR:    ...``);
* a record or a bare line that means trouble (:mod:`labeltui.domain.log.meaning`), whatever its level;
* the end of a child process by a signal, unless a user stopped its task;
* a traceback, or a line that announces one.

The bare lines after the first line of an error belong to it, up to the next record. An exception and its
traceback are therefore one error.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from labeltui.domain.log.events import Killed, ReturnCode
from labeltui.domain.log.lines import LineKind, LogRecord, event
from labeltui.domain.log.meaning import Meaning, meaning

GRAVE = frozenset({"ERROR", "CRITICAL", "FATAL"})
NO_RECORD = -1
"""The value of ``record`` for an error that no record precedes."""
_TRACEBACK = re.compile(r"(?:[ |+]*|╭─+ )(?:Exception Group |Original )?Traceback \(most recent call last\)")
_ANNOUNCED = re.compile(
    r"(?:(?:ERROR: {1,8})?Exception in (?:[AW]SGI application|'lifespan' protocol)|[\w.]{0,100}RemoteTraceback:)\s*$"
)
_SIGNALLED = re.compile(r"Return code: -[1-9]\d{0,4}\s*$")
_LEVEL = re.compile(r"(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL): {1,8}")
"""The beginning of a line in uvicorn's own format."""


def announces(record: LogRecord) -> bool:
    """True for a line that only announces a traceback."""
    message = record.message
    return ("Exception in" in message or "RemoteTraceback:" in message) and _ANNOUNCED.match(
        message
    ) is not None


class LogError(NamedTuple):
    """The lines ``first`` to ``last`` of a log.

    ``record`` is the line of the record that is the error or that comes before it.
    """

    first: int
    last: int
    record: int


class ErrorIndex:
    """The errors of one log. Feed it each line once, in order, when the line is complete.

    The arrays grow in place and are never replaced, so that callers may keep references to them.
    """

    def __init__(self) -> None:
        self.read = 0
        """Number of lines read."""
        self.firsts = array("Q")
        """The first line of each error, in order."""
        self.tracebacks = array("Q")
        """The first lines of tracebacks, in order, chained ones included."""
        self._lasts, self._records = array("Q"), array("q")
        self.clear()

    def __len__(self) -> int:
        return len(self.firsts)

    def __getitem__(self, at: int) -> LogError:
        return LogError(self.firsts[at], self._lasts[at], self._records[at])

    def clear(self) -> None:
        """Forget everything, to start over with another log."""
        for lines in (self.firsts, self.tracebacks, self._lasts, self._records):
            del lines[:]
        self.read, self._stopped = 0, 0
        self._going_on = False  # True: the next bare line belongs to the last error
        self._record = NO_RECORD

    # -- reading

    def feed(self, record: LogRecord) -> Meaning | None:
        """Read the next line. Returns the line's problem, for an alert; None for most lines."""
        line, self.read = self.read, self.read + 1
        message, level = record.message, record.level
        # Up to ten thousand lines a second are read here, and searching for plain text is faster than a pattern.
        traceback = "Traceback (" in message and _TRACEBACK.match(message) is not None
        if traceback:
            self.tracebacks.append(line)
        meant = meaning(record)
        if record.kind is LineKind.BARE:
            found = _LEVEL.match(message)
            self._going_on = self._going_on and found is None  # a level ends an error, as a record does
            level = "" if found is None else found[1]
        else:
            self._record, self._going_on = line, False
            if (
                message.startswith(("Killed", "Return code"))
                and (signalled := self._signalled(record)) is not None
            ):
                meant = meant if signalled else None
                level = "ERROR" if signalled else level
        if self._going_on:
            self._lasts[-1] = line
        elif level in GRAVE or traceback or meant is not None or announces(record):
            self.firsts.append(line)
            self._lasts.append(line)
            self._records.append(self._record)
            self._going_on = True
        return meant

    def _signalled(self, record: LogRecord) -> bool | None:
        """True if the line reports a child process that a signal ended, False if a user had stopped its task.

        None for other lines.
        """
        if record.message.startswith("Killed background process"):
            self._stopped += isinstance(event(record), Killed)
        elif record.message.startswith("Return code: -"):
            if self._stopped and isinstance(event(record), ReturnCode):
                self._stopped -= 1
                return False
            return _SIGNALLED.match(record.message) is not None or None
        return None

    # -- asking

    def begins(self, line: int) -> bool:
        """True for the first line of an error."""
        return _has(self.firsts, line)

    def is_traceback(self, line: int) -> bool:
        """True for the first line of a traceback."""
        return _has(self.tracebacks, line)

    def of(self, line: int) -> LogError | None:
        """The error that a line belongs to; None for a line outside errors."""
        at = bisect_right(self.firsts, line) - 1
        return self[at] if at >= 0 and line <= self._lasts[at] else None

    def within(self, start: int, stop: int) -> Iterator[LogError]:
        """The errors that have lines from ``start`` up to but not including ``stop``, in order."""
        at = max(0, bisect_right(self.firsts, start) - 1)
        for index in range(at, bisect_left(self.firsts, stop)):
            if self._lasts[index] >= start:
                yield self[index]


def _has(lines: array[int], line: int) -> bool:
    at = bisect_left(lines, line)
    return at < len(lines) and lines[at] == line
