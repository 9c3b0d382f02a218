"""A small interface to libghostty-vt. Only the helper process imports it."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from pyghostty._ffi import check, ffi, lib, union_fn
from pyghostty.core import Terminal, init_sized, read_buf

from labeltui.ui.widgets.terminal.ghostty.rows import Cells, runs_of

# Scrollback is limited by bytes alone, about as many as the rows take: to hold a number of lines exactly costs
# the library ten times the time that it needs for a flood of plain lines.
BYTES_PER_COLUMN, BYTES_PER_ROW = 9, 200
LINES_UNLIMITED = 10_000_000
ANSWERS_MOST = 4096  # bytes per piece of output, against floods of questions
VERSION = b"labeltui"

ffi.cdef("typedef struct { GhosttyTerminalScrollViewportTag tag; int64_t delta; uint64_t unused; } LtScroll;")
_SHAPE = re.compile(rb"\x1b\[(\d?) q|\x1bc")
_SOFT_RESET = b"\x1b[!p"
_CUT_MOST = 4
_CUT = re.compile(rb"\x1b(\[(!|\d? ?)?)?\Z")  # the beginning of a sequence that is handled here
# The library ignores DECSTR: margins, origin and insert mode, cursor keys, styles and charsets are reset,
# the cursor stays.
SOFT_RESET = b"\x1b[?6l\x1b[?69l\x1b[4l\x1b[?1l\x1b>\x1b[?25h\x1b[m\x1b(B\x0f\x1b[r\x1b7"
_SHAPES = {b"3": "underline", b"4": "underline", b"5": "bar", b"6": "bar"}
_MODES = {
    "application_cursor": 1, "application_keypad": 66, "bracketed_paste": 2004, "focus_events": 1004,
    "mouse_sgr": 1006, "synchronized": 2026,
}  # fmt: skip
_MOUSE = ((1003, "any"), (1002, "drags"), (1000, "clicks"), (9, "clicks"))


class Screen:
    """One terminal, and the rows it shows."""

    def __init__(self, columns: int, rows: int, history: int) -> None:
        self._terminal = Terminal(columns, rows, scrollback=LINES_UNLIMITED)
        self._history = history
        self._widest = columns
        self._size = (columns, rows)
        self._answers = bytearray()
        self._bells = 0
        self._shape = "block"  # the library reports it only to a renderer, so it is read from the stream
        self._pending = b""
        self._sent: list[str] = []
        self._version = ffi.from_buffer(VERSION)
        self._reported = ffi.new("GhosttyString*", {"ptr": self._version, "len": len(VERSION)})
        # cffi frees a callback with its last reference: these live as long as the terminal
        self._bell = ffi.callback("GhosttyTerminalBellFn", self._rang)
        self._name = ffi.callback("GhosttyTerminalXtversionFn", lambda _terminal, _data: self._reported[0])
        self._limit()
        self._set("BELL", self._bell)
        self._set("XTVERSION", self._name)
        self._terminal.on_reply(self._answered)
        self._at, self._ref, self._cell = (
            ffi.new("GhosttyPointS*"), init_sized("GhosttyGridRef"), ffi.new("GhosttyCell*")
        )  # fmt: skip
        self._at.tag = lib.GHOSTTY_POINT_TAG_VIEWPORT
        self._find = union_fn(
            "ghostty_terminal_grid_ref", "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)"
        )
        self._scroll = union_fn("ghostty_terminal_scroll_viewport", "void(*)(GhosttyTerminal, LtScroll)")

    def _set(self, option: str, value: Any) -> None:
        found = getattr(lib, f"GHOSTTY_TERMINAL_OPT_{option}")
        check(lib.ghostty_terminal_set(self._terminal._t[0], found, value), option)

    def _limit(self) -> None:
        self._widest = max(
            self._widest, self._size[0]
        )  # a width that is small for a moment must not lose half the scrollback
        per_row = BYTES_PER_COLUMN * self._widest + BYTES_PER_ROW
        self._set("SCROLLBACK_MAX_BYTES", ffi.new("size_t*", self._history * per_row))

    def _rang(self, _terminal: Any, _data: Any) -> None:
        self._bells += 1

    def _answered(self, data: bytes) -> None:
        if len(self._answers) < ANSWERS_MOST:
            self._answers += data

    def feed(self, data: bytes) -> bytes:
        """Take output. Returns the terminal's answers."""
        data = self._pending + data.replace(
            b"\x7f", b""
        )  # DEL prints nothing, but the library shows a character for it
        cut = _CUT.search(
            data, max(0, len(data) - _CUT_MOST)
        )  # starting further back, the library would try every escape
        self._pending = cut.group() if cut else b""
        data = data[: len(data) - len(self._pending)].replace(
            b"\x1b[g", b"\x1b[0g"
        )  # the library takes the number
        for number, piece in enumerate(data.split(_SOFT_RESET)):
            if number:
                self._shape = "block"
                column, row = self._terminal.cursor
                self._terminal.feed(SOFT_RESET + b"\x1b[%d;%dH" % (row + 1, column + 1))
            if b" q" in piece or b"\x1bc" in piece:
                for found in _SHAPE.finditer(piece):
                    self._shape = _SHAPES.get(found.group(1), "block")
            self._terminal.feed(piece)
        if self._terminal.size != self._size:  # only the pane sets the size
            self._terminal.resize(*self._size)
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    def resize(self, columns: int, rows: int) -> None:
        """Set the size; lines are wrapped again."""
        self._size = (columns, rows)
        self._limit()
        self._terminal.resize(columns, rows)

    # -- the view

    def _move(self, tag: str, delta: int = 0) -> None:
        where = ffi.new("LtScroll*")
        where.tag = getattr(lib, f"GHOSTTY_SCROLL_VIEWPORT_{tag}")
        where.delta = delta
        self._scroll(self._terminal._t[0], where[0])

    def scroll(self, rows: int) -> None:
        """Scroll by ``rows``, negative is up; the alternate screen has no scrollback."""
        if not self._alternate:
            self._move("DELTA", rows)

    def scroll_to_end(self) -> None:
        """Show the live screen."""
        self._move("BOTTOM")

    def _place(self) -> tuple[int, int]:
        """The first visible row, counted from the oldest, and where the live screen begins."""
        bar = self._terminal.get("scrollbar", "GhosttyTerminalScrollbar")
        return int(bar.offset), max(0, int(bar.total) - int(bar.len))

    def search(self, text: str, *, older: bool) -> bool:
        """Show the nearest row that contains ``text``, ignoring case, above or below the top row.

        Returns False without one.
        """
        offset, live = self._place()
        rows = self._format("screen", live + self._size[1], vt=False)
        wanted = re.compile(re.escape(text), re.IGNORECASE)
        places = range(offset - 1, -1, -1) if older else range(offset + 1, len(rows))
        for y in places:
            if y < len(rows) and wanted.search(rows[y]):
                self._move("DELTA", min(y, live) - offset)
                return min(y, live) != offset or not older
        return False

    # # -- frames

    @property
    def _alternate(self) -> bool:
        return bool(self._terminal.get("active_screen", "GhosttyTerminalScreen"))

    def _format(self, tag: str, height: int, *, vt: bool) -> list[str]:
        terminal = self._terminal
        selection = init_sized("GhosttySelection")
        selection.start = terminal.ref(0, 0, tag)[0]
        selection.end = terminal.ref(self._size[0] - 1, height - 1, tag)[0]
        options = init_sized("GhosttyFormatterTerminalOptions")
        options.emit = lib.GHOSTTY_FORMATTER_FORMAT_VT if vt else lib.GHOSTTY_FORMATTER_FORMAT_PLAIN
        options.trim, options.unwrap, options.selection = not vt, False, selection
        formatter = ffi.new("GhosttyFormatter*")
        check(
            lib.ghostty_formatter_terminal_new(ffi.NULL, formatter, terminal._t[0], options[0]), "formatter"
        )
        try:
            text: str = read_buf(partial(lib.ghostty_formatter_format_buf, formatter[0]))
        finally:
            lib.ghostty_formatter_free(formatter[0])
        return text.replace("\r\n", "\n").split("\n")

    def _empty(self, y: int, x: int) -> bool:
        """Whether a cell was never written or painted."""
        self._at.value.x, self._at.value.y = x, y
        check(self._find(self._terminal._t[0], self._at[0], self._ref), "place")
        check(lib.ghostty_grid_ref_cell(self._ref, self._cell), "cell")
        return not self._cell[0]

    def _cells(self, y: int) -> Cells:
        """Return the row's clusters of characters, each with the columns that the terminal gives it."""
        found: list[tuple[str, int]] = []
        cell, wide = ffi.new("GhosttyCell*"), ffi.new("GhosttyCellWide*")
        codes, count = ffi.new("uint32_t[]", 32), ffi.new("size_t*")
        for x in range(self._size[0]):
            ref = self._terminal.ref(x, y, "viewport")
            check(lib.ghostty_grid_ref_cell(ref, cell), "cell")
            check(lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_WIDE, wide), "wide")
            if wide[0] == lib.GHOSTTY_CELL_WIDE_SPACER_TAIL:
                continue
            known = lib.ghostty_grid_ref_graphemes(ref, codes, 32, count) == lib.GHOSTTY_SUCCESS
            text = "".join(map(chr, codes[0 : count[0]])) if known else "\ufffd"
            found.append((text or " ", 2 if wide[0] == lib.GHOSTTY_CELL_WIDE_WIDE else 1))
        return found

    def frame(self) -> dict[str, Any]:
        """Return the changes since the last frame, as JSON values for the engine."""
        columns, height = self._size
        lines = self._format("viewport", height, vt=True)
        lines = [*lines[:height], *[""] * (height - len(lines))]
        fresh = len(self._sent) != height
        runs = {
            y: runs_of(line, partial(self._cells, y), partial(self._empty, y))
            for y, line in enumerate(lines)
            if fresh or line != self._sent[y]
        }
        self._sent = lines
        offset, live = self._place()
        return {
            "size": (columns, height),
            "rows": runs,
            "cursor": self._cursor() if offset >= live else None,
            "modes": self._modes(),
            "title": self._title(),
            "behind": max(0, live - offset),
            "bells": self._bells,
            "reversed": self._terminal.mode(5),
        }

    def _cursor(self) -> tuple[int, int, str] | None:
        if not self._terminal.get("cursor_visible", "bool"):
            return None
        return (*self._terminal.cursor, self._shape)

    def _modes(self) -> dict[str, Any]:
        modes: dict[str, Any] = {name: self._terminal.mode(number) for name, number in _MODES.items()}
        modes["newline"] = self._terminal.mode(20, ansi=True)
        modes["alternate_screen"] = self._alternate
        modes["mouse"] = next((name for number, name in _MOUSE if self._terminal.mode(number)), "off")
        return modes

    def _title(self) -> str:
        title = self._terminal.get("title", "GhosttyString")
        return ffi.buffer(title.ptr, title.len)[:].decode("utf-8", "replace") if title.len else ""
