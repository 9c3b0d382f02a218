"""One run's output as it is on the host, byte for byte, with the gaps of its delivery marked."""

from __future__ import annotations

import hashlib
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

Subscriber = Callable[[], None]
SEARCH_BLOCK = 4096  # lines that one step of a search looks at
_LINE_BY_LINE = re.compile(rb"\\[AZ]|\(\?[<!=>(]|[*+?}]\+")


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


class LogStore:
    """Bytes with the offsets of their lines. A last line without its end counts as a line."""

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.path: str | None = None
        self.generation = 0
        """Grows with each run: line numbers of another generation mean nothing in this one."""
        self._bytes = bytearray()
        self._starts = array("Q", [0])  # where each line starts; the last one is where the next byte goes
        self._marks: list[GapMark] = []
        self._subscribers: list[Subscriber] = []

    @property
    def size(self) -> int:
        """Bytes held: the offset of the next one wanted."""
        return len(self._bytes)

    @property
    def line_count(self) -> int:
        """Lines, with the unfinished one."""
        return len(self._starts) - (1 if self._starts[-1] == self.size else 0)

    @property
    def marks(self) -> tuple[GapMark, ...]:
        """Gaps in the delivery, in order."""
        return tuple(self._marks)

    def begin(self, run_id: str, path: str) -> None:
        """Another run's output: start over."""
        self.run_id, self.path = run_id, path
        self._bytes.clear()
        self._starts = array("Q", [0])
        self._marks.clear()
        self.generation += 1
        self._tell()

    def feed(self, offset: int, data: bytes) -> int:
        """Keep what is new of ``data``, which starts at byte ``offset``; returns how many bytes were.

        Raises ValueError for a hole: bytes between what is held and ``offset``.
        """
        if offset > self.size:
            raise ValueError(f"{offset - self.size} bytes are missing before offset {offset}")
        fresh = data[self.size - offset :]
        if not fresh:
            return 0
        start = self.size
        self._bytes += fresh
        self._starts.extend(start + found.end() for found in re.finditer(rb"\n", fresh))
        self._tell()
        return len(fresh)

    def lost(self, at: datetime, why: str) -> None:
        """Delivery broke off; once per gap, however often it is said."""
        if self._marks and self._marks[-1].back_at is None:
            return
        self._marks.append(GapMark(self.line_count, self.size, at, None, why))
        self._tell()

    def back(self, at: datetime) -> None:
        """Delivery goes on."""
        if self._marks and self._marks[-1].back_at is None:
            self._marks[-1] = replace(self._marks[-1], back_at=at)
            self._tell()

    def line(self, index: int) -> bytes:
        """One line without its line feed. Raises IndexError."""
        start, end = self._span(index)
        return bytes(self._bytes[start:end])

    def lines(self, start: int, stop: int) -> list[bytes]:
        """Lines ``start`` to ``stop``, as far as they exist."""
        return [self.line(index) for index in range(max(0, start), min(stop, self.line_count))]

    def tail(self, count: int) -> list[bytes]:
        """The last ``count`` lines, oldest first."""
        return self.lines(self.line_count - count, self.line_count)

    @property
    def finished_count(self) -> int:
        """Lines that have their end: nothing that arrives changes them any more."""
        return len(self._starts) - 1

    def line_size(self, index: int) -> int:
        """Bytes of one line without its line feed, without copying it. Raises IndexError."""
        start, end = self._span(index)
        return end - start

    def last_drawing(self, index: int, limit: int) -> tuple[bytes, int]:
        """What carriage returns leave of a line: its last drawing, ``limit`` bytes of it, and how many it has.

        Never copies more than that, however long the line is. Raises IndexError.
        """
        start, end = self._span(index)
        while end > start and self._bytes[end - 1] == 0x0D:
            end -= 1
        start = max(start, self._bytes.rfind(b"\r", start, end) + 1)
        return bytes(self._bytes[start : min(end, start + limit)]), end - start

    def _span(self, index: int) -> tuple[int, int]:
        if not 0 <= index < self.line_count:
            raise IndexError(index)
        end = self._starts[index + 1] - 1 if index + 1 < len(self._starts) else self.size
        return self._starts[index], end

    def search(self, pattern: re.Pattern[bytes], start: int = 0) -> Iterator[int]:
        """Lines from ``start`` on that hold a match, in order, each once. The log may grow meanwhile."""
        while start < self.line_count:
            stop = min(self.line_count, start + SEARCH_BLOCK)
            yield from self.matching(pattern, start, stop)
            start = stop

    def matching(
        self, pattern: re.Pattern[bytes], start: int, stop: int, *, lowered: bool = False
    ) -> list[int]:
        """Those of the lines ``start`` to ``stop`` that hold a match: what asking each line alone would say.

        Looks at all their bytes in one go, which is what makes a million lines quick; in lower case if
        ``lowered``: several times quicker than a pattern that ignores case.
        """
        stop = min(stop, self.line_count)
        pattern, line_by_line = _for_bytes(pattern)
        if line_by_line:
            return [index for index in range(start, stop) if pattern.search(self._cased(index, lowered))]
        found: list[int] = []
        end = self._starts[stop] if stop < len(self._starts) else self.size
        line, starts, held, base = max(0, start), self._starts, self._bytes, 0
        if lowered and line < stop:
            held, base = self._bytes[starts[line] : end].lower(), starts[line]
        while line < stop and (match := pattern.search(held, starts[line] - base, end - base)) is not None:
            first, last = match.start() + base, match.end() + base
            line = bisect_right(starts, first, line) - 1
            if line >= stop:
                break
            line_end = starts[line + 1] - 1 if line + 1 < len(starts) else self.size
            # A match that runs on into the next line may hide one that does not.
            if last <= line_end or pattern.search(self._cased(line, lowered)):
                found.append(line)
            line += 1
        return found

    def _cased(self, index: int, lowered: bool) -> bytes:
        line = self.line(index)
        return line.lower() if lowered else line

    def bytes(self) -> bytes:
        """Everything held."""
        return bytes(self._bytes)

    def digest(self) -> str:
        """SHA-256 of everything held, in hex; the host's ``sha256sum`` of the same bytes says the same."""
        return hashlib.sha256(self._bytes).hexdigest()

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Be told after each change (not what changed); returns what ends it."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    def _tell(self) -> None:
        for callback in tuple(self._subscribers):
            callback()


@lru_cache(maxsize=64)
def _for_bytes(pattern: re.Pattern[bytes]) -> tuple[re.Pattern[bytes], bool]:
    """The pattern with line ends as ends; and whether it can only be asked line by line, since it looks around."""
    line_by_line = _LINE_BY_LINE.search(pattern.pattern) is not None
    flags = pattern.flags if line_by_line else pattern.flags | re.MULTILINE
    return re.compile(pattern.pattern, flags), line_by_line
