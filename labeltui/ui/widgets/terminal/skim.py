"""Processes many plain lines at once.

Lines that scroll off before anybody can see them go directly to the history, and only the last ones are drawn.
The result is the same as drawing all of them (a test compares both), but ``ctrl+c`` works meanwhile.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from bittty.style import Style
from bittty.terminals.scrollback import ScrollbackLine

from labeltui.ui.widgets.terminal.history import History

_UNSTYLED = Style()


@lru_cache(maxsize=8)
def _lines_of(columns: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[ -~]{{0,{columns}}}\r\n)+")


def skim(board: Any, history: History, text: str, at: int) -> int:
    """Process the plain lines of ``text`` from index ``at`` on.

    Returns the index at which they end; ``at`` if there is none.
    """
    rows = board.height
    if text.count("\n", at) < 4 * rows or not _calm(board):
        return at
    found = _lines_of(board.width).match(text, at)
    if found is None:
        return at
    lines = found.group().split("\r\n")
    lines.pop()  # the text after the last line's end
    if len(lines) < 4 * rows:
        return at
    _through(board, lines[:rows])  # now the cursor is in the last row, and every row has scrolled in
    page = board.display.page
    for y in range(rows - 1):
        line = page.line(y)
        history.append(ScrollbackLine.of(line.cells, not line.wrapped, line.attribute), line.wrapped)
    style = board.style.current
    for line in lines[rows : len(lines) - rows + 1]:
        text = line.rstrip(" ") if style == _UNSTYLED else line
        history.append(ScrollbackLine(text, (style,) * len(text)), False)
    display = board.display.terminal
    display.keeps_scrollback = False  # lines that scroll off now are already in the history
    try:
        _through(board, lines[len(lines) - rows + 1 :])
    finally:
        display.keeps_scrollback = True
    return found.end()


def _through(board: Any, lines: list[str]) -> None:
    if lines:
        board.parser.feed("\r\n".join(lines) + "\r\n")


def _calm(board: Any) -> bool:
    """Whether printable characters and line ends have their plain meaning on this screen."""
    blitter, modes, charset, parser = board.blitter, board.modes, board.charset, board.parser
    return (
        not blitter.in_alt_screen
        and (blitter.scroll_top, blitter.scroll_bottom) == (0, board.height - 1)
        and not (modes.left_right_margin_mode or modes.insert_mode or modes.origin_mode)
        and modes.auto_wrap
        and board.style.current.bg is None
        and (charset.charset_array[0], charset.current_charset, charset.single_shift) == ("B", 0, None)
        and not parser.buffer
        and parser.mode is None
        and board.height > 1
    )
