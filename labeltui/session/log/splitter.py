"""Splits a byte stream into lines. The stream may arrive in pieces that end anywhere."""

from __future__ import annotations

LONGEST = 1 << 20
"""The most bytes that are stored of one line."""


class LineSplitter:
    """Splits a byte stream into lines. Bytes of a line beyond ``longest`` are counted and dropped."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._over = 0

    @property
    def in_line(self) -> bool:
        """Whether the stream is inside a line."""
        return bool(self._rest or self._over)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that ``data`` completes, without line feeds.

        A shortened line ends with the number of bytes that were dropped.
        """
        first, *lines = data.split(b"\n")
        self._add(first)
        if not lines:
            return []
        whole = [self._pop_line()]
        for line in lines[:-1]:
            if len(line) <= self._longest:
                whole.append(line)
            else:
                self._add(line)
                whole.append(self._pop_line())
        self._add(lines[-1])
        return whole

    def _add(self, data: bytes) -> None:
        room = self._longest - len(self._rest)
        self._rest += data if len(data) <= room else memoryview(data)[:room]
        self._over += max(0, len(data) - room)

    def _pop_line(self) -> bytes:
        line = bytes(self._rest)
        if self._over:
            line += b"... (%d more bytes)" % self._over
        self._rest.clear()
        self._over = 0
        return line
