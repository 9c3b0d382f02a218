"""Draws a log on Textual's line API.

Only visible lines are decoded, and a view that is scrolled up stays in place. The widget scrolls by an offset
of its own, because Textual's scrolling would lay out the whole screen for each new line.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from labeltui.session.log.store import LogStore
from labeltui.ui.widgets.columns import whole
from labeltui.ui.widgets.log.columns import Tones
from labeltui.ui.widgets.log.page import Page, Shown
from labeltui.ui.widgets.log.query import Errors, Sieve
from labeltui.ui.widgets.log.scope import Scoped
from labeltui.ui.widgets.log.text import lit

TONES = ("plain", "faint", "warning", "error", "match", "gap", "fold")
REPAINT_S = 1 / 30
FLOOD_S = 1 / 12
"""Seconds between paints while lines arrive too fast to read, which means a whole screen or more between two paints."""
SLICE_S = 0.006


class LogCanvas(Widget, can_focus=True):
    """Shows a :class:`LogStore` while it grows; ``cursor`` is the line that keys act on."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"logview--{part}" for part in (*TONES, "cursor", "blurred", "chip", "bar")
    }

    class Moved(Message):
        """The visible rows or the counts have changed, or following new lines was turned on or off."""

    def __init__(self, store: LogStore | None = None) -> None:
        super().__init__()
        self.following = True
        self.cursor: int | None = None
        self.rows: list[Shown] = []
        self._due: asyncio.TimerHandle | None = None
        self._painted, self._every = 0.0, REPAINT_S
        self._thumb = (0, 0)
        self._dragging = False
        self._stop: Callable[[], object] | None = None
        self._take(store or LogStore())

    def _take(self, store: LogStore) -> None:
        self.store = store
        self.page = Page(store, Tones(*[Style.null()] * len(TONES)))
        self.errors = Errors(store)
        self.scope: Scoped | None = None
        self.filter: Sieve | None = None
        self.find: Sieve | None = None
        self._generation = store.generation
        self._read_to = 0
        self._toned = False
        self._base = self._bar_style = Style.null()

    def attach(self, store: LogStore) -> None:
        """Show another store, from its end."""
        self.detach()
        before = self.page
        self._take(store)
        self.page.copy_settings(before)
        self._stop = store.subscribe(self._changed)
        self.follow()

    def detach(self) -> None:
        """Stop following the store; the visible rows stay."""
        if self._stop is not None:
            self._stop()
        self._stop = None

    def on_unmount(self) -> None:
        """Stop following and painting."""
        self.detach()
        if self._due is not None:
            self._due.cancel()

    # -- what comes

    def _changed(self) -> None:
        """Paint the new lines: at once after a pause, else when the next paint is due."""
        if self._due is None and self.is_running:
            wait = max(0.0, self._painted + self._every - time.monotonic())
            self._due = asyncio.get_running_loop().call_later(wait, self._repaint)

    def _repaint(self) -> None:
        self._due = None
        if self.is_running:
            self.redraw(SLICE_S, asked=False)

    def redraw(self, budget_s: float = SLICE_S, *, asked: bool = True) -> None:
        """Read new lines and choose the visible rows.

        With ``asked`` all rows are repainted, else only if they changed.
        """
        self._painted = time.monotonic()
        old, done = (self.rows, self._thumb), self._choose_rows(budget_s)
        if not self.size.height:
            return
        if asked or old != (self.rows, self._thumb):
            self.refresh()
        else:  # the rows are the same, but the count of new lines on the last row may differ
            self.refresh(Region(0, self.size.height - 1, self.size.width, 1))
        self.post_message(self.Moved())
        if not done:
            self._changed()

    def _choose_rows(self, budget_s: float = 0.0) -> bool:
        """Read new lines and choose the visible rows. Returns True once every line was tested."""
        done = self._sync(budget_s)
        if self.size.height:
            before = self._read_to
            if self.following:
                self.page.to_end()
                self._read_to = self.page.count
            else:
                self.page.settle()
            flooded = self.following and self._read_to - before > self.size.height
            self._every = FLOOD_S if flooded else REPAINT_S
            self.rows, self._thumb = self.page.rows(), self._bar_place()
        return done

    def _sync(self, budget_s: float = 0.0) -> bool:
        """Read the store's new lines for about ``budget_s``.

        Starts over if the store has another run. Returns True once every line was tested.
        """
        if self._generation != self.store.generation:
            self._generation = self.store.generation
            self.following, self.cursor, self._read_to = True, None, 0
            self.page.begin()
        self._fit()
        self.page.gather()
        sieves = [sieve for sieve in (self.scope, self.filter, self.find) if sieve is not None]
        answered = [sieve.advance(budget_s / (len(sieves) + 1)) for sieve in sieves]
        answered.append(self.page.folds.advance(budget_s / (len(sieves) + 1)))
        if self.cursor is not None:
            self.cursor = self.page.visible_line(self.cursor)
        return all(answered)

    def _fit(self) -> None:
        """Set the page's size and styles."""
        width = max(1, self.size.width - 1)
        if self.page.width != width:
            self.page.width = width
            self.page.forget()
        self.page.height = max(1, self.size.height)
        if not self._toned and self.is_mounted:
            self._toned = True
            self._base, self._bar_style = self.rich_style, self._tone("bar")
            self.page.tones = Tones(*(self._tone(name) for name in TONES))
            self.page.forget()

    def notify_style_update(self) -> None:
        """Lay lines out in the new theme's colours with the next paint."""
        super().notify_style_update()
        self._toned = False
        self._changed()

    @property
    def subset(self) -> Sieve | None:
        """The lines that a filter or scope selects; None while all are shown."""
        return self.filter or self.scope

    @property
    def unread(self) -> int:
        """Rows that arrived since the reader left the end."""
        return 0 if self.following else max(0, self.page.count - self._read_to)

    # -- drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible rows, like :meth:`render_line` without offsets for the mouse.

        A row without highlights or selection is drawn once, however often it moves.
        """
        # Textual paints a new size before the widget gets the message about it.
        if self.size != (self.page.width + 1, self.page.height):
            self._choose_rows()
        plain = not self._lit_patterns and self.text_selection is None
        chip = self.size.height - 1 if self.unread else -1
        finish = [(found, self.background_colors[1]) for found in self.get_line_filters()]
        strips = [self._strip(y, finish, plain=plain and y != chip) for y in crop.line_range]
        if crop.column_span != (0, self.page.width + 1):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def _strip(self, y: int, finish: list[tuple[LineFilter, Color]], *, plain: bool) -> Strip:
        bar = self._bar(y)
        shown = self.rows[y] if plain and y < len(self.rows) else None
        if shown is not None and self.cursor is not None and shown.line == self.cursor:
            shown = None
        if shown is not None and (drawn := shown.strips.get(bar)) is not None:
            return drawn
        base = self._base
        found = self._dressed(y) if shown is None else shown.segments
        segments = [Segment(text, _over(base, style)) for text, style, _ in found]
        segments.append(Segment(bar, _over(base, self._bar_style)))
        for line_filter, background in finish:  # a strip costs more than its segments, so only one is made
            segments = line_filter.apply(segments, background)
        strip = whole(Strip(segments, self.page.width + 1))
        if shown is not None:
            shown.strips[bar] = strip
        return strip

    def render_line(self, y: int) -> Strip:
        """One row: its text and the scrollbar's cell, with offsets for the mouse's selection."""
        placed, x = [], 0
        for text, style, _ in self._dressed(y):
            placed.append(Segment(text, _over(self._base, style) + Style.from_meta({"offset": (x, y)})))
            x += len(text)
        placed.append(Segment(self._bar(y), _over(self._base, self._bar_style)))
        return Strip(placed, self.page.width + 1)

    def _dressed(self, y: int) -> list[Segment]:
        """A row with cursor, highlights and selection, and on the last row the count of unread rows."""
        width = self.page.width
        segments = self._row(self.rows[y]) if y < len(self.rows) else [Segment(" " * width)]
        if y == self.size.height - 1 and self.unread:
            chip = f" ▼ {self.unread:,} new "[:width]
            segments = [
                *Segment.adjust_line_length(segments, width - len(chip)), Segment(chip, self._tone("chip")),
            ]  # fmt: skip
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        return segments if span is None else self._selected(segments, *span)

    def _row(self, shown: Shown) -> list[Segment]:
        segments = shown.segments
        if shown.line is not None and shown.line == self.cursor:
            style = self._tone("cursor" if self.has_focus else "blurred")
            segments = list(Segment.apply_style(segments, post_style=style))
        patterns = self._lit_patterns
        tones = self.page.tones
        return lit(segments, patterns, tones.match, but=tones.fold) if patterns else segments

    def _selected(self, segments: list[Segment], first: int, last: int) -> list[Segment]:
        """Return the segments, with characters ``first`` to ``last`` in the style of a selection.

        A ``last`` of -1 means the end.
        """
        marked_so = self.screen.get_component_rich_style("screen--selection")
        found: list[Segment] = []
        at = 0
        for text, style, _ in segments:
            begin = min(len(text), max(0, first - at))
            end = len(text) if last < 0 else max(begin, min(len(text), last - at))
            marked = marked_so if style is None else style + marked_so
            pieces = ((text[:begin], style), (text[begin:end], marked), (text[end:], style))
            found += [Segment(piece, drawn) for piece, drawn in pieces if piece]
            at += len(text)
        return found

    def _tone(self, name: str) -> Style:
        return self.get_component_rich_style(f"logview--{name}", partial=True)

    @property
    def _lit_patterns(self) -> list[re.Pattern[str]]:
        sieves = (self.filter, self.find)
        return [sieve.query.shown for sieve in sieves if sieve is not None and sieve.query.shown is not None]

    def _bar(self, y: int) -> str:
        start, end = self._thumb
        return "┃" if start <= y < end else "│" if end else " "

    def _bar_place(self) -> tuple[int, int]:
        """Return the first row of the scrollbar's thumb, and the row after it; empty if everything is visible."""
        height, count = self.size.height, self.page.count
        if count <= height:
            return 0, 0
        size = max(1, height * height // count)
        start = (
            round((height - size) * self.page.top / max(1, count - height)) if not self.following else height
        )
        start = min(start, height - size)
        return start, start + size

    def follow(self) -> None:
        """Show the end, and follow new lines."""
        self.following, self.cursor = True, None
        self.redraw()


@lru_cache(maxsize=1024)
def _over(base: Style, style: Style | None) -> Style:
    return base if style is None else base + style
