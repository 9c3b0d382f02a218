"""``server logs``: lines of the server's output that pass the filters, and the gaps in their delivery.

A record's ``kind`` is ``line`` or ``gap``. Gaps are never filtered out, because they show where lines may be
missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeltui.actions.server import ServerLogsParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.log.errors import ErrorIndex
from labeltui.domain.log.filter import Scope, moment
from labeltui.domain.log.lines import LineKind, LogRecord, parse_line
from labeltui.domain.log.news import explain
from labeltui.domain.log.query import Query, parse_query
from labeltui.domain.problems import Failed, Misused
from labeltui.session.log.store import NOT_LOST, GapMark
from labeltui.session.server.remote_log import is_foreign

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

LONGEST = 65_536
"""Bytes of one line that are printed; the rest of a longer line is left out."""
FIRST_BYTES_S = 10.0
BATCH = 2000
"""Number of lines that are processed before other tasks may run."""


@dataclass
class LogFilter:
    """Filters lines in the order in which they were printed.

    Lines that follow a record or an error, such as a traceback, pass if the record or the error passes.
    """

    scope: Scope
    query: Query | None
    zone: tzinfo
    errors: ErrorIndex
    above: LogRecord | None = None  # the record that a bare line belongs to
    failing: bool = False  # the line belongs to an error

    def begin(self) -> None:
        """Forget the lines of the previous run."""
        self.above, self.failing = None, False

    def record(self, raw: bytes, index: int, source: str) -> dict[str, Any] | None:
        """Return the line as a record; None if the line does not pass. ``index`` is its place in the log, from 0.

        ``error`` is True for the first line of each error.
        """
        text = raw.decode("utf-8", "replace")
        parsed = parse_line(text)
        if parsed.kind is not LineKind.BARE:
            self.above, self.failing = parsed, False
        # An incomplete line is not in the index yet, so it belongs to the same record or error as the line above.
        if index < self.errors.read:
            self.failing = self.errors.of(index) is not None
        if not self._in_scope(parsed) or (self.query is not None and not self.query.matches(raw)):
            return None
        meaning = explain(parsed)
        return {
            "kind": "line",
            "source": source,
            "time": None if parsed.time is None else parsed.time.replace(tzinfo=self.zone).isoformat(),
            "level": parsed.level,
            "logger": parsed.logger,
            "message": parsed.message,
            "line": text,
            "index": index,
            "error": self.errors.begins(index),
            "meaning": None
            if meaning is None
            else {"kind": meaning.kind.value, "means": meaning.means, "todo": meaning.todo},
        }

    def _in_scope(self, parsed: LogRecord) -> bool:
        if not self.scope:
            return True
        if self.above is None and not self.failing:
            return False
        return self.scope.matches(self.above or parsed, error=self.failing)


def gap_record(mark: GapMark) -> dict[str, Any]:
    """Return the gap as a record. ``index`` is the number of the first line after the gap.

    Once the record has a ``to``, every later line was delivered.
    """
    gone = documents.moment(mark.lost_at)
    back = None if mark.back_at is None else documents.moment(mark.back_at)
    text = mark.why
    if mark.why not in NOT_LOST:
        text = f"connection lost {gone}" + ("" if back is None else f", back {back}") + f": {mark.why}"
    return {
        "kind": "gap",
        "from": gone,
        "to": back,
        "why": mark.why,
        "index": mark.line,
        "line": f"--- {text} ---",
    }


class _Gaps:
    """Yields each gap once, and again when its end is known."""

    def __init__(self) -> None:
        self._reported: list[GapMark] = []

    def due(self, marks: Sequence[GapMark], index: int) -> Iterator[dict[str, Any]]:
        """Return records of the gaps before line ``index`` that are new or have ended since the last call."""
        for at, mark in enumerate(marks):
            if mark.line > index or (at < len(self._reported) and self._reported[at] == mark):
                continue
            self._reported[at : at + 1] = [mark]
            yield gap_record(mark)


def log_filter(params: ServerLogsParams, now: datetime, errors: ErrorIndex) -> LogFilter:
    """Return the filter for these parameters. ``now`` is in the host's zone. Raises Misused ``bad_filter``."""
    wall = now.replace(tzinfo=None)
    try:
        scope = Scope(
            level=(params.level or "").upper(),
            logger=params.logger or "",
            since=moment(params.since, wall) if params.since else None,
            until=moment(params.until, wall, latest=True) if params.until else None,
        )
        query = parse_query(params.grep or "")
    except ValueError as error:
        raise Misused(
            Code.BAD_FILTER,
            f"The log can't be filtered like this: {error}.",
            "See `labeltui server logs --help`.",
        ) from error
    if now.tzinfo is None:
        raise ValueError("now has no zone")
    return LogFilter(scope, query, now.tzinfo, errors)


async def _has_log(session: Session) -> bool:
    """Whether there is a log; waits up to 10 s for the log of a server that labeltui did not start."""
    log, begun = session.log, asyncio.Event()
    if not log.size and is_foreign(session.store.state):
        unsubscribe = log.subscribe(lambda: begun.set() if log.size else None)
        try:
            async with asyncio.timeout(FIRST_BYTES_S):
                await begun.wait()
        except TimeoutError:
            return log.run_id is not None
        finally:
            unsubscribe()
    return log.run_id is not None


async def server_logs(session: Session, params: ServerLogsParams, report: Report) -> Document:
    """Emit the lines that the server has printed; with ``follow``, also each later line.

    Raises Failed ``no_log`` if there is no output, and Misused ``bad_filter``.
    """
    await session.readiness.settled()
    log = session.log
    if not await _has_log(session):
        raise Failed(
            Code.NO_LOG,
            "The host has no output of a server.",
            "Start the server with labeltui to read its output.",
        )
    reader = log_filter(params, session.clock().astimezone(session.watch.zone), log.errors)
    newest: deque[dict[str, Any]] | None = None
    if params.lines is not None:
        newest = deque(maxlen=max(0, params.lines))
    index, generation, follow = 0, log.generation, params.follow
    gaps = _Gaps()
    grown = asyncio.Event()
    unsubscribe = log.subscribe(grown.set)
    try:
        while True:
            grown.clear()
            if generation != log.generation:  # the server was started again
                index, generation, gaps = 0, log.generation, _Gaps()
                reader.begin()
            # A followed line is emitted once it is complete.
            end = log.finished_count if follow else log.line_count
            put = report.emit if newest is None else newest.append
            while index <= end and generation == log.generation:
                for gap in gaps.due(log.marks, index):
                    put(gap)
                if index == end:
                    break
                record = reader.record(log.last_drawing(index, LONGEST)[0], index, log.source_of(index))
                index += 1
                if record is not None:
                    put(record)
                if index % BATCH == 0:
                    await asyncio.sleep(0)
            for record in newest or ():
                report.emit(record)
            newest = None
            if not follow:
                return {
                    "as_of": documents.moment(session.clock()),
                    "lines": index,
                    "path": log.path,
                }
            await grown.wait()
    finally:
        unsubscribe()
