"""Stores the output of one run, byte for byte as on the host, and marks where the connection was lost.

Lines are only appended, so a line keeps its number while the run is shown. The store also has lines of
another source (``app.log``, see :mod:`labeltui.session.log.merge`). :meth:`LogStore.source_of` returns the
source of a line. :attr:`LogStore.late` lists the lines that arrived after later ones.
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
ROTATED = "a new log file was begun: lines may be missing here"
HALVED = "a new app.log was begun, but the server also writes to the old file: those lines are missing from here on"
UNREAD = "app.log can't be read: lines that are only in app.log are missing from here on"
NOT_LOST = frozenset({ROTATED, HALVED, UNREAD})
"""Reasons for marks that do not report a lost connection."""
Subscriber = Callable[[], None]
SEARCH_BLOCK = 8192  # lines that one step of a search reads, at most
LONG = 4 << 20
DRAWING_WITHIN = 8 << 20
"""Bytes at a line's end that are searched for its last drawing.

If none begins there, the whole line counts as the drawing.
"""
STEP = 1 << 16


@dataclass(frozen=True, slots=True)
class GapMark:
    """A loss of the connection before line ``line`` (from 0), at byte ``offset``.

    ``back_at`` is the time at which the connection came back; None while it is lost. Once the connection is
    back no line is missing, because reading resumes at that byte.
    """

    line: int
    offset: int
    lost_at: datetime
    back_at: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class LateLines:
    """A group of ``count`` lines, from line ``line`` (from 0) on, that arrived after later lines.

    ``since`` is the time of the first of these lines, by the host's wall clock and without zone; None if that
    line has no time. ``source`` names the stream that the lines come from.
    """

    line: int
    count: int
    source: str
    since: datetime | None


class LogStore:
    """Stores the bytes and splits them into lines. An incomplete last line counts as a line."""

    def __init__(self, blocks: Blocks | None = None) -> None:
        self.run_id: str | None = None
        self.path: str | None = None
        self.source = ""
        self.origin = STDOUT
        """The source of most lines: the run's stdout, or the API if labeltui did not start the server."""
        self.generation = 0
        """Counts the runs. Line numbers are only valid in their own generation."""
        self.errors = ErrorIndex()
        """Errors among the complete lines. The server watch feeds it."""
        self._blocks = blocks or Blocks()
        self._marks: list[GapMark] = []
        self._late: list[LateLines] = []
        self._size = 0
        # Where lines of another source begin, and after which line they end.
        self._first_others: list[int] = []
        self._others: list[tuple[int, str]] = []
        self._subscribers: Subscribers[[]] = Subscribers()

    @property
    def size(self) -> int:
        """Number of bytes of the run's own output, which is also the offset of the next byte."""
        return self._size

    @property
    def line_count(self) -> int:
        """Number of lines, including an incomplete one at the end."""
        return self._blocks.lines

    @property
    def marks(self) -> tuple[GapMark, ...]:
        """Marks of lost connections and missing lines, in order."""
        return tuple(self._marks)

    @property
    def late(self) -> tuple[LateLines, ...]:
        """Groups of lines that arrived after lines with a later time. The groups are in the order of lines."""
        return tuple(self._late)

    def source_of(self, line: int) -> str:
        """The source of a line: ``stdout``, ``app.log`` or ``api``."""
        at = bisect_right(self._first_others, line) - 1
        if at >= 0 and line < self._others[at][0]:
            return self._others[at][1]
        return self.origin

    @property
    def mixed(self) -> bool:
        """Whether the store has lines of two sources."""
        return bool(self._others)

    def begin(self, run_id: str, path: str, source: str = "") -> None:
        """Start over with another run. ``source`` names the source of its lines if that is not stdout."""
        self.run_id, self.path, self.source = run_id, path, source
        self.origin = API if source else STDOUT
        self._blocks.clear()
        for lines in (self._marks, self._late, self._first_others, self._others):
            lines.clear()
        self._size = 0
        self.errors.clear()
        self.generation += 1
        self._subscribers.notify()

    def feed(self, offset: int, data: bytes) -> int:
        """Store the new part of ``data``, which starts at byte ``offset``. Returns the number of new bytes.

        Raises ValueError if bytes before ``offset`` are missing.
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
        """Append a line of another source, including its line feed. ``at`` is the line's time.

        Raises ValueError if the last stored line is incomplete.
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
        """Mark that the connection was lost. Further calls do nothing until :meth:`back` is called."""
        if self._marks and self._marks[-1].back_at is None:
            return
        self._marks.append(GapMark(self.line_count, self.size, at, None, why))
        self._subscribers.notify()

    def back(self, at: datetime) -> None:
        """Close the open mark, because reading continues. Does nothing if no mark is open."""
        if self._marks and self._marks[-1].back_at is None:
            self._marks[-1] = replace(self._marks[-1], back_at=at)
            self._subscribers.notify()

    def line(self, index: int) -> bytes:
        """Return one line without its line feed. Raises IndexError."""
        return self._blocks.piece_of(*self._span(index))

    def lines(self, start: int, stop: int) -> list[bytes]:
        """Return the existing lines from ``start`` to ``stop``."""
        return [self.line(index) for index in range(max(0, start), min(stop, self.line_count))]

    def tail(self, count: int) -> list[bytes]:
        """The last ``count`` lines, oldest first."""
        return self.lines(self.line_count - count, self.line_count)

    @property
    def finished_count(self) -> int:
        """Number of complete lines. A complete line never changes."""
        return self._blocks.finished

    def line_size(self, index: int) -> int:
        """Return the size of one line in bytes, without its line feed. Copies nothing. Raises IndexError."""
        _, start, end = self._span(index)
        return end - start

    def last_drawing(self, index: int, limit: int) -> tuple[bytes, int]:
        """Return the last drawing of a line with carriage returns, and its full size in bytes.

        A terminal draws a line again after each carriage return. The last drawing is the text after the last
        carriage return; carriage returns at the end of the line do not count. At most ``limit`` bytes of the
        text are returned. The method copies little more than ``limit`` bytes, however long the line is, and
        searches only the last :data:`DRAWING_WITHIN` bytes. Raises IndexError.
        """
        block, start, end = self._span(index)
        if block.size <= LONG:
            line = self._blocks.piece_of(block, start, end).rstrip(b"\r")
            last = line[line.rfind(b"\r") + 1 :]
            return last[:limit], len(last)
        floor = max(start, end - DRAWING_WITHIN)
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
        """Return the block of a line, and the offsets in the block at which the line begins and ends."""
        if not 0 <= index < self.line_count:
            raise IndexError(index)
        block = self._blocks.block_of(index)
        at = index - block.first
        return block, block.starts[at], block.end_of(at)

    def step_from(self, start: int) -> int:
        """Return the line at which a search continues after one step from ``start``.

        One step reads at most one block.
        """
        block = self._blocks.block_of(start)
        return min(self.line_count, block.first + max(1, block.lines), start + SEARCH_BLOCK)

    def search(self, pattern: re.Pattern[bytes], start: int = 0) -> Iterator[int]:
        """Yield the numbers of the matching lines from ``start`` on, in order. The log may grow meanwhile."""
        while start < self.line_count:
            stop = self.step_from(start)
            yield from self.matching(pattern, start, stop)
            start = stop

    def matching(
        self, pattern: re.Pattern[bytes], start: int, stop: int, *, lowered: bool = False
    ) -> list[int]:
        """Return the numbers of the lines from ``start`` to ``stop`` that match, as if each were searched alone.

        Only about the first :data:`LONG` bytes of a longer line are searched. Each block is searched as a
        whole, which makes a search of a million lines fast. With ``lowered`` the search uses a lower-case
        copy, which is several times faster than a pattern that ignores case.
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
        """Iterate over all stored bytes, in pieces of complete lines."""
        return iter(self._blocks)

    def bytes(self) -> bytes:
        """Return all stored bytes."""
        return b"".join(self._blocks)

    def digest(self) -> str:
        """Return the SHA-256 of all stored bytes, in hex, as ``sha256sum`` on the host would print it."""
        digest = hashlib.sha256()
        for piece in self._blocks:
            digest.update(piece)
        return digest.hexdigest()

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call ``callback`` after each change. Returns a function that unsubscribes."""
        return self._subscribers.add(callback)
