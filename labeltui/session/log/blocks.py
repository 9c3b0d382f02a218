"""Bytes in blocks of whole lines: the newest in memory, the older ones in a file that nobody else sees."""

from __future__ import annotations

import re
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import IO

BLOCK = 1 << 19
"""Bytes from which on a block takes no more lines. Its last line is whole: a longer line makes a longer block."""
IN_MEMORY = 16 << 20
"""Bytes of finished blocks that stay in memory; older ones go to the file."""
CACHED_BLOCKS = 4
CACHED_LONGEST = 4 * BLOCK


class Block:
    """Lines from ``first`` on, from byte ``base`` on.

    ``starts`` are relative to it, the last one is where the next line goes; ``data`` is None where it is not in memory.
    """

    __slots__ = ("base", "data", "first", "size", "spooled_at", "starts")

    def __init__(self, first: int, base: int) -> None:
        self.first, self.base, self.size = first, base, 0
        self.starts = array("Q", [0])
        self.data: bytearray | bytes | None = None
        self.spooled_at = 0

    @property
    def finished(self) -> int:
        """Lines that have their end."""
        return len(self.starts) - 1

    @property
    def lines(self) -> int:
        """Lines, with the unfinished one."""
        return len(self.starts) - (1 if self.starts[-1] == self.size else 0)

    def end_of(self, line: int) -> int:
        """Where a line (from 0) ends, without its line feed."""
        return self.starts[line + 1] - 1 if line + 1 < len(self.starts) else self.size


class Blocks:
    """All bytes, cut at line ends; nothing that is held is ever copied for more to be taken."""

    def __init__(self, in_memory: int = IN_MEMORY, block: int = BLOCK) -> None:
        self._limit, self._block = in_memory, block
        self._spool: IO[bytes] | None = None
        self._clear()

    def _clear(self) -> None:
        self._all: list[Block] = []
        self._firsts: list[int] = []
        self._begin(0, 0)
        self._spooled = 0  # so many of the first blocks are in the file
        self._spool_size = 0
        self._resident = 0  # bytes of finished blocks that are not in the file
        self._cache: dict[int, bytes] = {}

    def _begin(self, first: int, base: int) -> None:
        self._open = bytearray()
        block = Block(first, base)
        block.data = self._open
        self._all.append(block)
        self._firsts.append(first)

    def clear(self) -> None:
        """Hold nothing, and give the file back."""
        if self._spool is not None:
            self._spool.close()
        self._spool = None
        self._clear()

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._all[-1].base + self._all[-1].size

    @property
    def finished(self) -> int:
        """Lines that have their end."""
        return self._all[-1].first + self._all[-1].finished

    @property
    def lines(self) -> int:
        """Lines, with the unfinished one."""
        return self._all[-1].first + self._all[-1].lines

    @property
    def spooled(self) -> int:
        """Bytes that are in the file."""
        return self._spool_size

    def append(self, data: bytes) -> None:
        """More bytes at the end. A line beyond :data:`CACHED_LONGEST` goes to the file while it is still growing."""
        rest = memoryview(data)
        while rest:
            tail = self._all[-1]
            cut = len(rest)
            if tail.size + cut > self._block:
                # At the last line end within the block's room, else at the first one beyond it.
                at = len(data) - cut
                room = max(0, self._block - tail.size)
                end = data.rfind(b"\n", at, at + room)
                end = data.find(b"\n", at + room) if end < 0 else end
                cut = len(rest) if end < 0 else end + 1 - at
            start = tail.size
            self._write(tail, rest[:cut])
            tail.size += cut
            tail.starts.extend(start + found.end() for found in re.finditer(rb"\n", rest[:cut]))
            rest = rest[cut:]
            if tail.size == tail.starts[-1] and (rest or tail.size >= self._block):
                self._seal(tail)

    def _write(self, tail: Block, data: memoryview) -> None:
        if tail.data is not None:
            self._open += data
            if tail.size + len(data) <= CACHED_LONGEST or not self._to_spool(self._open):
                return
            tail.spooled_at, tail.data = self._spool_size, None
            self._spool_size += len(self._open)
            self._open = bytearray()
        elif self._to_spool(data):
            self._spool_size += len(data)
        else:  # no more room there
            self._open = bytearray(self._read(tail.spooled_at, tail.size))
            self._open += data
            tail.data = self._open

    def _seal(self, tail: Block) -> None:
        if tail.data is not None:
            tail.data = bytes(self._open)
            self._resident += tail.size
        self._begin(tail.first + tail.finished, tail.base + tail.size)
        while self._resident > self._limit:
            oldest = self._all[self._spooled]
            if oldest.data is not None:
                if not self._to_spool(oldest.data):
                    break
                oldest.spooled_at, oldest.data = self._spool_size, None
                self._spool_size += oldest.size
                self._resident -= oldest.size
            self._spooled += 1

    def _to_spool(self, data: bytes | bytearray | memoryview) -> bool:
        """Write to the end of the file; False where there is no room for one: then memory has to do."""
        try:
            if self._spool is None:
                self._spool = tempfile.TemporaryFile(prefix="labeltui-log-", buffering=0)  # noqa: SIM115
            self._spool.seek(self._spool_size)
            return self._spool.write(data) == len(data)
        except OSError:
            return False

    # -- reading

    def block_of(self, line: int) -> Block:
        """The block of a line that is held."""
        return self._all[bisect_right(self._firsts, line) - 1]

    def data_of(self, block: Block) -> bytes | bytearray:
        """All bytes of a block; those last read from the file are kept at hand."""
        if block.data is not None:
            return block.data
        found = self._cache.pop(block.first, None)
        if found is None:
            found = self._read(block.spooled_at, block.size)
            if block.size > CACHED_LONGEST:
                return found
            while len(self._cache) >= CACHED_BLOCKS:
                del self._cache[next(iter(self._cache))]
        self._cache[block.first] = found
        return found

    def head_of(self, block: Block, limit: int) -> bytes | bytearray:
        """The bytes of a block, of one that is longer the first ``limit`` only."""
        if block.data is None and block.size > max(limit, CACHED_LONGEST):
            return self._read(block.spooled_at, limit)
        return self.data_of(block)

    def piece_of(self, block: Block, start: int, end: int) -> bytes:
        """Some bytes of a block, without reading all of a long one."""
        if block.data is None and block.size > CACHED_LONGEST:
            return self._read(block.spooled_at + start, end - start)
        return bytes(memoryview(self.data_of(block))[start:end])

    def _read(self, at: int, count: int) -> bytes:
        pieces: list[bytes] = []
        if self._spool is not None:
            self._spool.seek(at)
        while self._spool is not None and count > 0 and (piece := self._spool.read(count)):
            pieces.append(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def __iter__(self) -> Iterator[bytes | bytearray]:
        """Everything held, block by block."""
        return (self.data_of(block) for block in self._all)
