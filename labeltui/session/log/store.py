"""One run's output as it is on the host, byte for byte, with the gaps of its delivery marked.

Lines only ever come at the end, so a line's number is its own for as long as the run is shown. Lines that another
source has besides (``app.log``, see :mod:`labeltui.session.log.merge`) stand among them: :meth:`LogStore.source_of`
names each line's source, :attr:`LogStore.late` the lines before which younger ones stand.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from labeltui.domain.log.errors import ErrorIndex
from labeltui.session.log.blocks import Block, Blocks
from labeltui.session.log.search import Lines
from labeltui.support.subscribers import Subscribers

STDOUT, APP_LOG, API = "stdout", "app.log", "api"
ROTATED = "the file was begun anew: lines between the two may be missing"
HALVED = "app.log was begun anew: lines are missing from here on, since the server goes on writing to the old one too"
UNREAD = "app.log can't be read: lines that only it has are missing from here on"
NOT_LOST = frozenset({ROTATED, HALVED, UNREAD})
"""Why of marks that do not stand for a lost connection."""
Subscriber = Callable[[], None]
SEARCH_BLOCK = 8192  # lines that one step of a search looks at, at most
LONG = 4 << 20
LOOKED_BACK = 8 << 20
"""Bytes from the end of a line within which its last drawing is looked for; else all of it is one drawing."""
STEP = 1 << 16


@dataclass(frozen=True, slots=True)
class GapMark:
    """Delivery broke off before line ``line`` (from 0), at byte ``offset``; ``back_at`` is None until it goes on.

    Nothing is missing once it is back: delivery resumes at the byte where it broke off.
    """

    line: int
    offset: int
    lost_at: datetime
    back_at: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class LateLines:
    """``count`` lines from line ``line`` (from 0) on came after younger ones; ``since`` is when the first was said.

    It is the host's wall clock without zone; None where the line does not say. ``source`` is where they are from.
    """

    line: int
    count: int
    source: str
    since: datetime | None


class LogStore:
    """Bytes with the offsets of their lines. A last line without its end counts as a line."""

    def __init__(self, blocks: Blocks | None = None) -> None:
        self.run_id: str | None = None
        self.path: str | None = None
        self.source = ""
        self.origin = STDOUT
        """What most lines are from: the run's stdout, or the API where labeltui did not start the server."""
        self.generation = 0
        """Grows with each run: line numbers of another generation mean nothing in this one."""
        self.errors = ErrorIndex()
        """Errors among the lines that have their end. Whoever reads the lines for their meaning feeds it."""
        self._blocks = blocks or Blocks()
        self._marks: list[GapMark] = []
        self._late: list[LateLines] = []
        self._size = 0
        self._first_others: list[
            int
        ] = []  # where lines of another source begin, and after which one they end
        self._others: list[tuple[int, str]] = []
        self._subscribers: Subscribers[[]] = Subscribers()

    @property
    def size(self) -> int:
        """Bytes held of the run's own output: the offset of the next one wanted."""
        return self._size

    @property
    def line_count(self) -> int:
        """Lines, with the unfinished one."""
        return self._blocks.lines

    @property
    def marks(self) -> tuple[GapMark, ...]:
        """Gaps in the delivery, in order."""
        return tuple(self._marks)

    @property
    def late(self) -> tuple[LateLines, ...]:
        """Lines that came after younger ones, in order."""
        return tuple(self._late)

    def source_of(self, line: int) -> str:
        """Where a line is from: ``stdout``, ``app.log`` or ``api``."""
        at = bisect_right(self._first_others, line) - 1
        if at >= 0 and line < self._others[at][0]:
            return self._others[at][1]
        return self.origin

    @property
    def mixed(self) -> bool:
        """Whether there are lines that another source has besides."""
        return bool(self._others)

    def begin(self, run_id: str, path: str, source: str = "") -> None:
        """Another run's output: start over. ``source`` names what is read where that is not the run's stdout."""
        self.run_id, self.path, self.source = run_id, path, source
        self.origin = API if source else STDOUT
        self._blocks.clear()
        for held in (self._marks, self._late, self._first_others, self._others):
            held.clear()
        self._size = 0
        self.errors.clear()
        self.generation += 1
        self._subscribers.notify()

    def feed(self, offset: int, data: bytes) -> int:
        """Keep what is new of ``data``, which starts at byte ``offset``; returns how many bytes were.

        Raises ValueError for a hole: bytes between what is held and ``offset``.
        """
        if offset > self.size:
            raise ValueError(f"{offset - self.size} bytes are missing before offset {offset}")
        fresh = data[self.size - offset :]
        if not fresh:
            return 0
        self._size += len(fresh)
        self._blocks.append(fresh)
        self._subscribers.notify()
        return len(fresh)

    def add(self, source: str, line: bytes, *, late: bool = False, at: datetime | None = None) -> None:
        """One more line that only another source has, with its line feed; ``at`` is when it was said.

        Raises ValueError inside a line.
        """
        first = self._blocks.finished
        if self._blocks.lines != first:
            raise ValueError("a line of another source can't stand inside a line")
        self._blocks.append(line)
        if self._others and self._others[-1] == (first, source):
            self._others[-1] = (first + 1, source)
        else:
            self._first_others.append(first)
            self._others.append((first + 1, source))
        if late:
            before = self._late[-1] if self._late else None
            if before is not None and before.source == source and before.line + before.count == first:
                self._late[-1] = replace(before, count=before.count + 1)
            else:
                self._late.append(LateLines(first, 1, source, at))
        self._subscribers.notify()

    def lost(self, at: datetime, why: str) -> None:
        """Delivery broke off; once per gap, however often it is said."""
        if self._marks and self._marks[-1].back_at is None:
            return
        self._marks.append(GapMark(self.line_count, self.size, at, None, why))
        self._subscribers.notify()

    def back(self, at: datetime) -> None:
        """Delivery goes on."""
        if self._marks and self._marks[-1].back_at is None:
            self._marks[-1] = replace(self._marks[-1], back_at=at)
            self._subscribers.notify()

    def line(self, index: int) -> bytes:
        """One line without its line feed. Raises IndexError."""
        return self._blocks.piece_of(*self._span(index))

    def lines(self, start: int, stop: int) -> list[bytes]:
        """Lines ``start`` to ``stop``, as far as they exist."""
        return [self.line(index) for index in range(max(0, start), min(stop, self.line_count))]

    def tail(self, count: int) -> list[bytes]:
        """The last ``count`` lines, oldest first."""
        return self.lines(self.line_count - count, self.line_count)

    @property
    def finished_count(self) -> int:
        """Lines that have their end: nothing that arrives changes them any more."""
        return self._blocks.finished

    def line_size(self, index: int) -> int:
        """Bytes of one line without its line feed, without copying it. Raises IndexError."""
        _, start, end = self._span(index)
        return end - start

    def last_drawing(self, index: int, limit: int) -> tuple[bytes, int]:
        """What carriage returns leave of a line: its last drawing, ``limit`` bytes of it, and how many it has.

        Never copies much more than that, however long the line is, nor looks further back in it than
        :data:`LOOKED_BACK`. Raises IndexError.
        """
        block, start, end = self._span(index)
        if block.size <= LONG:
            line = self._blocks.piece_of(block, start, end).rstrip(b"\r")
            last = line[line.rfind(b"\r") + 1 :]
            return last[:limit], len(last)
        floor = max(start, end - LOOKED_BACK)
        while end > floor:  # backwards, a piece at a time
            piece = self._blocks.piece_of(block, max(start, end - STEP), end)
            end -= len(piece) - len(piece.rstrip(b"\r"))
            if piece.rstrip(b"\r"):
                break
        seek = end
        while seek > floor:
            before = max(floor, seek - STEP)
            at = self._blocks.piece_of(block, before, seek).rfind(b"\r")
            if at >= 0:
                start = before + at + 1
                break
            seek = before
        return self._blocks.piece_of(block, start, min(end, start + limit)), end - start

    def _span(self, index: int) -> tuple[Block, int, int]:
        """The block of a line, and where in it the line begins and ends."""
        if not 0 <= index < self.line_count:
            raise IndexError(index)
        block = self._blocks.block_of(index)
        at = index - block.first
        return block, block.starts[at], block.end_of(at)

    def step_from(self, start: int) -> int:
        """Where a search that goes a step at a time goes on after ``start``: a step never reads more than a block."""
        block = self._blocks.block_of(start)
        return min(self.line_count, block.first + max(1, block.lines), start + SEARCH_BLOCK)

    def search(self, pattern: re.Pattern[bytes], start: int = 0) -> Iterator[int]:
        """Lines from ``start`` on that hold a match, in order, each once. The log may grow meanwhile."""
        while start < self.line_count:
            stop = self.step_from(start)
            yield from self.matching(pattern, start, stop)
            start = stop

    def matching(
        self, pattern: re.Pattern[bytes], start: int, stop: int, *, lowered: bool = False
    ) -> list[int]:
        """Those of the lines ``start`` to ``stop`` that hold a match: what asking each line alone would say.

        Of a line that is longer than :data:`LONG` bytes only about so many are looked at.
        Looks at all bytes of a block in one go, which is what makes a million lines quick; in lower case if
        ``lowered``: several times quicker than a pattern that ignores case.
        """
        start, stop = max(0, start), min(stop, self.line_count)
        found: list[int] = []
        while start < stop:
            block = self._blocks.block_of(start)
            lines = Lines(self._blocks.head_of(block, LONG), block.starts, min(block.size, LONG))
            end = min(stop - block.first, block.lines)
            hits = lines.matching(pattern, start - block.first, end, lowered=lowered)
            found.extend(block.first + line for line in hits)
            start = block.first + end
        return found

    def pieces(self) -> Iterator[bytes | bytearray]:
        """Everything held, in pieces of whole lines."""
        return iter(self._blocks)

    def bytes(self) -> bytes:
        """Everything held."""
        return b"".join(self._blocks)

    def digest(self) -> str:
        """SHA-256 of everything held, in hex; the host's ``sha256sum`` of the same bytes says the same."""
        digest = hashlib.sha256()
        for piece in self._blocks:
            digest.update(piece)
        return digest.hexdigest()

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Be told after each change (not what changed); returns what ends it."""
        return self._subscribers.add(callback)
