"""The lines of a log within a scope (level, logger, time, first line), and lines by their time."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import datetime, timedelta

from labeltui.domain.log.filter import LEVELS, Scope
from labeltui.domain.log.lines import BUNDLE_LEVELS, BUNDLE_LOGGER
from labeltui.domain.log.query import Query
from labeltui.session.log.store import LogStore
from labeltui.ui.widgets.log.query import Sieve

_TIME = rb"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d\d\d"
_STAMP = re.compile(rb"\[?(20\d\d-\d\d-\d\d) (\d\d:\d\d:\d\d)[,.](\d\d\d)")
_SPELLINGS = {"WARNING": b"WARN(?:ING)?", "CRITICAL": b"CRITICAL|FATAL"}
HEADER_BYTES = 48
LONGEST_HEAD = 700
LONGEST_RECORD = 5000
"""The most lines before or after a line that are searched for its record and its time."""
DISORDER = timedelta(minutes=2)
"""How much older a line may be than the line before it, because several processes write into one log."""


def heads(scope: Scope) -> re.Pattern[bytes]:
    """The first lines of records of that level and logger, at any time."""
    known = LEVELS[LEVELS.index(scope.level) :] if scope.level else ()
    level = b"|".join(_SPELLINGS.get(name, name.encode()) for name in known) or rb"\w{1,12}"
    name = rb"(?i:" + re.escape(scope.logger.encode()) + b")" if scope.logger else b""
    logger = rb"\([^)\n]{0,300}" + name if name else b""
    server = rb"\[" + _TIME + rb"\] (?:\[\d{1,10}\] )?\[[^\]\n]{0,200}\] \[(?:" + level + rb")\] " + logger
    worker = rb"\[" + _TIME + rb"\]\[ ?(?:" + level + rb")\]" + logger
    levels = level if known else BUNDLE_LEVELS.encode()
    bundle = (rb"\S{0,200}?" + name + rb"\S{0,200}" if name else BUNDLE_LOGGER.encode()) + b" - (?:" + levels
    handler = _TIME + rb" - (?:" + bundle + (b")" if name else rb")|(?:" + level + b")") + rb") - "
    return re.compile(rb"^(?:" + server + b"|" + worker + b"|" + handler + b")")


class Scoped(Sieve):
    """The lines of a store that are within a scope.

    Continuation lines and errors are in the scope if their record is.
    """

    def __init__(self, store: LogStore, scope: Scope, first: int = 0) -> None:
        super().__init__(store, Query(scope.text, (heads(scope),)))
        self.scope, self.first, self._born = scope, first, store.generation
        self._since, self._until = _stamp(scope.since), _stamp(scope.until)
        self._of_logger = heads(Scope(logger=scope.logger))
        self._asked = min(first, store.finished_count)

    def _answering(self, start: int, stop: int) -> list[int]:
        start = min(stop, max(start, self._from))
        if not self.scope:
            return list(range(start, stop))
        lines: list[int] = []
        if self._out_of_time(start, stop):
            return lines
        if self._goes_on(start):
            lines.extend(range(start, self._rest(start, stop)))
        for head in self.store.matching(self.query.patterns[0], start, stop):
            if self._in_time(head):
                lines.extend(range(head, self._rest(head + 1, stop)))
        errors = self._of_errors(start, stop)
        return sorted({*lines, *errors}) if errors else lines

    def _goes_on(self, line: int) -> bool:
        """Whether the record that a bare line here would continue is in scope."""
        if not self.lines or self.lines[-1] != line - 1:
            return False
        error = self.store.errors.of(line - 1) if self.scope.takes_errors else None
        if error is None:
            return True
        # The error alone may have been in scope, and may have ended.
        record = error.record
        return (
            record >= self._from
            and self.query.patterns[0].match(self._head(record)) is not None
            and self._in_time(record)
        )

    def _of_errors(self, start: int, stop: int) -> list[int]:
        """The lines of errors in scope, whatever their record's level."""
        if not self.scope.takes_errors:
            return []
        found: list[int] = []
        for error in self.store.errors.within(start, stop):
            if error.first >= self._from and self._selects(error.record):
                found.extend(range(max(start, error.first), min(stop, error.last + 1)))
        return found

    def _selects(self, record: int) -> bool:
        """Whether an error's record is in scope, apart from its level."""
        if not (self.scope.logger or self._since or self._until):
            return True
        return (
            record >= self._from
            and (not self.scope.logger or self._of_logger.match(self._head(record)) is not None)
            and self._in_time(record)
        )

    @property
    def _from(self) -> int:
        """Return the first line that may be in scope. It is 0 if the store has another run."""
        return self.first if self._generation == self._born else 0

    def _head(self, line: int) -> bytes:
        return self.store.last_drawing(line, LONGEST_HEAD)[0]

    def _out_of_time(self, start: int, stop: int) -> bool:
        """Whether all lines from ``start`` to ``stop`` are outside the scope's time by more than ``DISORDER``.

        Checks only the first and the last line, because lines are nearly in the order of their times.
        """
        since, until = self.scope.since, self.scope.until
        if since is not None and start < stop:
            newest = time_at(self.store, stop - 1)
            if newest is not None and newest + DISORDER < since:
                return True
        if until is not None and start < stop:
            oldest = time_at(self.store, start)
            return oldest is not None and oldest - DISORDER > until
        return False

    def _rest(self, line: int, stop: int) -> int:
        """The end of the record that continues at ``line``."""
        while line < stop and _STAMP.match(self.store.last_drawing(line, HEADER_BYTES)[0]) is None:
            line += 1
        return line

    def _in_time(self, line: int) -> bool:
        if not self._since and not self._until:
            return True
        found = _STAMP.match(self.store.last_drawing(line, HEADER_BYTES)[0])
        at = b"" if found is None else b"%b %b.%b" % found.groups()
        return bool(at) and self._since <= at and (not self._until or at <= self._until)


def _stamp(at: datetime | None) -> bytes:
    return b"" if at is None else f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}".encode()


def time_at(store: LogStore, line: int) -> datetime | None:
    """Return the time of a line, else the time of the record that it belongs to; None if it has none."""
    for index in range(min(line, store.line_count - 1), max(-1, line - LONGEST_RECORD), -1):
        if found := _STAMP.match(store.last_drawing(index, HEADER_BYTES)[0]):
            try:
                return datetime.fromisoformat((b"%b %b.%b" % found.groups()).decode())
            except ValueError:
                continue
    return None


def record_around(store: LogStore, line: int) -> range:
    """The lines of the record that a line belongs to."""

    def begins(index: int) -> bool:
        return _STAMP.match(store.last_drawing(index, HEADER_BYTES)[0]) is not None

    first, last = line, line + 1
    while first > max(0, line - LONGEST_RECORD) and not begins(first):
        first -= 1
    while last < min(store.line_count, line + LONGEST_RECORD) and not begins(last):
        last += 1
    return range(first, last)


def line_at(store: LogStore, at: datetime) -> int:
    """The first line at that time or later; the number of lines if there is none."""
    return bisect_left(range(store.line_count), at, key=lambda line: time_at(store, line) or datetime.min)
