"""How the console and its emulator talk: messages of a kind (one byte), a length, and a body.

Every ``FEED``, ``SYNC`` and ``SEARCH`` is answered by one ``DONE``, in order; frames come in between. What the
child says is judged by the console like anything that hostile bytes had a hand in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HELLO, FEED, RESIZE, SCROLL, TO_END, SYNC, SEARCH, DONE, FRAME, COPIED = b"HFRSEYQDVC"
"""HELLO: the child is ready. RESIZE: columns and rows. SCROLL: rows, negative is up. SEARCH: b"<" or b">" and
UTF-8. DONE: answers to write back, or b"1"/b"0" for a search. FRAME: JSON. COPIED: text for the clipboard, UTF-8."""

MESSAGE_MOST = 16 << 20
FRAME_S = 1 / 60  # a frame at most this often, but at once after a pause
FLOOD_BYTES, FLOOD_FRAME_S = 100_000, 1 / 25  # nobody reads what rushes by: drawing it would slow it down

_HEAD = struct.Struct(">BI")
PAIR = struct.Struct(">HH")
ROWS = struct.Struct(">i")


class Garbled(Exception):
    """What came is no message."""


def message(kind: int, body: bytes = b"") -> bytes:
    """One message as bytes."""
    return _HEAD.pack(kind, len(body)) + body


class Reader:
    """Messages out of a stream that is cut anywhere."""

    def __init__(self) -> None:
        self._held = bytearray()

    def take(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages that ``data`` completes. Raises Garbled for a length that nobody sends."""
        self._held += data
        while len(self._held) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._held)
            if length > MESSAGE_MOST:
                raise Garbled(f"a message of {length} bytes")
            end = _HEAD.size + length
            if len(self._held) < end:
                return
            body = bytes(self._held[_HEAD.size : end])
            del self._held[:end]
            yield kind, body
