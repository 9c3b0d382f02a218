"""The engine that uses bittty. It is pure Python, so a shell works wherever labeltui is installed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from bittty import Board, TerminalCaps
from bittty.devices.modes import MouseEncoding, MouseProtocol
from bittty.model import EDITING, XTERM
from bittty.present import Bell, PresentEvent, RowsScrolledOff, ScrollbackCleared
from bittty.style import Color, Style
from bittty.terminals.scrollback import ScrollbackLine
from bittty.video import CONTINUATION, Cell

from labeltui.ui.widgets.terminal.answers import ANSWERS_MOST, known
from labeltui.ui.widgets.terminal.engine import (
    LINES_MOST,
    Attr,
    Colour,
    Cursor,
    Frame,
    Look,
    Modes,
    Mouse,
    Row,
    Run,
    nothing,
)
from labeltui.ui.widgets.terminal.gate import Gate, plain
from labeltui.ui.widgets.terminal.glyph import glyph
from labeltui.ui.widgets.terminal.history import History, Place
from labeltui.ui.widgets.terminal.skim import skim

SLICE_S = 0.006  # seconds that the event loop may be blocked, apart from one piece
PIECE, PIECE_LEAST = (
    512,
    32,
)  # characters: a millisecond or two of work, even for dense escapes
SEQUENCE_MOST = 4096  # characters: a longer sequence counts as garbage

MODEL = replace(
    XTERM,
    options=frozenset(),  # no printer, no locator
    control_capabilities=EDITING,  # no keys defined by the remote
    macro_space=None,
    upss=None,
    keyboard_types=None,
    reflows=True,
    da1_response="\x1b[?62;22c",  # a VT220 with colours, like today's terminals: nothing that the pane can't do
    mode_capabilities=(XTERM.mode_capabilities | {"xterm.sync-output", "unicode.grapheme-clustering"})
    - {"dec.ansi", "xterm.column-mode", "xterm.allow-column", "ansi.keyboard-action"},
)
UNWANTED = (
    "C0_ENQ", "DECRQCRA", "DECRQPSR", "DECRQSS", "DECSCL", "DECSCPP", "DSR_PRINTER", "LINUX_PALETTE_RESET",
    "LINUX_PALETTE_SET", "LINUX_SETTERM", "MC", "DECMC", "S8C1T", "XTGETTCAP", "XTVERSION", "XTWINOPS",
    "DECSCS", "DECSFC", "DECSPP", "DECSDPT", "DECSPPCS", "DECSPRTT",
)  # fmt: skip
"""Queries that bittty would answer but the pane does not: contents of the screen, and hardware of other terminals."""

_MOUSE = {
    MouseProtocol.X10: Mouse.CLICKS,
    MouseProtocol.NORMAL: Mouse.CLICKS,
    MouseProtocol.BUTTON: Mouse.DRAGS,
    MouseProtocol.ANY: Mouse.ANY,
}
_ATTRS = {
    "bold": Attr.BOLD, "dim": Attr.DIM, "italic": Attr.ITALIC, "underline": Attr.UNDERLINE, "blink": Attr.BLINK,
    "reverse": Attr.REVERSE, "conceal": Attr.CONCEAL, "strike": Attr.STRIKE, "overline": Attr.OVERLINE,
}  # fmt: skip
_UNDERLINES = {
    "double": Attr.DOUBLE_UNDERLINE, "curly": Attr.CURLY_UNDERLINE, "dotted": Attr.DOTTED_UNDERLINE,
    "dashed": Attr.DASHED_UNDERLINE,
}  # fmt: skip


def _colour(colour: Color | None) -> Colour:
    return None if colour is None or colour.mode == "default" else colour.value


@lru_cache(maxsize=4096)
def look_of(style: Style) -> Look:
    """bittty's style as a :class:`Look`."""
    attrs = Attr.NONE
    for name, attr in _ATTRS.items():
        if getattr(style, name):
            attrs |= attr
    if style.underline:
        attrs |= _UNDERLINES.get(style.underline_style or "", Attr.NONE)
    return Look(_colour(style.fg), _colour(style.bg), attrs, _colour(style.underline_color))


