"""Brings a run's output into the store: stdout and ``app.log`` through the agent, each from where it was left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from labeltui.domain.problems import Failed
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import Chunk
from labeltui.session.log.merge import Merger, Piece
from labeltui.session.log.splitter import Cutter
from labeltui.session.log.store import APP_LOG, ROTATED, UNREAD, LogStore
from labeltui.session.runtime.supervise import Clock

GRACE_S = 1.0
"""How long a line of ``app.log`` may be there before stdout has it."""
AGAIN_S = 5.0
"""After which ``app.log`` is tried again that could not be read."""
SLICE = 16_384
"""Bytes that are read at once: about a hundred lines."""
AFTER_THE_END = timedelta(seconds=5)
"""How long after a run's end its last records may be dated."""
APP_LOG_PATH, APP_LOG_ID, APP_LOG_OFFSET = "app_log", "app_log_id", "app_log_offset"


@dataclass(frozen=True, slots=True)
class AppLog:
    """Where a run's records begin in its app's ``app.log``: at that byte of the file with that id."""

    path: str
    file_id: str = ""
    offset: int = 0

    @staticmethod
    def of(meta: Mapping[str, object]) -> AppLog | None:
        """As the run's starter noted it; None where it did not."""
        path, file_id, offset = (meta.get(key) for key in (APP_LOG_PATH, APP_LOG_ID, APP_LOG_OFFSET))
        if not isinstance(path, str) or not path:
            return None
        known = isinstance(file_id, str) and isinstance(offset, int)
        return AppLog(path, str(file_id), int(str(offset))) if known else AppLog(path)

    async def noted(self, agent: AgentClient) -> Mapping[str, object]:
        """What :meth:`of` reads, for a run that starts now."""
        try:
            found = await agent.stat(self.path)
        except Failed:  # no such file yet: all of it will be this run's
            return {APP_LOG_PATH: self.path}
        if found.file_id is None:
            return {APP_LOG_PATH: self.path}
        return {
            APP_LOG_PATH: self.path,
            APP_LOG_ID: found.file_id,
            APP_LOG_OFFSET: found.size,
        }


class LogFeed:
    """Feeds the store, and tells ``on_line(line, number, own)`` of every whole line: its bytes, its number there.

    ``own`` is False for lines that only ``app.log`` has.
    """

    def __init__(self, log: LogStore, on_line: Callable[[bytes, int, bool], None], clock: Clock) -> None:
        self._log, self._on_line, self._clock = log, on_line, clock
        self._fed: Callable[[], None] = lambda: None
        self.begin("", "", clear=False)

    def begin(
        self, run_id: str, path: str, source: str = "", app_log: AppLog | None = None, *, clear: bool = True
    ) -> None:
        """Another run's output: start over."""
        self._merger, self._lines, self._number = Merger(), Cutter(), 0
        self._app_log, self._own_at_end = app_log, False
        self._own_id, self._base = "", 0  # the file that is read, and where among all bytes it begins
        self._moved = asyncio.Event()
        if app_log is not None:
            self._merger.beside(app_log.file_id, app_log.offset)
        if clear:
            self._log.begin(run_id, path, source)

    def told(self, fed: Callable[[], None]) -> None:
        """Be told after each delivery."""
        self._fed = fed

    @property
    def caught_up(self) -> bool:
        """Everything that the run has printed so far is in the store, and what ``app.log`` has besides."""
        return self._own_at_end and self._merger.idle

    def ended(self, at: datetime, zone: tzinfo) -> None:
        """The run is over: what is written to ``app.log`` from then on is none of its."""
        until = (at + AFTER_THE_END).astimezone(zone)
        self._merger.until = f"{until:%Y-%m-%d %H:%M:%S},{until.microsecond // 1000:03}".encode()

    @property
    def held(self) -> int:
        """Bytes of the file of the run's output that are in the store."""
        return self._log.size - self._base

    # -- what comes

    def own(self, chunk: Chunk) -> None:
        """Bytes of the run's output. Raises ValueError for a hole."""
        if chunk.file_id and self._own_id and chunk.file_id != self._own_id:
            self._base = self._merger.received  # somebody emptied or replaced the file: it begins again
        self._own_id = chunk.file_id or self._own_id
        self._mind_torn(chunk)
        self._own_at_end = chunk.at_end
        self._pass(self._merger.own(self._base + chunk.offset, chunk.data))

    def other(self, chunk: Chunk) -> None:
        """Bytes of ``app.log``. Raises ValueError for a hole."""
        self._mind_torn(chunk)
        self._pass(self._merger.other(chunk.file_id, chunk.offset, chunk.data, at_end=chunk.at_end))

    def lost(self, at: datetime, why: str) -> None:
        """Delivery broke off: what had come is shown, above the mark."""
        self._take(self._merger.let_go())
        self._log.lost(at, why)

    def _mind_torn(self, chunk: Chunk) -> None:
        if chunk.torn:
            self._mark(ROTATED)

    def _mark(self, why: str) -> None:
        now = self._clock()
        self.lost(now, why)
        self._log.back(now)

    def _pass(self, pieces: list[Piece]) -> None:
        self._take(pieces)
        self._moved.set()
        self._fed()

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

    async def read(self, agent: AgentClient, path: str) -> None:
        """Follow a run's output for as long as the agent is there; raises what ends it."""
        merger = self._merger
        merger.resumed()
        beside = []
        if self._app_log is not None:
            beside = [self._read_app_log(agent, self._app_log.path), self._settle(agent, path)]
        tasks = [asyncio.create_task(other) for other in beside]
        try:
            own_id = self._own_id or None
            async for chunk in agent.follow(path, merger.received - self._base, file_id=own_id):
                for piece in _slices(chunk):
                    if merger is self._merger:  # else another log is shown meanwhile
                        self.own(piece)
                    await asyncio.sleep(0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_app_log(self, agent: AgentClient, path: str) -> None:
        merger, told = self._merger, False
        while merger is self._merger and not merger.over:
            try:
                await self._follow_app_log(agent, path, merger)
            except (Failed, ValueError):
                if merger is not self._merger:
                    return
                self._pass(merger.alone())
                if not told:
                    self._mark(UNREAD)
                told = True
                await asyncio.sleep(AGAIN_S)

    async def _follow_app_log(self, agent: AgentClient, path: str, merger: Merger) -> None:
        async for chunk in agent.follow(path, merger.offset, file_id=merger.file_id or None):
            for piece in _slices(chunk):
                if merger is not self._merger or merger.over:
                    return
                self.other(piece)
                await asyncio.sleep(0)
            await self._until(lambda: not merger.crowded)

    async def _settle(self, agent: AgentClient, path: str) -> None:
        """Decide about lines that stdout has not brought, once it has been read to an end that is younger."""
        merger = self._merger
        while merger is self._merger:
            await self._until(lambda: merger.undecided > 0)
            number = merger.undecided
            await asyncio.sleep(GRACE_S)
            try:
                size = (await agent.stat(path)).size
            except Failed:
                size = 0  # somebody removed it: nothing more will come
            await self._until(lambda size=size: merger.received - self._base >= size)  # type: ignore[misc]
            if merger is self._merger:
                self._pass(merger.settle(number))

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._moved.clear()
            await self._moved.wait()


def _slices(chunk: Chunk) -> Iterator[Chunk]:
    """A delivery in parts that each hold the event loop for a moment only: keys are answered in between."""
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
