"""The helper process: takes bytes and sends frames until its input ends. It does not import Textual, to start fast."""

from __future__ import annotations

import json
import os
import select
import sys
import time

from labeltui.ui.widgets.terminal.gate import Gate
from labeltui.ui.widgets.terminal.ghostty import wire
from labeltui.ui.widgets.terminal.ghostty.native import Screen

TAKEN_AT_ONCE = 256 * 1024
STDIN, STDOUT = 0, 1


class Child:
    """One screen, and the frames to send to the console."""

    def __init__(self, columns: int, rows: int, history: int) -> None:
        self._screen = Screen(columns, rows, history)
        self._gate = Gate()
        self._owed = True  # something changed since the last frame
        self._next = 0.0
        self._fed = 0  # bytes since the last frame

    def run(self) -> None:
        """Serve until the console closes the pipe."""
        reader = wire.Reader()
        self._frame_if_due()
        _send(wire.HELLO)
        while True:
            wait = max(0.0, self._next - time.monotonic()) if self._owed else None
            if select.select([STDIN], [], [], wait)[0]:
                data = os.read(STDIN, TAKEN_AT_ONCE)
                if not data:
                    return
                for kind, body in reader.take(data):
                    self._take(kind, body)
            self._frame_if_due()

    def _take(self, kind: int, body: bytes) -> None:
        screen, answer = self._screen, b""
        self._owed = True
        if kind == wire.FEED:
            self._fed += len(body)
            answer = screen.feed(self._gate.take(body).encode("utf-8", "replace"))
            for text in self._gate.copied:
                _send(wire.COPIED, text.encode())
            self._gate.copied.clear()
        elif kind == wire.RESIZE:
            screen.resize(*wire.PAIR.unpack(body))
        elif kind == wire.SCROLL:
            screen.scroll(*wire.ROWS.unpack(body))
        elif kind == wire.TO_END:
            screen.scroll_to_end()
        elif kind == wire.SEARCH:
            found = screen.search(body[1:].decode(), older=body[:1] == b"<")
            answer = b"1" if found else b"0"
        elif kind == wire.SYNC:
            self._next = 0.0
        self._frame_if_due()  # before the answer, so that the console has the frame when it gets the answer
        if kind in (wire.FEED, wire.SYNC, wire.SEARCH):
            _send(wire.DONE, answer)

    def _frame_if_due(self) -> None:
        now = time.monotonic()
        if self._owed and now >= self._next:
            wait = wire.FLOOD_FRAME_S if self._fed > wire.FLOOD_BYTES else wire.FRAME_S
            self._owed, self._next, self._fed = False, now + wait, 0
            _send(wire.FRAME, json.dumps(self._screen.frame(), separators=(",", ":")).encode())


def _send(kind: int, body: bytes = b"") -> None:
    left = memoryview(wire.message(kind, body))
    while left:
        left = left[os.write(STDOUT, left) :]


if __name__ == "__main__":
    try:
        Child(*map(int, sys.argv[1:])).run()
    except (KeyboardInterrupt, BrokenPipeError):  # the console has ended
        sys.exit(0)
