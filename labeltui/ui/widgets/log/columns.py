"""The columns before a log line's message: time, source, level and logger. Each can be hidden."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from labeltui.domain.log.errors import GRAVE
from labeltui.domain.log.lines import LineKind, LogRecord
from labeltui.ui.presentation.text import elide_middle, safe

NAMES = ("time", "source", "level", "logger")
"""The names of the columns, in their order."""
_EXCEPTION = re.compile(r"(?:[A-Za-z_][\w.]{0,200})?(?:Error|Exception|Interrupt|Exit)(?::|$)")
_NAMED_AFTER_PARENT = {"app", "engine", "error", "generic", "handler", "local", "main", "task", "utils"}
_WORDS = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_GLYPHS = {"ERROR": "✗", "CRITICAL": "✗", "WARNING": "▲"}
SOURCES = {"": " ", "app.log": "a", "api": "h", "stdout": "o"}
"""The source column's text for each source: ``app.log``, the API (HTTP), stdout."""


@dataclass(frozen=True, slots=True)
class Tones:
    """The theme's styles for the columns and the line's own colours."""

    plain: Style
    faint: Style
    warning: Style
    error: Style
    match: Style
    gap: Style
    fold: Style


@dataclass(frozen=True, slots=True)
class Columns:
    """The widths of the columns in cells, 0 for none; ``raw`` shows lines as they are."""

    time: int = 8
    source: int = 0
    level: int = 1
    logger: int = 14
    raw: bool = False

    @property
    def width(self) -> int:
        """Width in cells before the message, including the spaces between columns."""
        if self.raw:
            return 0
        return sum(cells + 1 for cells in (self.time, self.source, self.level, self.logger) if cells)

    @property
    def bare(self) -> int:
        """Width in cells before a continuation line, which leaves only the time's column blank."""
        if self.raw:
            return 0
        if not self.time:
            return min(2, self.width)
        return self.time + 1 + (self.source + 1 if self.source else 0)


@lru_cache(maxsize=16)
def columns_for(
    width: int, *, raw: bool, source: bool = False, hidden: frozenset[str] = frozenset()
) -> Columns:
    """The columns that fit in ``width`` cells, without those that are hidden."""
    if raw:
        return Columns(raw=True)
    if width < 56:
        columns = Columns(time=5, logger=0)
    elif width < 96:
        columns = Columns()
    elif width < 130:
        columns = Columns(logger=20)
    else:
        columns = Columns(time=12, level=7, logger=28)
    return replace(
        columns,
        time=0 if "time" in hidden else columns.time,
        source=1 if source and "source" not in hidden else 0,
        level=0 if "level" in hidden else columns.level,
        logger=0 if "logger" in hidden else columns.logger,
    )


def tone_of(record: LogRecord, tones: Tones, *, error: bool) -> Style:
    """Return the style of a line's level. ``error`` is True if the line begins an error."""
    if error or record.level in GRAVE:
        return tones.error
    if record.level == "WARNING" or record.message.startswith("Return code: -"):
        return tones.warning
    if record.level == "DEBUG":
        return tones.faint
    return tones.error if record.kind is LineKind.BARE and _EXCEPTION.match(record.message) else tones.plain


def head_of(record: LogRecord, source: str, columns: Columns, tones: Tones, tone: Style) -> list[Segment]:
    """The columns' texts for a line, exactly as wide as the columns."""
    whence = _whence(source, tones.faint) if columns.source else None
    if record.kind is LineKind.BARE:
        free = Segment(" " * (columns.bare - (2 if whence else 0)), tones.faint)
        return [free, whence] if whence else [free]
    head = []
    if columns.time:
        stamp = "" if record.time is None else record.time.isoformat(" ", "milliseconds")[11:]
        head.append(Segment(f"{stamp[: columns.time]:<{columns.time}} ", tones.faint))
    if whence:
        head.append(whence)
    if columns.level:
        head.append(_level(record.level, columns.level, tone))
    if columns.logger:
        head.append(_logger(record.logger, columns.logger, tones.faint))
    return head


@lru_cache(maxsize=64)
def _whence(source: str, style: Style) -> Segment:
    return Segment(f"{SOURCES.get(source, '?')} ", style)


@lru_cache(maxsize=256)
def _level(level: str, room: int, style: Style) -> Segment:
    text = level[:1] if room == 1 else f"{_GLYPHS.get(level, '·')} {_WORDS.get(level, level)}"
    return Segment(f"{safe(text)[:room]:<{room}} ", style)


@lru_cache(maxsize=1024)
def _logger(logger: str, room: int, style: Style) -> Segment:
    name = short_logger(safe(logger), room)
    return Segment(name + " " * (room - cell_len(name) + 1), style)


def short_logger(name: str, room: int) -> str:
    """Return the part of a logger's name that distinguishes it from others.

    This is the last part, or the one before it if many loggers have the same last part.
    """
    if cell_len(name) <= room:
        return name
    *before, last = name.split(".")
    if before and last in _NAMED_AFTER_PARENT:
        both = f"{before[-1]}.{last}"
        return both if cell_len(both) <= room else elide_middle(before[-1], room)
    return elide_middle(last, room)
