"""The native engine without its helper process: both sides of the pipe run here.

A process for each of several hundred vectors would take a minute. The helper process has its own tests in
test_ghostty.py.
"""

from __future__ import annotations

import json

from labeltui.ui.widgets.terminal.answers import known
from labeltui.ui.widgets.terminal.engine import Cursor, Frame, Modes
from labeltui.ui.widgets.terminal.gate import Gate
from labeltui.ui.widgets.terminal.ghostty.engine import frame_of


class DirectEngine:
    """An engine with the methods that the tests of engines call."""

    name = "ghostty"

    def __init__(self, columns: int, rows: int) -> None:
        from labeltui.ui.widgets.terminal.ghostty.native import Screen  # where there is a wheel of it

        self._screen = Screen(columns, rows, 1000)
        self._gate = Gate()
        self._frame = Frame(columns, ((),) * rows, Cursor(0, 0), Modes())

    async def feed(self, data: bytes) -> bytes:
        return known(self._screen.feed(self._gate.take(data).encode("utf-8", "replace")))

    async def sync(self) -> Frame:
        self._frame = frame_of(json.loads(json.dumps(self._screen.frame())), self._frame)
        return self._frame

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(columns, rows)

    def close(self) -> None:
        del self._screen

    async def closed(self) -> None: ...
