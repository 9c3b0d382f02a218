"""``labeltui server logs``: the records of the server's output, as they are wanted, and the gaps in their delivery.

A record's ``kind`` is ``line`` or ``gap``. Gaps come whatever is asked for: they say what may be missing from it.
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
from labeltui.domain.log.query import Query, asked
from labeltui.domain.problems import Failed, Misused
from labeltui.session.log.store import NOT_LOST, GapMark
from labeltui.session.server.remote_log import found

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

LONGEST = 65_536
"""Bytes of a line that are printed."""
FIRST_BYTES_S = 10.0
BATCH = 2000
"""Records between two breaths: others live on this loop too."""


@dataclass
class Wanted:
    """Reads lines in order; those that go on under a record or an error are kept when it is."""

    scope: Scope
    query: Query | None
    zone: tzinfo
    errors: ErrorIndex
    above: LogRecord | None = None  # the record that a bare line goes on under
    failing: bool = False  # the line belongs to an error

    def begin(self) -> None:
        """Start over with another run."""
        self.above, self.failing = None, False

    def record(self, raw: bytes, index: int, source: str) -> dict[str, Any] | None:
        """The line as a record, None if it is not wanted. ``line`` is its text, ``index`` its place from 0.

        ``error`` is True for the first line of each error.
        """
        text = raw.decode("utf-8", "replace")
        told = parse_line(text)
        if told.kind is not LineKind.BARE:
            self.above, self.failing = told, False
        if index < self.errors.read:  # else a line without its end: it belongs where the one above does
            self.failing = self.errors.of(index) is not None
        if not self._scoped(told) or (self.query is not None and not self.query.keeps(raw)):
            return None
        meant = explain(told)
        return {
            "kind": "line",
            "source": source,
            "time": None if told.time is None else told.time.replace(tzinfo=self.zone).isoformat(),
            "level": told.level,
            "logger": told.logger,
            "message": told.message,
            "line": text,
            "index": index,
            "error": self.errors.begins(index),
            "meaning": None
            if meant is None
            else {"kind": meant.kind.value, "means": meant.means, "todo": meant.todo},
        }

    def _scoped(self, told: LogRecord) -> bool:
        if not self.scope:
            return True
        if self.above is None and not self.failing:
            return False
        return self.scope.keeps(self.above or told, error=self.failing)


def gap_record(mark: GapMark) -> dict[str, Any]:
    """Where delivery broke off: before line ``index``. Nothing is missing once there is a ``to``."""
    gone = documents.moment(mark.lost_at)
    back = None if mark.back_at is None else documents.moment(mark.back_at)
    words = mark.why
    if mark.why not in NOT_LOST:
        words = f"connection lost {gone}" + ("" if back is None else f", back {back}") + f": {mark.why}"
    return {
        "kind": "gap",
        "from": gone,
        "to": back,
        "why": mark.why,
        "index": mark.line,
        "line": f"--- {words} ---",
    }


class _Gaps:
    """Marks that have not been told yet, or not with their end."""

    def __init__(self) -> None:
        self._told: list[GapMark] = []

    def due(self, marks: Sequence[GapMark], index: int) -> Iterator[dict[str, Any]]:
        """Those before line ``index``; one that has healed since it was told is told again."""
        for at, mark in enumerate(marks):
            if mark.line > index or (at < len(self._told) and self._told[at] == mark):
                continue
            self._told[at : at + 1] = [mark]
            yield gap_record(mark)


def wanted(params: ServerLogsParams, now: datetime, errors: ErrorIndex) -> Wanted:
    """What the parameters ask for; ``now`` in the host's zone, ``errors`` of the log. Raises ``Misused``."""
    wall = now.replace(tzinfo=None)
    try:
        scope = Scope(
            level=(params.level or "").upper(),
            logger=params.logger or "",
            since=moment(params.since, wall) if params.since else None,
            until=moment(params.until, wall, latest=True) if params.until else None,
        )
        query = asked(params.grep or "")
    except ValueError as error:
        raise Misused(
            Code.BAD_FILTER, f"The log can't be filtered so: {error}.", "See labeltui server logs --help."
        ) from error
    if now.tzinfo is None:
        raise ValueError("a time of the host needs its zone")
    return Wanted(scope, query, now.tzinfo, errors)


async def _begun(session: Session) -> bool:
    """Whether there is a log: that of a server which labeltui did not start has to be asked for first."""
    log, begun = session.log, asyncio.Event()
    if not log.size and found(session.store.state):
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
    """What the server has printed; with ``follow``, also what it will print."""
    await session.settled()
    log = session.log
    if not await _begun(session):
        raise Failed(
            Code.NO_LOG,
            "There is no output of a server here.",
            "Start the server with labeltui to follow it.",
        )
    reader = wanted(params, session.clock().astimezone(session.watch.zone), log.errors)
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
            # Whoever follows gets a line once it is whole.
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
