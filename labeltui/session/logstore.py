"""One run's output as it is on the host, byte for byte, with the gaps of its delivery marked."""

from __future__ import annotations

import hashlib
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

Subscriber = Callable[[], None]


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
        if not 0 <= index < self.line_count:
            raise IndexError(index)
        end = self._starts[index + 1] - 1 if index + 1 < len(self._starts) else self.size
        return bytes(self._bytes[self._starts[index] : end])

    def lines(self, start: int, stop: int) -> list[bytes]:
        """Lines ``start`` to ``stop``, as far as they exist."""
        return [self.line(index) for index in range(max(0, start), min(stop, self.line_count))]

    def tail(self, count: int) -> list[bytes]:
        """The last ``count`` lines, oldest first."""
        return self.lines(self.line_count - count, self.line_count)

    def search(self, pattern: re.Pattern[bytes], start: int = 0) -> Iterator[int]:
        """Lines from ``start`` on that hold a match, in order, each once."""
        if start >= self.line_count:
            return
        seen = -1
        for found in pattern.finditer(self._bytes, self._starts[start]):
            index = bisect_right(self._starts, found.start()) - 1
            if index != seen and index < self.line_count:
                seen = index
                yield index

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
