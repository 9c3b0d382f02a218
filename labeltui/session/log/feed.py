"""Follows a run's stdout and ``app.log`` through the agent and adds both to the log.

After a reconnect, each continues at the offset after the last byte that was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial

from labeltui.domain.problems import Failed
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import Chunk
from labeltui.session.log.merge import Merger, Piece
from labeltui.session.log.splitter import LineSplitter
from labeltui.session.log.store import APP_LOG, ROTATED, UNREAD, LogStore
from labeltui.session.runtime.supervise import Clock

GRACE_S = 1.0
"""Longest time in seconds between a line's arrival in ``app.log`` and in stdout."""
AGAIN_S = 5.0
"""Seconds from a failure to read ``app.log`` to the next attempt."""
SLICE = 16_384
"""Bytes that are processed at once: about a hundred lines."""
AFTER_THE_END = timedelta(seconds=5)
"""A record that is at most this much later than the end of a run still belongs to the run."""
APP_LOG_PATH, APP_LOG_ID, APP_LOG_OFFSET = "app_log", "app_log_id", "app_log_offset"


@dataclass(frozen=True, slots=True)
class AppLog:
    """The place in ``app.log`` where the records of a run begin.

    They begin at byte ``offset`` of the file whose id is ``file_id``.
    """

    path: str
    file_id: str = ""
    offset: int = 0

    @staticmethod
    def of(meta: Mapping[str, object]) -> AppLog | None:
        """Read an AppLog from the metadata of a run. Returns None if the metadata names no ``app.log``."""
        path, file_id, offset = (meta.get(key) for key in (APP_LOG_PATH, APP_LOG_ID, APP_LOG_OFFSET))
        if not isinstance(path, str) or not path:
            return None
        known = isinstance(file_id, str) and isinstance(offset, int)
        return AppLog(path, str(file_id), int(str(offset))) if known else AppLog(path)

    async def to_meta(self, agent: AgentClient) -> Mapping[str, object]:
        """Return metadata for a run that starts now, in the format that :meth:`of` reads."""
        try:
            found = await agent.stat(self.path)
        except Failed:  # without a file yet, every later line is of this run
            return {APP_LOG_PATH: self.path}
        if found.file_id is None:
            return {APP_LOG_PATH: self.path}
        return {
            APP_LOG_PATH: self.path,
            APP_LOG_ID: found.file_id,
            APP_LOG_OFFSET: found.size,
        }