def row_of(cells: Sequence[Cell]) -> Row:
    """A row of bittty's cells as runs, without invisible blanks at its end."""
    runs: list[Run] = []
    text: list[str] = []
    style: Style | None = None
    width = 0
    for index, (cell_style, char) in enumerate(cells):
        if cell_style is not style and cell_style != style:
            if style is not None:
                runs.append(Run("".join(text), width, look_of(style)))
            style, text, width = cell_style, [], 0
        width += 1
        if char == CONTINUATION:
            continue
        if len(char) == 1 and " " <= char <= "~":
            text.append(char)
        else:
            wide = index + 1 < len(cells) and cells[index + 1][1] == CONTINUATION
            text.append(glyph(char, 2 if wide else 1))
    if style is not None:
        runs.append(Run("".join(text), width, look_of(style)))
    return _trimmed(runs)


def _trimmed(runs: list[Run]) -> Row:
    if runs and runs[-1].look == Look():
        text = runs[-1].text.rstrip(" ")
        gone = len(runs[-1].text) - len(text)
        runs[-1:] = [Run(text, runs[-1].cells - gone, Look())] if text else []
    return tuple(runs)


class _Port:
    """bittty's host connection and display: collects answers, and lines that leave the screen."""

    keeps_scrollback = True
    closed = False

    def __init__(self, history: History) -> None:
        self.history = history
        self.answers: list[str] = []
        self.bells = 0

    def present(self, event: PresentEvent) -> None:
        if isinstance(event, RowsScrolledOff):
            for line in event.lines:
                row = ScrollbackLine.of(line.cells, not line.wrapped, line.attribute)
                self.history.append(row, line.wrapped)
        elif isinstance(event, Bell):
            self.bells += 1
        elif isinstance(event, ScrollbackCleared):
            self.history.clear()

    def write(self, data: str) -> int:
        if len(self.answers) < ANSWERS_MOST:
            self.answers.append(data)
        return len(data)

    def write_bytes(self, data: bytes) -> int:
        return len(data)

    def flush(self) -> None: ...

    def resize(self, rows: int, cols: int) -> None: ...

    def configure_line(self, line: Any) -> None: ...

    def close(self) -> None: ...


