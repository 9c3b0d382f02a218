"""What a terminal emulator must do for the shell pane, and bittty doing it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

from bittty import Board
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from labeltui.ui.text import safe

TITLE_MOST = 80


class Engine(Protocol):
    """Bytes in, rows out."""

    def feed(self, data: bytes) -> bytes:
        """Obey output of the remote; returns the answers that go back to it."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Take another size."""
        ...

    def row(self, y: int) -> Strip:
        """One row of the screen: text and styles, no escape in it."""
        ...

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row, from 0; None while it is hidden."""
        ...

    @property
    def application_keys(self) -> bool:
        """Arrows go out in their application form."""
        ...

    @property
    def bracketed_paste(self) -> bool:
        """The program wants to know what was pasted."""
        ...

    @property
    def title(self) -> str:
        """What the program calls itself, safe to show."""
        ...


class _Answers:
    """The cable towards the remote: keeps what the emulator would send."""

    closed = False

    def __init__(self) -> None:
        self.held = bytearray()

    def write(self, data: str) -> int:
        self.held += data.encode("utf-8", "replace")
        return len(data)

    def write_bytes(self, data: bytes) -> int:
        self.held += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    async def read_bytes_async(self, size: int) -> bytes:
        """Output comes through ``feed``."""
        return b""

    def configure_line(self, line: Any) -> None:
        """No modem here."""

    def resize(self, rows: int, cols: int) -> None:
        """The widget tells the remote."""

    def close(self) -> None:
        """Nothing is open."""


def _colour(colour: Any) -> Color | None:
    if colour is None:
        return None
    if colour.mode == "default":
        return Color.default()
    return Color.from_rgb(*colour.value) if colour.mode == "rgb" else Color.from_ansi(colour.value)


@lru_cache(maxsize=4096)
def _style(style: Any) -> Style:
    return Style(
        color=_colour(style.fg),
        bgcolor=_colour(style.bg),
        bold=bool(style.bold),
        dim=bool(style.dim),
        italic=bool(style.italic),
        underline=bool(style.underline),
        reverse=bool(style.reverse),
        strike=bool(style.strike),
        conceal=bool(style.conceal),
    )


class Bittty:
    """The emulator in pure Python. It keeps no lines that scrolled off."""

    def __init__(self, columns: int, rows: int) -> None:
        self._board = Board(width=columns, height=rows)
        self._answers = _Answers()
        self._board.host.attach(self._answers)
        # A title that is reported back is input which the remote chose: never.
        self._board.title.reported = lambda label: ""  # type: ignore[method-assign]

    def feed(self, data: bytes) -> bytes:
        """Obey output; returns the answers."""
        self._board.feed_host_data(data)
        answers = bytes(self._answers.held)
        self._answers.held.clear()
        return answers

    def resize(self, columns: int, rows: int) -> None:
        """Take another size."""
        self._board.resize(columns, rows)

    def row(self, y: int) -> Strip:
        """One row; the second half of a wide character is an empty cell there, and nothing here."""
        segments: list[Segment] = []
        text, style = "", None
        for cell_style, char in self._board.blitter.main_page.grid[y]:
            if cell_style is not style:
                if text:
                    segments.append(Segment(safe(text), _style(style)))
                text, style = "", cell_style
            text += str(char)
        if text:
            segments.append(Segment(safe(text), _style(style)))
        return Strip(segments)

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row."""
        board = self._board
        return (int(board.cursor.x), int(board.cursor.y)) if board.modes.cursor_visible else None

    @property
    def application_keys(self) -> bool:
        """DECCKM."""
        return bool(self._board.modes.cursor_application_mode)

    @property
    def bracketed_paste(self) -> bool:
        """Mode 2004."""
        return bool(self._board.modes.bracketed_paste)

    @property
    def title(self) -> str:
        """The window's title, cut."""
        return safe(str(self._board.title.title))[:TITLE_MOST]
