"""A table that draws only visible rows, so that 100,000 rows cost no more than fifty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textual import events
from textual.content import Content
from textual.message import Message

from labeltui.ui.widgets.columns import WholeRows

Draw = Callable[[int, int, bool], Content]
"""Draws a row. Takes its index, its width in cells, and whether the cursor is on the row."""


class Table(WholeRows, can_focus=True):
    """A header, rows and a cursor. Calls ``draw`` for each visible row."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    class Moved(Message):
        """The cursor is on another row."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw
        self._header = Content("")
        self.count = 0
        self.cursor = 0
        self.top = 0
        self._shown: tuple[Content, ...] = ()

    @property
    def page(self) -> int:
        """The number of visible rows."""
        return max(1, self.size.height - 1)

    def update_rows(self, count: int, cursor: int, header: Content) -> None:
        """Set the number of rows, the cursor and the header; redraw if the visible rows changed."""
        self.count, self._header = count, header
        self._place(cursor)

    def redraw(self) -> None:
        """Draw the visible rows again, for example because ages have changed."""
        shown = tuple(self._visible())
        if len(shown) != len(self._shown) or not all(
            a.is_same(b) for a, b in zip(shown, self._shown, strict=True)
        ):
            self._shown = shown
            self.refresh()

    def _visible(self) -> Sequence[Content]:
        width = self.size.width - (1 if self.count > self.page else 0)
        rows = range(self.top, min(self.count, self.top + self.page))
        lines = [self._draw(index, width, index == self.cursor) for index in rows]
        if self.count > self.page:
            lines = [
                line.pad_right(max(0, width - line.cell_length)) + self._mark(i)
                for i, line in enumerate(lines)
            ]
        return [self._header, *lines]

    def _mark(self, line: int) -> Content:
        """Return the scrollbar's cell for the visible line ``line``."""
        length = max(1, self.page * self.page // self.count)
        start = round(self.top * (self.page - length) / max(1, self.count - self.page))
        return Content.styled("┃" if start <= line < start + length else "│", "$border-blurred")

    def _place(self, cursor: int) -> None:
        before = self.cursor
        self.cursor = max(0, min(self.count - 1, cursor))
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + self.page:
            self.top = self.cursor - self.page + 1
        self.top = max(0, min(self.top, self.count - self.page))
        self.redraw()
        if before != self.cursor:
            self.post_message(self.Moved())

    def move(self, by: int) -> None:
        """Move the cursor by ``by`` rows; stops at both ends."""
        self._place(self.cursor + by)

    def render(self) -> Content:
        """Header and visible rows."""
        return Content("\n").join(self._shown)

    def on_resize(self, _event: events.Resize) -> None:
        """Redraw for the new size, with the cursor in view."""
        self._place(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row under the mouse."""
        if event.y > 0:
            self._place(min(self.count - 1, self.top + event.y - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move the cursor down."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move the cursor up."""
        event.stop()
        self.move(-3)