class BitttyEngine:
    """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""

    name = "bittty"
    died = ""  # nothing in a stream may raise

    def __init__(self, columns: int, rows: int, *, history: int = LINES_MOST) -> None:
        self.changed: Callable[[], None] = nothing
        self.gone: Callable[[], None] = nothing
        self.copied: Callable[[str], None] = nothing
        self._size = (columns, rows)
        self._history = History(history)
        self._port = _Port(self._history)
        self._gate = Gate()
        self._piece = PIECE
        self._board = Board(width=columns, height=rows, model=MODEL)
        self._board.title.title = ""
        for name in UNWANTED:
            self._board.registry.pop(name, None)
        self._board.host.attach(self._port)
        self._board.attach_display(self._port)
        self._board.set_caps(
            TerminalCaps(grapheme_mode="permanently-set")
        )  # é is one cell in either encoding
        self._rows: list[Row] = [()] * rows
        self._page: Any = None
        self._observed = -1
        self._top: Place | None = None  # the first visible row while scrolled back

    async def feed(self, data: bytes) -> bytes:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        text = self._gate.take(data)
        started = time.perf_counter()
        at = 0
        while at < len(text):
            after = skim(self._board, self._history, text, at)
            if after == at:
                after = at + self._piece
                before = time.thread_time()
                self._take(text[at:after])
                slow = time.thread_time() - before > SLICE_S
                self._piece = max(PIECE_LEAST, self._piece // 4) if slow else min(PIECE, self._piece * 2)
            at = after
            if time.perf_counter() - started > SLICE_S:
                await asyncio.sleep(0)
                started = time.perf_counter()
        for copied in self._gate.copied:
            self.copied(copied)
        self._gate.copied.clear()
        self.changed()
        answers, self._port.answers = "".join(self._port.answers), []
        return known(answers.encode("ascii", "ignore"))

    def _take(self, text: str) -> None:
        self._board.parser.feed(text)
        if len(self._board.parser.buffer) > SEQUENCE_MOST:
            self._board.parser.reset()
        if (self._board.width, self._board.height) != self._size:  # only the pane says how big it is
            self._board.resize(*self._size)

    def resize(self, columns: int, rows: int) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        if (columns, rows) != self._size:
            self._size = (columns, rows)
            self._board.resize(columns, rows)
            self._page = None
            self.changed()

    def frame(self) -> Frame:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        columns, height = self._size
        self._refresh_rows()
        board, rows, behind = self._board, tuple(self._rows), 0
        cursor = None
        if self._top is not None:
            behind = self._history.distance(self._top, columns)
            rows = (*self._past(min(behind, height)), *rows[: max(0, height - behind)])
        elif board.display.cursor is not None:
            column, row = board.display.cursor
            cursor = Cursor(min(column, columns - 1), min(row, height - 1), board.cursor.shape)
        title = plain(board.title.title)
        flipped = bool(board.modes.reverse_screen)
        return Frame(columns, rows, cursor, self._modes(), title, behind, self._port.bells, flipped)

    async def sync(self) -> Frame:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        return self.frame()

    async def search(self, text: str, *, older: bool) -> bool:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        if self._board.blitter.in_alt_screen:
            return False
        columns, wanted = self._size[0], text.casefold()
        here = self._history.end if self._top is None else self._top
        step = self._history.back if older else self._history.on
        while (there := step(here, 1, columns)) != here and there < self._history.end:
            here = there
            if wanted in "".join(run.text for run in row_of(self._history.cells(here, columns))).casefold():
                self._top = here
                self.changed()
                return True
        return False

    def _refresh_rows(self) -> None:
        page: Any = self._board.display.page
        if page is self._page and len(self._rows) == page.height:
            dirty: Sequence[int] = page.dirty_rows(self._observed)
        else:
            dirty = range(page.height)
            self._rows = [()] * page.height
        self._page, self._observed = page, page.observe()
        for y in dirty:
            row = row_of(page.grid[y])
            if row != self._rows[y]:
                self._rows[y] = row

    def _past(self, count: int) -> list[Row]:
        columns, place = self._size[0], self._top
        rows: list[Row] = []
        while len(rows) < count and place is not None:
            place = self._history.clamp(place, columns)
            rows.append(row_of(self._history.cells(place, columns)))
            place = self._history.on(place, 1, columns)
        return rows

    def _modes(self) -> Modes:
        board = self._board
        modes = board.modes
        return Modes(
            application_cursor=bool(modes.cursor_application_mode),
            application_keypad=bool(modes.application_keypad),
            bracketed_paste=bool(modes.bracketed_paste),
            alternate_screen=bool(board.blitter.in_alt_screen),
            focus_events=bool(modes.focus_reporting),
            mouse=_MOUSE.get(board.mouse.protocol, Mouse.OFF),
            mouse_sgr=board.mouse.encoding is MouseEncoding.SGR,
            newline=bool(modes.linefeed_newline_mode),
            synchronized=bool(modes.synchronized_output),
        )

    def scroll(self, rows: int) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`; the alternate screen has no scrollback."""
        if self._board.blitter.in_alt_screen:
            return
        columns = self._size[0]
        here = self._history.end if self._top is None else self._top
        move = self._history.back if rows < 0 else self._history.on
        there = move(here, abs(rows), columns)
        self._top = None if there >= self._history.end else there
        self.changed()

    def scroll_to_end(self) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        self._top = None
        self.changed()

    def close(self) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
        self._board.host.detach()
        self._board.detach_display()

    async def closed(self) -> None:
        """See :class:`~labeltui.ui.widgets.terminal.engine.Engine`."""
