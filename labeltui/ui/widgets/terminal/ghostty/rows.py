"""Parses rows in the form that libghostty-vt's formatter writes.

Each change of colours or attributes starts with a reset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from labeltui.ui.widgets.terminal.engine import Attr

Cells = Sequence[tuple[str, int]]
"""Clusters of characters, and the columns that each takes."""

_SGR = re.compile(r"((?:\x1b\[[\d:;]*m)+)")
_ONE = re.compile(r"\x1b\[([\d:;]*)m")
# Characters that are always one column wide; the widths of others are looked up cell by cell.
_NARROW = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u0559\u2010-\u2027\u2030-\u205e"
    "\u2190-\u2193\u2200-\u22ff\u2500-\u25aa\u2800-\u28ff]*"
)
_ATTRS = {
    "1": Attr.BOLD, "2": Attr.DIM, "3": Attr.ITALIC, "4": Attr.UNDERLINE, "4:1": Attr.UNDERLINE,
    "4:2": Attr.UNDERLINE | Attr.DOUBLE_UNDERLINE, "4:3": Attr.UNDERLINE | Attr.CURLY_UNDERLINE,
    "4:4": Attr.UNDERLINE | Attr.DOTTED_UNDERLINE, "4:5": Attr.UNDERLINE | Attr.DASHED_UNDERLINE, "5": Attr.BLINK,
    "6": Attr.BLINK, "7": Attr.REVERSE, "8": Attr.CONCEAL,
    "9": Attr.STRIKE, "21": Attr.UNDERLINE | Attr.DOUBLE_UNDERLINE, "53": Attr.OVERLINE,
}  # fmt: skip
PLAIN = (None, None, 0)
_VISIBLE_ON_BLANKS = (Attr.UNDERLINE | Attr.REVERSE | Attr.STRIKE | Attr.OVERLINE).value

Words = tuple[Any, ...]
"""The look of a run: foreground, background, attributes, and the underline's colour if it has one."""


@lru_cache(maxsize=4096)
def _look(escapes: str) -> Words:
    foreground: Any = None
    background: Any = None
    underline: Any = None
    attrs = Attr.NONE
    for code in _ONE.findall(escapes):
        if code in _ATTRS:
            attrs |= _ATTRS[code]
            continue
        numbers = [int(number or 0) for number in code.split(";")] if ":" not in code else [0]
        match numbers:
            case [38, 5, index]:
                foreground = index
            case [48, 5, index]:
                background = index
            case [38, 2, *rgb]:
                foreground = rgb
            case [48, 2, *rgb]:
                background = rgb
            case [58, 5, index]:
                underline = index
            case [58, 2, *rgb]:
                underline = rgb
            case _:  # a reset
                pass
    return (foreground, background, attrs.value, *(() if underline is None else (underline,)))


def runs_of(row: str, cells: Callable[[], Cells], empty: Callable[[int], bool]) -> list[list[Any]]:
    """A row as [text, columns, *look].

    ``cells`` has the characters with widths, ``empty`` the cells that were never written. Text is a string if
    each character takes one column, else a list of clusters and their columns in turn.
    """
    parts = _SGR.split(row)
    narrow = all(_NARROW.fullmatch(text) for text in parts[::2])
    clusters = [] if narrow else list(cells())[::-1]
    look: Words = PLAIN
    runs: list[list[Any]] = []
    column = 0
    for index, part in enumerate(parts):
        if index % 2:
            look = _look(part)
        elif part:
            runs.append([part, len(part), *look] if narrow else [*_taken(part, clusters), *look])
            column += runs[-1][1]
            if part[-1] == " " and index + 1 < len(parts) and _shows(look):
                _split(runs, column, empty)
    while runs and tuple(runs[-1][2:]) == PLAIN and isinstance(runs[-1][0], str):
        text = runs[-1][0].rstrip(" ")
        if text:
            runs[-1][:2] = [text, len(text)]
            break
        runs.pop()
    return runs


def _shows(look: Words) -> bool:
    """Whether blanks with that look can be seen, for example because of a background colour."""
    return look[1] is not None or bool(look[2] & _VISIBLE_ON_BLANKS)


def _split(runs: list[list[Any]], column: int, empty: Callable[[int], bool]) -> None:
    """Split columns that were never written from the last run. The formatter gives them the style before them."""
    text, columns = runs[-1][:2]
    gap = 0
    while (
        gap < columns
        and text[-1 - gap if isinstance(text, str) else -2 * gap - 2] == " "
        and empty(column - gap - 1)
    ):
        gap += 1
    if gap == columns:
        runs[-1] = [" " * gap, gap, *PLAIN]
    elif gap:
        runs[-1][:2] = [text[: len(text) - (gap if isinstance(text, str) else 2 * gap)], columns - gap]
        runs.append([" " * gap, gap, *PLAIN])


def _taken(text: str, clusters: list[tuple[str, int]]) -> tuple[Any, int]:
    """The clusters of ``text``, taken from the end of ``clusters``."""
    flat: list[Any] = []
    columns = length = 0
    while length < len(text):
        cluster, width = clusters.pop() if clusters else (text[length], 1)
        length += len(cluster)
        columns += width
        flat += (cluster, width)
    if len(flat) == 2 * columns and all(len(cluster) == 1 for cluster in flat[::2]) and text.isascii():
        return text, columns
    return flat, columns
