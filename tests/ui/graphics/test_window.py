"""The size of a cell, as the window's size in pixels gives it."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

import pytest

from labeltui.ui.graphics.window import cell_of

pytestmark = pytest.mark.posix


@pytest.mark.parametrize(
    ("window", "cell"),
    [((24, 80, 484, 316), (6, 13)), ((24, 80, 0, 0), None), ((0, 0, 484, 316), None)],
)
def test_a_cell_is_its_part_of_the_window(
    window: tuple[int, int, int, int], cell: tuple[int, int] | None
) -> None:
    outer, inner = os.openpty()
    try:
        fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", *window))
        assert cell_of(inner) == cell
    finally:
        os.close(outer)
        os.close(inner)
    assert cell_of(inner) is None, "no terminal"
