"""A log store whose index of errors is up to date, as in a session."""

from __future__ import annotations

from datetime import datetime

from labeltui.domain.log.lines import parse_line
from labeltui.session.log.blocks import Blocks
from labeltui.session.log.splitter import LineSplitter
from labeltui.session.log.store import LogStore


class IndexedLog(LogStore):
    """Updates its index of errors with each line that is added."""

    def __init__(self, blocks: Blocks | None = None) -> None:
        super().__init__(blocks)
        self._cutter = LineSplitter()

    def begin(self, run_id: str, path: str, source: str = "") -> None:
        self._cutter = LineSplitter()
        super().begin(run_id, path, source)

    def feed(self, offset: int, data: bytes) -> int:
        new = super().feed(offset, data)
        self._read(data[len(data) - new :])
        return new

    def add(self, source: str, line: bytes, *, late: bool = False, at: datetime | None = None) -> None:
        super().add(source, line, late=late, at=at)
        self._read(line)

    def _read(self, data: bytes) -> None:
        for line in self._cutter.feed(data):
            self.errors.feed(parse_line(line.decode("utf-8", "replace")))
