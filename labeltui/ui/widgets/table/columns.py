"""The columns of a table, and how they share its width. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from rich.cells import cell_len

from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone

T = TypeVar("T")

ESSENTIAL = 4
GAP = 1
"""Cells between two columns."""


class Cell(NamedTuple):
    """The text of one cell, as it was received, and its colour."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column.

    ``key`` returns the value by which the column is sorted. Rows for which it is None come last in both
    directions. ``cell`` takes an item and the column's width in cells. The column is between ``least`` and
    ``most`` cells wide: as wide as the widest ``text``, or as ``most`` without one. When the table has no room
    for all columns, those with the highest ``rank`` are left out. Columns with a rank below ``ESSENTIAL`` get
    the width that they need before others get any. An ``elastic`` one, such as of long names, gets at most a third
    of the room until all others have theirs, and then what is left.
    """

    name: str
    title: str
    key: Callable[[T], Any]
    cell: Callable[[T, int], Cell]
    least: int
    most: int
    rank: int
    text: Callable[[T], str] | None = None
    fixed: bool = False  # an item's key never changes
    right: bool = False  # numbers are aligned to the right
    cut: Callable[[str, int], str] = elide
    elastic: bool = False
    falling: bool = False  # in the order of the keys, the values that are shown fall


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A visible column: its first cell in the row, and its width in cells."""

    column: Column[T]
    x: int
    width: int


def place(
    columns: Sequence[Column[T]], measured: Mapping[str, int], room: int, hidden: AbstractSet[str]
) -> list[Placed[T]]:
    """Choose the columns that fit into ``room`` cells, and their widths.

    Essential columns first get their least widths, then, in order of rank, the widths of their texts, elastic ones
    last. Other columns share the remaining cells, unless all of their texts are empty. ``measured`` are the
    widths of the texts by the column's name.
    """

    def needed(column: Column[T]) -> int:
        texts = measured.get(column.name, column.most)
        return max(column.least, min(column.most, max(texts, cell_len(column.title) + 1)))

    ranked = sorted((column for column in columns if column.name not in hidden), key=lambda one: one.rank)
    essential = [column for column in ranked if column.rank < ESSENTIAL]
    widths: dict[str, int] = {}
    left = room + GAP
    for column in essential:
        if column.least + GAP <= left or not widths:
            widths[column.name] = min(column.least, max(1, left - GAP))
            left -= widths[column.name] + GAP
    elastic = [column for column in essential if column.elastic and column.name in widths]
    for column in [one for one in essential if one not in elastic and one.name in widths] + elastic:
        wanted = min(needed(column), room // 3) if column.elastic else needed(column)
        more = min(left, max(0, wanted - widths[column.name]))
        widths[column.name] += more
        left -= more
    for column in ranked[len(essential) :]:
        empty = column.text is not None and not measured.get(column.name, 1)
        if not empty and column.least + GAP <= left:
            widths[column.name] = min(needed(column), left - GAP)
            left -= widths[column.name] + GAP
    for column in elastic:
        widths[column.name] += max(0, min(left, needed(column) - widths[column.name]))
    placed, x = [], 0
    for column in columns:
        if column.name in widths:
            placed.append(Placed(column, x, widths[column.name]))
            x += widths[column.name] + GAP
    return placed


def widest(texts: Iterable[str]) -> int:
    """Return the width in cells of the widest text, as it is shown."""
    return max((len(text) if text.isascii() else cell_len(safe(text)) for text in texts), default=0)
