"""Paints the frames of a terminal engine."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from labeltui.ui.debounce import call_after
from labeltui.ui.presentation.text import fit
from labeltui.ui.widgets.terminal.engine import Engine, Frame, Look, Modes, Row
from labeltui.ui.widgets.terminal.paint import strip_of, with_cursor

REPAINT_S = 1 / 60
PACE_MOST_S, LATE_COUNTS = 0.2, 3
HALF_FRAME_S = 0.15  # seconds that a program may hold a frame back while it draws
WHEEL_ROWS = 3


class TerminalCanvas(Widget, can_focus=True):
    """Shows an :class:`Engine`; only rows that changed are drawn again."""

    DEFAULT_CSS = "TerminalCanvas { height: 1fr; width: 1fr; }"

    class Changed(Message):
        """Title, size or position in the scrollback changed."""

    class Rang(Message):
        """The program rang the bell."""

    def __init__(self) -> None:
        super().__init__()
        self.engine: Engine | None = None
        self.live = False  # keys have somewhere to go
        self.message: tuple[str, ...] = ()
        self.wanted = ""  # highlighted while scrolled back
        self._shown: Frame | None = None
        self._strips: dict[int, tuple[Row, Strip]] = {}
        self._base = Style()  # the widget's own colours
        self._styles: dict[Look, Style] = {}
        self._pending = False
        self._synchronized_since = 0.0
        self._painted_at = 0.0
        self._pace = REPAINT_S

    # -- what is shown

    def show_message(self, *lines: str) -> None:
        """Show lines of text while there is no terminal; they must be safe already."""
        if self.message != lines:
            self.message = lines
            self.refresh()

    @property
    def modes(self) -> Modes:
        """The modes that the program has set."""
        return Modes() if self._shown is None else self._shown.modes

    @property
    def shown(self) -> Frame | None:
        """The frame on the screen; None before the first."""
        return self._shown

    def changed(self) -> None:
        """Paint the engine's new frame: at once after a pause, else when the next paint is due."""
        if self._pending or not self.is_mounted:
            return
        wait = self._painted_at + self._pace - time.monotonic()
        if wait <= 0:
            self._pace = REPAINT_S
            self._repaint()
        else:
            self._pending = True
            call_after(self, wait, self._repaint_late)

    def _repaint_late(self) -> None:
        """Paint a delayed frame. A late call means that the machine is busy, so the frame rate is reduced."""
        late = time.monotonic() - self._painted_at - self._pace
        self._pace = min(PACE_MOST_S, REPAINT_S + LATE_COUNTS * max(0.0, late))
        self._repaint()

    def _repaint(self) -> None:
        self._pending = False
        if self.engine is None:
            return
        self._painted_at = time.monotonic()
        frame, old = self.engine.frame(), self._shown
        if frame is old:
            return
        now = time.monotonic()
        if frame.modes.synchronized and old is not None:
            self._synchronized_since = self._synchronized_since or now
            if now - self._synchronized_since < HALF_FRAME_S:
                self._shown = replace(old, modes=frame.modes)
                self.changed()
                return
        self._synchronized_since = 0.0
        self._show(frame)

    def _show(self, frame: Frame) -> None:
        old, self._shown = self._shown, frame
        if old is None or (old.columns, len(old.rows), old.reversed) != (
            frame.columns,
            len(frame.rows),
            frame.reversed,
        ):
            self._strips.clear()
            self.refresh()
        else:
            rows = {y for y, row in enumerate(frame.rows) if row is not old.rows[y]}
            if frame.cursor != old.cursor:
                rows |= {cursor.row for cursor in (frame.cursor, old.cursor) if cursor is not None}
            self._refresh_rows(rows)
        if old is None or (old.title, old.behind, old.columns, len(old.rows)) != (
            frame.title,
            frame.behind,
            frame.columns,
            len(frame.rows),
        ):
            self.post_message(self.Changed())
        if old is not None and frame.bells > old.bells:
            self.post_message(self.Rang())

    def _refresh_rows(self, rows: set[int]) -> None:
        if len(rows) > self.size.height // 2:
            self.refresh()
        elif rows:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in rows))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return rows directly from the frame, without border or padding.

        Offsets for the mouse's selection are left out, because they would make the style of each piece unique.
        """
        self._begin()
        background = self.background_colors[1]
        strips = [self._row(y) for y in crop.line_range]
        for one in self.get_line_filters():
            strips = [strip.apply_filter(one, background) for strip in strips]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One row, with offsets for the mouse's selection."""
        self._begin()
        return self._row(y).apply_offsets(0, y)

    def _begin(self) -> None:
        """Compute the styles once for all rows, and again after a change of theme."""
        base = self.rich_style
        if base != self._base:
            self._base, self._styles = base, {}
            self._strips.clear()

    def _row(self, y: int) -> Strip:
        width, base = self.size.width, self._base
        frame = self._shown
        if frame is None or y >= len(frame.rows):
            text = "" if frame is not None or y >= len(self.message) else f" {self.message[y]}"
            return Strip([Segment(fit(text, width), base)], width)
        row = frame.rows[y]
        cached = self._strips.get(y)
        if cached is None or cached[0] is not row or cached[1].cell_length != width:
            strip = strip_of(row, width, base, flipped=frame.reversed, styles=self._styles)
            cached = self._strips[y] = (row, strip)
        strip = cached[1]
        if self.wanted and frame.behind:
            for start, stop in spans(strip.text, self.wanted):
                strip = self._selected(strip, start, stop)
        selection = self.text_selection
        span = None if selection is None else selection.get_span(y)
        if span is not None:
            strip = self._selected(strip, *span)
        if frame.cursor is not None and frame.cursor.row == y and frame.cursor.column < width and self.live:
            strip = with_cursor(strip, frame.cursor, focused=self.has_focus)
        return strip

    def _selected(self, strip: Strip, start: int, stop: int) -> Strip:
        end = strip.cell_length if stop == -1 else min(stop, strip.cell_length)
        style = self.screen.get_component_rich_style("screen--selection")
        inside = Strip(
            [Segment(s.text, (s.style or self.rich_style) + style) for s in strip.crop(start, end)],
            max(0, end - start),
        )
        return Strip.join([strip.crop(0, start), inside, strip.crop(end, strip.cell_length)])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that the mouse selected."""
        return selection.extract(self.text()), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        self.refresh()

    def text(self) -> str:
        """The visible rows as text, without trailing blanks."""
        rows = () if self._shown is None else self._shown.rows
        return "\n".join("".join(run.text for run in row).rstrip() for row in rows)

    def notify_style_update(self) -> None:
        """Draw all rows in the new theme's colours."""
        super().notify_style_update()
        self._base = Style()


def spans(text: str, wanted: str) -> list[tuple[int, int]]:
    """Return the columns of each match of ``wanted`` in ``text``, ignoring case."""
    found = re.finditer(re.escape(wanted), text, re.IGNORECASE)
    return [(cell_len(text[: one.start()]), cell_len(text[: one.end()])) for one in found]
