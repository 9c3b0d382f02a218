"""A log on Textual's line API: only what is seen is decoded, and a reader who scrolled up stays there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from labeltui.session.logstore import GapMark, LogStore
from labeltui.ui.text import fit, safe
from labeltui.ui.widgets.logline import ERROR, line_strip

REPAINT_S = 1 / 30
SIDEWAYS = 8


def gap_words(mark: GapMark) -> str:
    """A gap of the delivery, in words, in the reader's own time."""

    def clock(at: datetime) -> str:
        return f"{at.astimezone():%H:%M:%S}"

    if mark.back_at is None:
        return f"── connection lost {clock(mark.lost_at)} · {safe(mark.why)} ──"
    seconds = (mark.back_at - mark.lost_at).total_seconds()
    return f"── lost {clock(mark.lost_at)} · back {clock(mark.back_at)} ({seconds:.0f} s, nothing missing) ──"


class LogView(Widget, can_focus=True):
    """Shows a :class:`LogStore`. Owns its scroll offset: appending never lays the screen out again."""

    class Moved(Message):
        """What is seen, or whether it follows, changed."""

    def __init__(self, store: LogStore | None = None) -> None:
        super().__init__()
        self.store = store or LogStore()
        self.following = True
        self.wrapping = False
        self.top = 0
        self.left = 0
        self.cursor: int | None = None
        self._read_to = 0
        self._rows: list[tuple[int | GapMark, Strip]] = []
        self._cache: dict[tuple[int, bytes], Strip] = {}
        self._pending = False
        self._stop: Callable[[], None] = bool

    def attach(self, store: LogStore) -> None:
        """Show another store from its end."""
        self._stop()
        self.store, self._stop = store, store.subscribe(self._changed)
        self.follow()

    def detach(self) -> None:
        """Stop listening; what is shown stays."""
        self._stop()

    @property
    def unread(self) -> int:
        """Lines that came since the reader scrolled up."""
        return 0 if self.following else max(0, self.store.line_count - self._read_to)

    def _changed(self) -> None:
        if not self._pending and self.is_mounted:
            self._pending = True
            self.set_timer(REPAINT_S, self._repaint)

    def _repaint(self) -> None:
        self._pending = False
        if self.top >= self.store.line_count or self.store.line_count < self._read_to:
            self.following = True  # another run's log began
        self.redraw()

    def redraw(self) -> None:
        """Choose the visible lines again, and draw them."""
        height, width = max(1, self.size.height), max(1, self.size.width - 1)
        if self.following:
            self.top = max(0, self.store.line_count - height)
            self._read_to = self.store.line_count
        rows = self._visible(width, height)
        self._rows = rows[-height:] if self.following else rows[:height]
        self.refresh()
        self.post_message(self.Moved())

    def _visible(self, width: int, height: int) -> list[tuple[int | GapMark, Strip]]:
        stop = min(self.top + height, self.store.line_count)
        marks: dict[int, list[GapMark]] = {}
        for mark in self.store.marks:
            marks.setdefault(mark.line, []).append(mark)
        rows: list[tuple[int | GapMark, Strip]] = []
        for index in range(self.top, stop + 1):
            for mark in marks.get(index, ()):
                rule = Strip([Segment(fit(gap_words(mark), width), Style(color="yellow", dim=True))])
                rows.append((mark, rule))
            if index < stop:
                rows.extend((index, strip) for strip in self._wrapped(index, width))
            if len(rows) >= height and not self.following:
                break
        return rows

    def _wrapped(self, index: int, width: int) -> list[Strip]:
        strip = self._strip(index)
        if not self.wrapping:
            return [strip.crop(self.left, self.left + width)]
        cuts = range(0, max(1, strip.cell_length), width)
        return [strip.crop(at, at + width) for at in cuts]

    def _strip(self, index: int) -> Strip:
        raw = self.store.line(index)
        key = (index, raw)
        if key not in self._cache:
            if len(self._cache) > 2000:
                self._cache.clear()
            self._cache[key] = line_strip(raw)
        return self._cache[key]

    def render_line(self, y: int) -> Strip:
        """One row: text, then the scrollbar's cell; the chip on the last row while lines wait below."""
        width = max(1, self.size.width - 1)
        strip = Strip.blank(width)
        if y < len(self._rows):
            what, strip = self._rows[y]
            if what == self.cursor and self.cursor is not None:
                strip = strip.apply_style(Style(reverse=True))
        strip = strip.adjust_cell_length(width).simplify()
        if y == self.size.height - 1 and self.unread:
            chip = f" ▼ {self.unread} new "
            head = strip.crop(0, max(0, width - len(chip)))
            strip = Strip([*head, Segment(chip, Style(reverse=True, bold=True))])
        return Strip([*strip, self._thumb(y)]).apply_style(self.rich_style)

    def _thumb(self, y: int) -> Segment:
        height, lines = self.size.height, self.store.line_count
        if lines <= height:
            return Segment(" ")
        start = self.top * height // lines
        size = max(1, height * height // lines)
        start = min(start, height - size)
        return Segment("┃" if start <= y < start + size else " ", Style(dim=True))

    # -- moving

    def move(self, by: int) -> None:
        """Scroll by lines; up leaves following, reaching the end takes it up again."""
        last = max(0, self.store.line_count - max(1, self.size.height))
        self.top = max(0, min(last, self.top + by))
        if by < 0 and last:
            self.following = False
        elif self.top >= last:
            self.following = True
        self.redraw()

    def follow(self) -> None:
        """Show the end, and stay there."""
        self.following, self.cursor = True, None
        self.redraw()

    def to_top(self) -> None:
        """Show the first line."""
        self.move(-self.store.line_count)

    def sideways(self, by: int) -> None:
        """Scroll sideways; following does not change it."""
        self.left = max(0, self.left + by)
        self.redraw()

    def toggle_wrap(self) -> None:
        """Break long lines, or cut them."""
        self.wrapping = not self.wrapping
        self.redraw()

    def goto(self, index: int) -> None:
        """Show a line, marked, with what is around it."""
        self.cursor, self.following = index, False
        last = max(0, self.store.line_count - max(1, self.size.height))
        self.top = max(0, min(last, index - self.size.height // 3))
        self.redraw()

    def next_error(self) -> bool:
        """Go to the next error after the marked or first visible line; False when there is none."""
        here = -1 if self.cursor is None and self.following else self.cursor
        found = next(self.store.search(ERROR, (self.top - 1 if here is None else here) + 1), None)
        if found is not None:
            self.goto(found)
        return found is not None

    def previous_error(self) -> bool:
        """Go to the error before; False when there is none."""
        here = self.cursor if self.cursor is not None else self.store.line_count
        found = [index for index in self.store.search(ERROR) if index < here]
        if found:
            self.goto(found[-1])
        return bool(found)

    def copy_text(self) -> str:
        """The marked line, else everything that is seen; as safe text."""
        if self.cursor is not None and self.cursor < self.store.line_count:
            return self._strip(self.cursor).text
        return "\n".join(strip.text.rstrip() for _, strip in self._rows)

    def on_resize(self, _event: events.Resize) -> None:
        """Other rows fit now."""
        self.redraw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        event.stop()
        self.move(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        event.stop()
        self.move(3)
