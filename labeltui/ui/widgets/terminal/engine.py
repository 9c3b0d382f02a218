"""What a terminal emulator owes the view: bytes in, frames out.

An engine may live in this process or in a helper: ``feed`` is awaited, so that a slow one holds its
writer back, and ``frame`` only hands over what is known already. Nothing in a frame is an escape: rows are
text and looks, and a string of the remote's (its title) is free of control characters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Any, Protocol

LINES_MOST = 10_000
"""Lines of scrollback that an engine keeps."""

Colour = int | tuple[int, int, int] | None
"""A palette index (0..255), red, green and blue (0..255 each), or None for the terminal's own."""


class Attr(Flag):
    """How a character is set, apart from its colours. Every kind of underline is UNDERLINE too."""

    NONE = 0
    BOLD = auto()
    DIM = auto()
    ITALIC = auto()
    UNDERLINE = auto()
    DOUBLE_UNDERLINE = auto()
    BLINK = auto()
    REVERSE = auto()
    CONCEAL = auto()
    STRIKE = auto()
    OVERLINE = auto()
    CURLY_UNDERLINE = auto()
    DOTTED_UNDERLINE = auto()
    DASHED_UNDERLINE = auto()


@dataclass(frozen=True, slots=True)
class Look:
    """Colours and attributes of a run of characters."""

    foreground: Colour = None
    background: Colour = None
    attrs: Attr = Attr.NONE
    underline: Colour = None  # of the line alone; None: that of the text


@dataclass(frozen=True, slots=True)
class Run:
    """Characters that look alike. ``cells`` is how many columns they take."""

    text: str
    cells: int
    look: Look


Row = tuple[Run, ...]
"""A row from its first column on; columns after the last run are blank."""


class Mouse(Enum):
    """Which mouse events the program asked for."""

    OFF = "off"
    CLICKS = "clicks"
    DRAGS = "drags"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Modes:
    """What the program asked of the terminal, as far as keys, mouse and paste depend on it."""

    application_cursor: bool = False
    application_keypad: bool = False
    bracketed_paste: bool = False
    alternate_screen: bool = False
    focus_events: bool = False
    mouse: Mouse = Mouse.OFF
    mouse_sgr: bool = False
    newline: bool = False  # enter sends CR LF
    synchronized: bool = False  # the program is in the middle of a frame


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next character goes, from 0; ``shape`` is "block", "underline" or "bar"."""

    column: int
    row: int
    shape: str = "block"


@dataclass(frozen=True, slots=True)
class Frame:
    """The screen at one moment. A row that did not change is the same object as in the frame before."""

    columns: int
    rows: tuple[Row, ...]
    cursor: Cursor | None  # None: hidden, or scrolled out of sight
    modes: Modes
    title: str = ""
    behind: int = 0  # rows that the view is scrolled back from the end
    bells: int = 0  # how often it has rung since the start
    reversed: bool = False  # the whole screen is in reverse video


class EngineDied(Exception):
    """The emulator is no more; its last frame still is. Says why, to follow "the terminal's helper"."""


def nothing(*_arguments: Any) -> None:
    """Nobody listens."""


class Engine(Protocol):
    """One terminal. All that waits raises EngineDied once there is none."""

    name: str
    died: str
    """Why there is no emulator any more; empty while there is one."""
    changed: Callable[[], None]
    """Called when ``frame`` has something new."""
    gone: Callable[[], None]
    """Called when the emulator died by itself."""
    copied: Callable[[str], None]
    """Called with text that the program wants on the clipboard; nothing is copied by itself."""

    async def feed(self, data: bytes) -> bytes:
        """Take output; returns what the terminal answers, once all of it was taken.

        Gives the event loop a turn at least every few milliseconds.
        """
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Another size; both are at least 1."""
        ...

    def frame(self) -> Frame:
        """The newest screen that is known here; ``changed`` says when there is a newer one."""
        ...

    async def sync(self) -> Frame:
        """The screen after everything that was asked so far."""
        ...

    async def search(self, text: str, *, older: bool) -> bool:
        """Show the next row with ``text``, whatever its case, above (or below) the view's first row.

        Returns False, and leaves the view, when there is none.
        """
        ...

    def scroll(self, rows: int) -> None:
        """Move the view towards older rows (negative) or newer ones; stops at both ends."""
        ...

    def scroll_to_end(self) -> None:
        """Show the live screen."""
        ...

    def close(self) -> None:
        """Free what it holds; may be called twice."""
        ...

    async def closed(self) -> None:
        """Wait until nothing is left of it, after ``close``."""
        ...