class LogFeed:
    """Feeds the log and notifies its owner.

    Calls ``on_line(line, number, own)`` for every complete line, then ``on_fed()``. ``own`` is False for a
    line that only ``app.log`` has.
    """

    def __init__(
        self,
        log: LogStore,
        on_line: Callable[[bytes, int, bool], None],
        clock: Clock,
        on_fed: Callable[[], None] = lambda: None,
    ) -> None:
        self._log, self._on_line, self._clock, self._on_fed = log, on_line, clock, on_fed
        self.begin("", "", clear=False)

    def begin(
        self, run_id: str, path: str, source: str = "", app_log: AppLog | None = None, *, clear: bool = True
    ) -> None:
        """Start over with the output of another run."""
        self._merger, self._lines, self._number = Merger(), LineSplitter(), 0
        self._app_log, self._own_at_end = app_log, False
        self._own_id, self._base = "", 0  # the file that is read, and where it begins among all bytes
        self._moved = asyncio.Event()
        if app_log is not None:
            self._merger.with_app_log(app_log.file_id, app_log.offset)
        if clear:
            self._log.begin(run_id, path, source)

    @property
    def caught_up(self) -> bool:
        """Whether the log has everything that the run has written so far."""
        return self._own_at_end and self._merger.idle

    def ended(self, at: datetime, zone: tzinfo) -> None:
        """Record that the run ended at ``at``. Later lines of ``app.log`` belong to another run."""
        until = (at + AFTER_THE_END).astimezone(zone)
        self._merger.until = f"{until:%Y-%m-%d %H:%M:%S},{until.microsecond // 1000:03}".encode()

    @property
    def stored(self) -> int:
        """Number of bytes of the run's present output file that are in the log."""
        return self._log.size - self._base

    # -- chunks

    def own(self, chunk: Chunk) -> None:
        """Add bytes of stdout. Raises ValueError if earlier bytes are missing."""
        if chunk.file_id and self._own_id and chunk.file_id != self._own_id:
            self._base = self._merger.received  # the file was emptied or replaced, and is read from its start
        self._own_id = chunk.file_id or self._own_id
        self._mark_if_torn(chunk)
        self._own_at_end = chunk.at_end
        self._pass(self._merger.own(self._base + chunk.offset, chunk.data))

    def other(self, chunk: Chunk) -> None:
        """Add bytes of ``app.log``. Raises ValueError if earlier bytes are missing."""
        self._mark_if_torn(chunk)
        self._pass(self._merger.other(chunk.file_id, chunk.offset, chunk.data, at_end=chunk.at_end))

    def lost(self, at: datetime, why: str) -> None:
        """Handle a lost connection: add the bytes that have arrived to the log, then mark the gap."""
        self._take(self._merger.flush())
        self._log.lost(at, why)

    def _mark_if_torn(self, chunk: Chunk) -> None:
        if chunk.torn:
            self._mark(ROTATED)

    def _mark(self, why: str) -> None:
        now = self._clock()
        self.lost(now, why)
        self._log.back(now)

    def _pass(self, pieces: list[Piece]) -> None:
        self._take(pieces)
        self._moved.set()
        self._on_fed()

    def _take(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if piece.own:
                self._log.feed(self._log.size, piece.data)
            else:
                self._log.add(APP_LOG, piece.data, late=piece.late, at=_time(piece.when))
            for line in self._lines.feed(piece.data):
                self._on_line(line, self._number, piece.own)
                self._number += 1

    # -- from the agent

    def resume(self) -> tuple[int, str | None]:
        """Prepare for a new connection. Returns the offset and file id from which to follow stdout."""
        self._merger.resumed()
        return self._merger.received - self._base, self._own_id or None

    @property
    def app_log_position(self) -> tuple[int, str | None]:
        """The offset and file id from which to follow ``app.log``."""
        return self._merger.offset, self._merger.file_id or None

    def decide(self, number: int | None = None) -> None:
        """Treat the undecided lines of ``app.log`` up to ``number`` (None: all) as missing from stdout.

        Call it only after reading stdout up to a point that is later than these lines.
        """
        self._pass(self._merger.decide(self._merger.undecided if number is None else number))

    async def read(self, agent: AgentClient, path: str) -> None:
        """Follow a run's output until cancelled. Raises LabeltuiError when the agent is gone."""
        merger = self._merger
        offset, own_id = self.resume()
        other = []
        if self._app_log is not None:
            other = [self._read_app_log(agent, self._app_log.path), self._decide(agent, path)]
        tasks = [asyncio.create_task(work) for work in other]
        try:
            async for chunk in agent.follow(path, offset, file_id=own_id):
                for piece in _slices(chunk):
                    if merger is self._merger:  # another run may have begun meanwhile
                        self.own(piece)
                    await asyncio.sleep(0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_app_log(self, agent: AgentClient, path: str) -> None:
        merger, marked = self._merger, False
        while merger is self._merger and not merger.over:
            try:
                await self._follow_app_log(agent, path, merger)
            except (Failed, ValueError):
                if merger is not self._merger:
                    return
                self._pass(merger.without_app_log())
                if not marked:
                    self._mark(UNREAD)
                marked = True
                await asyncio.sleep(AGAIN_S)

    async def _follow_app_log(self, agent: AgentClient, path: str, merger: Merger) -> None:
        offset, file_id = self.app_log_position
        async for chunk in agent.follow(path, offset, file_id=file_id):
            for piece in _slices(chunk):
                if merger is not self._merger or merger.over:
                    return
                self.other(piece)
                await asyncio.sleep(0)
            await self._until(lambda: not merger.crowded)

    async def _decide(self, agent: AgentClient, path: str) -> None:
        """Decide repeatedly about the undecided lines of ``app.log``.

        Stdout is first read up to an end that is later than these lines. A line that is still undecided then is
        not in stdout.
        """
        merger = self._merger
        while merger is self._merger:
            await self._until(lambda: merger.undecided > 0)
            number = merger.undecided
            await asyncio.sleep(GRACE_S)
            try:
                size = (await agent.stat(path)).size
            except Failed:
                size = 0  # the file was deleted: nothing more will come
            await self._until(partial(self._has_received, merger, size))
            if merger is self._merger:
                self.decide(number)

    def _has_received(self, merger: Merger, size: int) -> bool:
        return merger.received - self._base >= size

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._moved.clear()
            await self._moved.wait()


def _slices(chunk: Chunk) -> Iterator[Chunk]:
    """Split a chunk into parts of :data:`SLICE` bytes, so that the event loop can handle keys between two parts."""
    for at in range(0, max(1, len(chunk.data)), SLICE):
        last = at + SLICE >= len(chunk.data)
        yield Chunk(
            chunk.path, chunk.file_id, chunk.offset + at, chunk.data[at : at + SLICE],
            at_end=chunk.at_end and last, torn=chunk.torn and at == 0,
        )  # fmt: skip


def _time(when: bytes) -> datetime | None:
    try:
        return datetime.strptime(when.decode(), "%Y-%m-%d %H:%M:%S,%f") if when else None
    except ValueError:
        return None
