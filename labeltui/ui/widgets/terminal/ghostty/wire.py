"""The protocol between console and helper: messages of a kind (one byte), a length, and a body.

Each ``FEED``, ``SYNC`` and ``SEARCH`` is answered by one ``DONE``, in order; frames come in between. The console
treats the helper's messages as hostile, since hostile bytes may have caused them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HELLO, FEED, RESIZE, SCROLL, TO_END, SYNC, SEARCH, DONE, FRAME, COPIED = b"HFRSEYQDVC"
"""The kinds of messages and their bodies.

HELLO: the child is ready. RESIZE: columns and rows. SCROLL: rows,
negative is up. SEARCH: b"<" or b">" and UTF-8. DONE: answers to write back, or b"1"/b"0" for a search. FRAME:
JSON. COPIED: text for the clipboard, UTF-8.
"""

MESSAGE_MOST = 16 << 20
FRAME_S = 1 / 60  # seconds between frames at least, but at once after a pause
FLOOD_BYTES, FLOOD_FRAME_S = 100_000, 1 / 25  # seconds between frames during a flood, which nobody can read

_HEAD = struct.Struct(">BI")
PAIR = struct.Struct(">HH")
ROWS = struct.Struct(">i")


class Garbled(Exception):
    """The bytes are not a valid message."""


def message(kind: int, body: bytes = b"") -> bytes:
    """Encode a message."""
    return _HEAD.pack(kind, len(body)) + body


class Reader:
    """Splits a stream into messages."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def take(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages that ``data`` completes. Raises Garbled for an impossible length."""
        self._pending += data
        while len(self._pending) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._pending)
            if length > MESSAGE_MOST:
                raise Garbled(f"a message of {length} bytes")
            end = _HEAD.size + length
            if len(self._pending) < end:
                return
            body = bytes(self._pending[_HEAD.size : end])
            del self._pending[:end]
            yield kind, body
