"""The size of a cell by that of its window, for terminals that do not tell it."""

from __future__ import annotations

import struct
from contextlib import suppress

from labeltui.support.desk import WINDOWS

if not WINDOWS:
    import fcntl
    import termios


def cell_of(descriptor: int) -> tuple[int, int] | None:
    """Return a cell's width and height in pixels. Returns None if the window's size in pixels is not known."""
    if not WINDOWS:
        with suppress(OSError):
            answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
            rows, columns, width, height = struct.unpack("HHHH", answer)
            if rows and columns and width and height:
                return width // columns, height // rows
    return None
