"""Whole lines out of a stream of bytes that may break anywhere."""

from __future__ import annotations

LONGEST = 1 << 20
"""Bytes that are kept of a line."""


class Cutter:
    """Whole lines out of a byte stream. Of a line beyond ``longest`` bytes the rest is counted, not kept."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._over = 0

    @property
    def within(self) -> bool:
        """True inside a line."""
        return bool(self._rest or self._over)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without their line feeds; one that was cut says by how much."""
        first, *lines = data.split(b"\n")
        self._keep(first)
        if not lines:
            return []
        whole = [self._taken()]
        for line in lines[:-1]:
            if len(line) <= self._longest:
                whole.append(line)
            else:
                self._keep(line)
                whole.append(self._taken())
        self._keep(lines[-1])
        return whole

    def _keep(self, data: bytes) -> None:
        room = self._longest - len(self._rest)
        self._rest += data if len(data) <= room else memoryview(data)[:room]
        self._over += max(0, len(data) - room)

    def _taken(self) -> bytes:
        line = bytes(self._rest)
        if self._over:
            line += b"... (%d more bytes)" % self._over
        self._rest.clear()
        self._over = 0
        return line
