"""The interface of a terminal emulator: bytes in, frames out.

An engine may live in this process or in a helper process: ``feed`` is awaited, so that a slow engine slows its
writer, and ``frame`` returns at once, with the newest frame that has arrived. A frame has no escape sequences.
Its rows are text with colours and attributes (a :class:`Look`), and its title has no control characters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Any, Protocol

LINES_MOST = 10_000
"""Lines of scrollback that an engine stores."""

Colour = int | tuple[int, int, int] | None
"""A palette index (0..255), red, green and blue (0..255 each), or None for the terminal's default."""


class Attr(Flag):
    """The attributes of a character, apart from colours. Every kind of underline includes UNDERLINE."""

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
    underline: Colour = None  # the colour of the underline; None: that of the text


@dataclass(frozen=True, slots=True)
class Run:
    """Characters with the same colours and attributes. ``cells`` is the number of columns that they take."""

    text: str
    cells: int
    look: Look


Row = tuple[Run, ...]
"""A row from its first column; columns after the last run are blank."""


class Mouse(Enum):
    """The mouse events that the program asked for."""

    OFF = "off"
    CLICKS = "clicks"
    DRAGS = "drags"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes that the program has set, as far as keys, mouse and paste depend on them."""

    application_cursor: bool = False
    application_keypad: bool = False
    bracketed_paste: bool = False
    alternate_screen: bool = False
    focus_events: bool = False
    mouse: Mouse = Mouse.OFF
    mouse_sgr: bool = False
    newline: bool = False  # enter sends CR LF
    synchronized: bool = False  # the program is drawing a frame


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of the next character, from 0; ``shape`` is "block", "underline" or "bar"."""

    column: int
    row: int
    shape: str = "block"


@dataclass(frozen=True, slots=True)
class Frame:
    """The screen at one moment. An unchanged row is the same object as in the previous frame."""

    columns: int
    rows: tuple[Row, ...]
    cursor: Cursor | None  # None: hidden, or scrolled out of view
    modes: Modes
    title: str = ""
    behind: int = 0  # rows by which the view is scrolled back
    bells: int = 0  # the number of bells since the start
    reversed: bool = False  # the whole screen is in reverse video


class EngineDied(Exception):
    """The emulator has ended; its last frame remains. The message follows "the terminal's helper process"."""


def nothing(*_arguments: Any) -> None:
    """Ignore the call."""


class Engine(Protocol):
    """One terminal. Its coroutines raise EngineDied if the emulator has ended."""

    name: str
    died: str
    """The reason that the emulator ended; empty while it runs."""
    changed: Callable[[], None]
    """Called when ``frame`` has something new."""
    gone: Callable[[], None]
    """Called when the emulator ended by itself."""
    copied: Callable[[str], None]
    """Called with text that the program wants on the clipboard; the engine itself copies nothing."""

    async def feed(self, data: bytes) -> bytes:
        """Take output. Returns the terminal's answers once all of it is processed.

        Lets the event loop run at least every few milliseconds.
        """
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Set the size in columns and rows, at least 1 each."""
        ...

    def frame(self) -> Frame:
        """The newest screen known here; ``changed`` is called when there is a newer one."""
        ...

    async def sync(self) -> Frame:
        """The screen after everything that was requested so far."""
        ...

    async def search(self, text: str, *, older: bool) -> bool:
        """Show the nearest row that contains ``text``, ignoring case, above (or below) the view's first row.

        If there is none, return False and do not move.
        """
        ...

    def scroll(self, rows: int) -> None:
        """Scroll towards older rows (negative) or newer ones; stops at both ends."""
        ...

    def scroll_to_end(self) -> None:
        """Show the live screen."""
        ...

    def close(self) -> None:
        """Free all resources; may be called twice."""
        ...

    async def closed(self) -> None:
        """Wait until everything is freed, after ``close``."""
        ...
