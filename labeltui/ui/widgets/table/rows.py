"""Tables that draw only visible rows, so that 100,000 rows cost no more than fifty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textual import events
from textual.content import Content
from textual.message import Message

from labeltui.ui.widgets.columns import WholeRows

Draw = Callable[[int, int, bool], Content]
"""A function that draws a row, given its index, its width in cells, and whether the cursor is on it."""


class Rows(WholeRows, can_focus=True):
    """A header, rows, a cursor and a scrollbar. Subclasses draw the rows."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    class Moved(Message):
        """The cursor is on another row."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.cursor = 0
        self.top = 0

    @property
    def page(self) -> int:
        """The number of visible rows."""
        return max(1, self.size.height - 1)

    @property
    def row_width(self) -> int:
        """The cells of a row, without the scrollbar's."""
        return max(0, self.size.width - (1 if self.count > self.page else 0))

    @property
    def in_view(self) -> range:
        """The indices of the visible rows."""
        return range(self.top, min(self.count, self.top + self.page))

    def redraw(self) -> None:
        """Draw the visible rows again if they have changed, for example because ages have."""
        raise NotImplementedError

    def bar(self, line: int) -> str:
        """Return the scrollbar's cell beside the visible row ``line``; empty while every row is visible."""
        if self.count <= self.page:
            return ""
        length = max(1, self.page * self.page // self.count)
        start = round(self.top * (self.page - length) / max(1, self.count - self.page))
        return "┃" if start <= line < start + length else "│"

    def place(self, cursor: int) -> None:
        """Put the cursor on a row, or on the nearest one that exists, and show that row."""
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
        self.place(self.cursor + by)

    def on_resize(self, _event: events.Resize) -> None:
        """Redraw for the new size, with the cursor in view."""
        self.place(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row under the mouse. A click on the scrollbar goes to that part of the rows."""
        if event.y <= 0:
            return
        if event.x >= self.row_width and self.count > self.page:
            self.place((event.y - 1) * self.count // self.page)
        else:
            self.place(min(self.count - 1, self.top + event.y - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move the cursor down."""
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move the cursor up."""
        event.stop()
        self.move(-3)


class Table(Rows):
    """Rows that ``draw`` draws, each as one styled text."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw
        self._header = Content("")
        self._shown: tuple[Content, ...] = ()

    def update_rows(self, count: int, cursor: int, header: Content) -> None:
        """Set the number of rows, the cursor and the header; redraw if the visible rows changed."""
        self.count, self._header = count, header
        self.place(cursor)

    def redraw(self) -> None:
        """Draw the visible rows again if they have changed."""
        shown = tuple(self._lines())
        if len(shown) != len(self._shown) or not all(
            a.is_same(b) for a, b in zip(shown, self._shown, strict=True)
        ):
            self._shown = shown
            self.refresh()

    def _lines(self) -> Sequence[Content]:
        width = self.row_width
        lines = [self._draw(index, width, index == self.cursor) for index in self.in_view]
        if self.count > self.page:
            lines = [
                line.pad_right(max(0, width - line.cell_length))
                + Content.styled(self.bar(number), "$border-blurred")
                for number, line in enumerate(lines)
            ]
        return [self._header, *lines]

    def render(self) -> Content:
        """Header and visible rows."""
        return Content("\n").join(self._shown)
