"""A table with columns, drawn on Textual's line API: sorted by key or mouse, filtered, its rows marked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from labeltui.domain.log.query import Query
from labeltui.ui.presentation.text import fit, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.log.text import lit
from labeltui.ui.widgets.table.arrangement import Arrangement, Prepared
from labeltui.ui.widgets.table.columns import Cell, Column, Placed, place, widest
from labeltui.ui.widgets.table.rows import Rows

T = TypeVar("T")

PARTS = (
    *(tone.name.lower() for tone in Tone),
    "head",
    "sorted",
    "cursor",
    "blurred",
    "marked",
    "match",
    "bar",
)
MANY = 2000
"""From this number of items on, they are sorted and read in a thread, so that keys do not wait."""
MARK = "▌"
Row = tuple[tuple[Cell, ...], bool, bool, str]
"""The cells of a visible row, whether the cursor is on it, whether it is marked, and the scrollbar's cell."""


class ColumnTable(Rows, Generic[T]):
    """Shows items in columns. ``identify`` returns an item's id, ``text`` the text that a filter searches.

    The cursor and the marks stay on their items, by id, through changes, sorts and filters.
    """

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table--{part}" for part in PARTS}
    ALLOW_SELECT = False
    keys_wanted: AbstractSet[str] = frozenset()
    """Characters that go to the table before the console's own keys."""

    class Arranged(Message):
        """The order, the filter's matches or the marks have changed."""

    class Sorted(Message):
        """A click has chosen another order."""

    def __init__(
        self, columns: Sequence[Column[T]], identify: Callable[[T], str], text: Callable[[T], str]
    ) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.hidden: AbstractSet[str] = frozenset()
        self.marked: set[str] = set()
        self.arrangement: Arrangement[T] = Arrangement(self.columns, identify, text)
        self.placed: list[Placed[T]] = []
        self._rows: list[Row] = []
        self._head = ""
        self._chosen = ""  # the id under the cursor
        self._moved = False  # the cursor stays in the first row until it is moved
        self._given: Sequence[T] = ()
        self._reading = False

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return True for a key that comes before the console's bindings; Textual calls this."""
        return character in self.keys_wanted

    # --- items

    def show(self, items: Sequence[T]) -> None:
        """Show these items. Many of them are arranged in a thread, and appear a moment later."""
        if items is not self._given:
            self._given = items
            self._take()
        self.redraw()

    def _take(self) -> None:
        if self._reading:
            return
        changed = self.arrangement.changes(self._given)
        if changed is not None:
            self.arrangement.follow(self._given, changed)
        elif len(self._given) > MANY:
            self._reading = True
            self.run_worker(self._read(), exit_on_error=False, group="reading")
            return
        else:
            self.arrangement.load(self._given)
            self.arrangement.take(Prepared(self.arrangement, self._given))
            self._prune()
        self._rearranged()

    async def _read(self) -> None:
        """Arrange many items in threads.

        First compute the values that the next paint needs, then those for the next key.
        """
        try:
            items, fresh = self._given, self.arrangement.emptied()
            await asyncio.to_thread(fresh.load, items)
            if (fresh.sorts, fresh.query) != (self.arrangement.sorts, self.arrangement.query):
                fresh.query = self.arrangement.query
                for name, backwards in reversed(self.arrangement.sorts):
                    fresh.sort(name, backwards=backwards)
            self.arrangement = fresh
            self._rearranged()
            prepared = await asyncio.to_thread(Prepared, fresh, items)
            if self.arrangement.take(prepared):
                self._prune()
                self._rearranged()
        finally:
            self._reading = False
        if self._given is not items:
            self._take()

    def _prune(self) -> None:
        self.marked = {one for one in self.marked if self.arrangement.index_of(one) is not None}

    def _rearranged(self) -> None:
        """Show the rows in their new order, with a cursor that was moved on the same item, or near its place."""
        self.count = len(self.arrangement.view)
        row = self.arrangement.row_of(self._chosen) if self._chosen and self._moved else None
        self._place(self.cursor if row is None else row)
        self.post_message(self.Arranged())

    @property
    def chosen(self) -> T | None:
        """The item under the cursor; None without one."""
        view = self.arrangement.view
        return self.arrangement.items[view[self.cursor]] if 0 <= self.cursor < len(view) else None

    def place(self, cursor: int) -> None:
        """Put the cursor on a row, or on the nearest one that exists, and show that row."""
        self._moved |= cursor != self.cursor
        self._place(cursor)

    def _place(self, cursor: int) -> None:
        before = self.cursor
        self.cursor = max(0, min(self.count - 1, cursor))
        chosen = self.chosen
        if chosen is not None:
            self._chosen = self.arrangement.identify(chosen)
        self.cursor = before
        super().place(cursor)

    # --- what keys do

    @property
    def sort_by(self) -> tuple[str, bool]:
        """The column by which the rows are sorted, and whether the order is reversed."""
        return self.arrangement.sorts[0]

    @property
    def arrow(self) -> str:
        """``↑`` if the values that are shown grow from row to row, else ``↓``."""
        name, backwards = self.sort_by
        falling = any(one.falling for one in self.columns if one.name == name)
        return "↑" if backwards == falling else "↓"

    def sort(self, name: str, *, backwards: bool = False) -> None:
        """Sort by a column."""
        self._moved |= self.count > 0
        self.arrangement.sort(name, backwards=backwards)
        self._rearranged()

    def recompute(self, name: str) -> None:
        """Compute a column again, because its cells depend on more than the items."""
        self.arrangement.recompute(name)
        if self.sort_by[0] == name:
            self._rearranged()

    def search_again(self) -> None:
        """Filter again, because the texts that a filter searches depend on more than the items."""
        self.arrangement.search_again()
        self._rearranged()

    def filter(self, query: Query | None) -> None:
        """Show only the items that match."""
        self.arrangement.filter(query)
        self._rearranged()

    def hide(self, hidden: AbstractSet[str]) -> None:
        """Hide these columns."""
        self.hidden = hidden
        self.redraw()

    def mark(self) -> None:
        """Mark the item under the cursor, or remove its mark, and go to the next row."""
        if self.chosen is not None:
            self.marked ^= {self._chosen}
            self.move(1)
            self.redraw()
            self.post_message(self.Arranged())

    def unmark(self) -> None:
        """Remove all marks."""
        self.marked = set()
        self.redraw()
        self.post_message(self.Arranged())

    @property
    def marked_items(self) -> list[T]:
        """The marked items, in the order of all items. Items that a filter hides are included."""
        indices = (self.arrangement.index_of(one) for one in self.marked)
        return [self.arrangement.items[index] for index in sorted(i for i in indices if i is not None)]

    # --- drawing

    @property
    def _margin(self) -> int:
        return 1 if self.marked else 0

    def redraw(self) -> None:
        """Draw the visible rows again if they have changed."""
        rows, view, items = list(self.in_view), self.arrangement.view, self.arrangement.items
        shown = [items[view[row]] for row in rows]
        self.placed = place(self.columns, self._measured(shown), self.row_width - self._margin, self.hidden)
        lines: list[Row] = [
            (
                tuple(one.column.cell(item, one.width) for one in self.placed),
                row == self.cursor,
                bool(self.marked) and self.arrangement.identify(item) in self.marked,
                self.bar(line),
            )
            for line, (row, item) in enumerate(zip(rows, shown, strict=True))
        ]
        head = self._titles()
        if (lines, head) != (self._rows, self._head):
            self._rows, self._head = lines, head
            self.refresh()

    def _measured(self, shown: Sequence[T]) -> dict[str, int]:
        """The width of each column's widest text. Until that is known, the width of the widest visible text."""
        return {
            column.name: self.arrangement.width(column.name) or widest(map(column.text, shown))
            for column in self.columns
            if column.text is not None
        }

    def _titles(self) -> str:
        name = self.sort_by[0]
        parts = []
        for one in self.placed:
            title = one.column.title
            if one.column.name == name:
                title = title[: one.width - 1] + self.arrow
            parts.append(fit(title, one.width) if not one.column.right else title.rjust(one.width))
        return " " * self._margin + " ".join(parts)

    def render_line(self, y: int) -> Strip:
        """The header, or one row with the scrollbar's cell."""
        width, base = self.size.width, self.rich_style
        if y == 0 and self.arrangement.items:
            header = Segment.adjust_line_length(self._header(), width)
            return Strip(header, width).apply_style(base)
        if not 0 < y <= len(self._rows):
            return Strip.blank(width, base)
        cells, at_cursor, marked, bar = self._rows[y - 1]
        over = self._style("cursor" if self.has_focus else "blurred") if at_cursor else None
        segments = [Segment(MARK if marked else " ", self._style("marked"))] if self._margin else []
        for one, cell in zip(self.placed, cells, strict=True):
            text = one.column.cut(safe(cell.text), one.width)
            text = fit(text, one.width) if not one.column.right else text.rjust(one.width)
            segments.append(Segment(text + " ", self._style(cell.tone.name.lower())))
        segments = Segment.adjust_line_length(segments, width - len(bar))
        if over is not None:
            segments = [Segment(text, over) for text, _, _ in segments]
        query = self.arrangement.query
        if query is not None and query.shown is not None:
            # After the row has its width: a match may end inside an emoji, whose parts are narrower.
            segments = lit(segments, (query.shown,), self._style("match"))
        return Strip([*segments, Segment(bar, self._style("bar"))], width).apply_style(base)

    def _header(self) -> list[Segment]:
        """Return the row of titles. The title of the sorted column has a style of its own."""
        head, by = self._head, self.sort_by[0]
        plain, sorted_ = self._style("head"), self._style("sorted")
        one = next((one for one in self.placed if one.column.name == by), None)
        if one is None:
            return [Segment(head, plain)]
        start = one.x + self._margin
        pieces = (
            (head[:start], plain),
            (head[start : start + one.width], sorted_),
            (head[start + one.width :], plain),
        )
        return [Segment(text, style) for text, style in pieces if text]

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"table--{part}", partial=True)

    # --- mouse

    def on_click(self, event: events.Click) -> None:
        """Sort by the column whose title is clicked; a second click reverses the order.

        A click on a row moves the cursor.
        """
        if event.y > 0:
            super().on_click(event)
            return
        event.stop()
        event.prevent_default()
        x = event.x - self._margin
        found = next((one for one in self.placed if one.x <= x <= one.x + one.width), None)
        if found is not None:
            name, backwards = self.sort_by
            same = found.column.name == name
            self.sort(found.column.name, backwards=same and not backwards)
            self.post_message(self.Sorted())

    def on_focus(self) -> None:
        """Draw the cursor's row as focused."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the cursor's row as not focused."""
        self.refresh()
