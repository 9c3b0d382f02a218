"""Stores bytes in blocks of whole lines: the newest in memory, older ones in an unnamed temporary file."""

from __future__ import annotations

import re
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import IO

BLOCK = 1 << 19
"""A block is finished once it has this many bytes. Its last line is always whole, so it may be longer."""
IN_MEMORY = 16 << 20
"""Bytes of finished blocks that stay in memory. Older blocks move to the file."""
CACHED_BLOCKS = 4
CACHED_LONGEST = 4 * BLOCK


class Block:
    """A block of lines that begins with line ``first`` and byte ``base`` of the log.

    ``starts`` has the offsets of its lines, counted from ``base``, and at the end the offset at which the
    next line will begin. ``data`` is None if the block is not in memory.
    """

    __slots__ = ("base", "data", "first", "size", "spooled_at", "starts")

    def __init__(self, first: int, base: int) -> None:
        self.first, self.base, self.size = first, base, 0
        self.starts = array("Q", [0])
        self.data: bytearray | bytes | None = None
        self.spooled_at = 0

    @property
    def finished(self) -> int:
        """Number of complete lines."""
        return len(self.starts) - 1

    @property
    def lines(self) -> int:
        """Number of lines, including an incomplete one at the end."""
        return len(self.starts) - (1 if self.starts[-1] == self.size else 0)

    def end_of(self, line: int) -> int:
        """Return the offset in the block of the line feed of a line (counted from 0)."""
        return self.starts[line + 1] - 1 if line + 1 < len(self.starts) else self.size


class Blocks:
    """All stored bytes, in blocks that end at line ends. Appending never copies bytes that are stored already."""

    def __init__(self, in_memory: int = IN_MEMORY, block: int = BLOCK) -> None:
        self._limit, self._block = in_memory, block
        self._spool: IO[bytes] | None = None
        self._clear()

    def _clear(self) -> None:
        self._all: list[Block] = []
        self._firsts: list[int] = []
        self._begin(0, 0)
        self._spooled = 0  # number of blocks that are in the file
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
        """Drop everything and close the file."""
        if self._spool is not None:
            self._spool.close()
        self._spool = None
        self._clear()

    @property
    def size(self) -> int:
        """Number of stored bytes."""
        return self._all[-1].base + self._all[-1].size

    @property
    def finished(self) -> int:
        """Number of complete lines."""
        return self._all[-1].first + self._all[-1].finished

    @property
    def lines(self) -> int:
        """Number of lines, including an incomplete one at the end."""
        return self._all[-1].first + self._all[-1].lines

    @property
    def spooled(self) -> int:
        """Number of bytes stored in the file."""
        return self._spool_size

    def append(self, data: bytes) -> None:
        """Append bytes. A line beyond :data:`CACHED_LONGEST` moves to the file before it is complete."""
        rest = memoryview(data)
        while rest:
            tail = self._all[-1]
            cut = len(rest)
            if tail.size + cut > self._block:
                # Split at the last line end that fits in the block, else at the first line end after that.
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
        else:  # the disk is full
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
        """Append to the file. Returns False if the disk is full; the bytes then stay in memory."""
        try:
            if self._spool is None:
                self._spool = tempfile.TemporaryFile(prefix="labeltui-log-", buffering=0)  # noqa: SIM115
            self._spool.seek(self._spool_size)
            return self._spool.write(data) == len(data)
        except OSError:
            return False

    # -- reading

    def block_of(self, line: int) -> Block:
        """The block of a stored line."""
        return self._all[bisect_right(self._firsts, line) - 1]

    def data_of(self, block: Block) -> bytes | bytearray:
        """Return all bytes of a block. Caches the blocks that were most recently read from the file."""
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
        """The first ``limit`` bytes of a block."""
        if block.data is None and block.size > max(limit, CACHED_LONGEST):
            return self._read(block.spooled_at, limit)
        return self.data_of(block)

    def piece_of(self, block: Block, start: int, end: int) -> bytes:
        """Return the bytes ``start`` to ``end`` of a block, without reading the rest of the block from the file."""
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
        """Iterate over all stored bytes, block by block."""
        return (self.data_of(block) for block in self._all)
