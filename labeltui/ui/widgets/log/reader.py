"""A log with a reader: moving, filtering, finding, marking and copying."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Set
from datetime import datetime, timedelta

from textual import events
from textual.selection import Selection

from labeltui.domain.log.filter import Scope
from labeltui.domain.log.query import Query
from labeltui.session.log.store import GapMark
from labeltui.ui.widgets.log.canvas import LogCanvas
from labeltui.ui.widgets.log.folds import Fold
from labeltui.ui.widgets.log.page import PLACE, Page
from labeltui.ui.widgets.log.query import Places, Sieve
from labeltui.ui.widgets.log.scope import Scoped, line_at, record_around, time_at
from labeltui.ui.widgets.log.text import LONGEST

SIDEWAYS = 8
PIECE = 2000
"""Number of lines in one piece when shown lines are saved."""
AT_ONCE_S = 0.06
"""Seconds that a new filter may block the screen; lines not tested by then are tested in slices."""


class LogReader(LogCanvas):
    """A :class:`LogCanvas` with a cursor that moves through it."""

    keys_wanted: Set[str] | None = frozenset()
    """Keys that the view handles before the console does; None for all keys."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return True for a key that the view handles before the console's bindings; Textual calls this."""
        return self.keys_wanted is None or character in self.keys_wanted

    # -- moving

    @property
    def line(self) -> int | None:
        """The line that keys act on: the cursor's, else the last visible one; None without lines."""
        if self.cursor is not None:
            return self.cursor
        return next((shown.line for shown in reversed(self.rows) if shown.line is not None), None)

    def _stay(self) -> None:
        """Stop following the end."""
        self._sync()
        if self.text_selection is not None:
            self.screen.clear_selection()
        if self.following:
            self.page.to_end()
            self._read_to = self.page.count
            self.following = False

    def goto(self, line: int, *, centred: bool = True, unfold: bool = False) -> None:
        """Put the cursor on a line, or the next one that the filter selects, and show it.

        With ``unfold``, open a traceback that hides the line; else go to the traceback's summary.
        """
        self._stay()
        if unfold and (fold := self.page.closed(line)) is not None and fold.summary != line:
            self.page.turn(fold)
        if self.page.count:
            row = self.page.visible_row(min(self.page.row_of(line), self.page.count - 1))
            self.cursor = self.page.line_of(row)
            self.page.reveal(row, centred=centred)
        self.redraw()

    def move(self, by: int) -> None:
        """Move the cursor to the next visible line (1) or the previous one (-1); past the last line, follow again."""
        line = self.line
        if line is None or (self.following and by > 0):
            return
        self._stay()
        if not self.page.count:
            return
        row = self.page.row_of(line)
        row = self.page.following(row) if by > 0 else max(0, self.page.preceding(row))
        if row >= self.page.count:
            self.follow()
            return
        self.goto(self.page.line_of(row), centred=False)

    def scroll_by(self, by: int) -> None:
        """Scroll by screen rows; past the end, follow again."""
        if by > 0 and (self.following or self.page.at_end):
            self.follow()
            return
        self._stay()
        self.page.scroll(by)
        self._clamp_cursor()
        self.redraw()

    def page_by(self, pages: int) -> None:
        """Scroll by pages. Each page is one row shorter than the view, so that a line stays for orientation."""
        self.scroll_by(pages * max(1, self.size.height - 1))

    def _clamp_cursor(self) -> None:
        if self.cursor is None:
            return
        lines = [shown.line for shown in self.page.rows() if shown.line is not None]
        if lines:
            self.cursor = max(lines[0], min(self.cursor, lines[-1]))

    def to_top(self) -> None:
        """Go to the first line."""
        self.goto(0)

    def sideways(self, by: int) -> None:
        """Scroll messages sideways by ``by`` cells; this does not stop following."""
        left = self.page.left + by
        self.page.left = max(0, min(left, max(self.page.furthest_left(), self.page.left)) if by > 0 else left)
        self.redraw()

    def toggle_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self._sync()
        self.page.wrap, self.page.skip = not self.page.wrap, 0
        self._reveal_cursor()

    def turns(self) -> str | None:
        """Return the effect of :meth:`turn`, ``open`` or ``fold``.

        None if the line is in no traceback that can be folded.
        """
        fold = self._foldable()
        return None if fold is None else "fold" if self.page.is_open(fold) else "open"

    def _foldable(self) -> Fold | None:
        line = self.line
        fold = None if line is None else self.page.folds.of(line)
        return fold if fold is not None and fold.hidden and self.page.whole(fold) else None

    def turn(self) -> bool:
        """Open or fold the traceback that the line is in. Returns False if there is none."""
        fold = self._foldable()
        if fold is None:
            return False
        self._stay()
        self.page.turn(fold)
        self.cursor = fold.summary
        self.page.reveal(self.page.row_of(fold.first))
        self._reveal_cursor()
        return True

    def turn_all(self) -> bool:
        """Open or fold all tracebacks. Returns True if they are open now."""
        self._sync()
        unfolded = self.page.turn_all()
        if self.cursor is not None:
            self.cursor = self.page.visible_line(self.cursor)
        self._reveal_cursor()
        return unfolded

    def toggle_raw(self) -> None:
        """Show lines as they are, or in columns."""
        self._sync()
        self.page.raw, self.page.skip = not self.page.raw, 0
        self.page.forget()
        self._reveal_cursor()

    def toggle_column(self, name: str) -> None:
        """Show or hide a column; raw lines get their columns back."""
        self._sync()
        if self.page.raw:
            self.page.raw = False
            self.page.hidden -= {name}
        else:
            self.page.hidden ^= {name}
        self.page.skip = 0
        self.page.forget()
        self._reveal_cursor()

    def _reveal_cursor(self) -> None:
        """Keep the cursor visible after lines changed their height."""
        if self.cursor is not None:
            self.page.reveal(self.page.row_of(self.cursor))
        self.redraw()

    # -- asking

    def set_filter(self, query: Query | None, line: int | None = None, *, unfold: bool = False) -> None:
        """Show only lines that match. ``line`` (by default the cursor's) or the next matching line stays visible."""
        if self.following or line is None:
            line = None if self.following else self.line
        self.filter = None if query is None else Sieve(self.store, query, self.scope)
        self._show_subset(line, unfold=unfold)

    def set_scope(self, scope: Scope, first: int = 0) -> None:
        """Show only the records of a scope, from line ``first`` on. Filter and search then apply to these records."""
        line = None if self.following else self.line
        self.scope = Scoped(self.store, scope, first) if scope or first else None
        self.page.floor = first
        if self.filter is not None:
            self.filter = Sieve(self.store, self.filter.query, self.scope)
        self._show_subset(line)

    def _show_subset(self, line: int | None, *, unfold: bool = False) -> None:
        self.page.subset = self.subset
        if self.find is not None:
            self.find = self.page.highlighted = Sieve(self.store, self.find.query, self.subset)
        self._sync(AT_ONCE_S)
        self._read_to = self.page.count
        if line is None:
            self.redraw()
        else:
            self.goto(line, unfold=unfold)

    def set_find(self, query: Query | None) -> None:
        """Highlight matches among the shown lines."""
        self.find = self.page.highlighted = None if query is None else Sieve(self.store, query, self.subset)
        self.redraw(AT_ONCE_S)

    def step(self, places: Places, by: int) -> bool | None:
        """Go to the next (1) or previous (-1) of ``places``.

        Returns None if there is none, and True if the search continued at the other end. While the view follows
        new lines, both directions lead to the newest place.
        """
        while not places.advance(AT_ONCE_S) and not places.lines:
            continue
        here, by = (None, -1) if self.following else (self.line, by)
        if here is not None and by < 0 and places is self.errors:
            # The first line of a folded traceback stands for the error.
            fold = self.page.closed(here)
            here = here if fold is None else fold.first
        subset = [
            line for line in (self._next(places, here, by), self._next(places, None, by)) if line is not None
        ]
        if not subset:
            return None
        self.goto(subset[0], unfold=places is not self.errors)
        return here is not None and (subset[0] - here) * by <= 0

    def _next(self, places: Places, line: int | None, by: int) -> int | None:
        """Return the nearest shown line of ``places`` in that direction.

        If ``line`` is None, search from the far end.
        """
        if line is None:
            line = -1 if by > 0 else self.store.line_count
        found = places.after(line) if by > 0 else places.before(line)
        while found is not None and self.subset is not None and self.subset.place(found) is None:
            found = places.after(found) if by > 0 else places.before(found)
        return found

    # -- time and places

    def by_time(self, seconds: int) -> bool:
        """Go ``seconds`` later or earlier. Returns False if no line has a time. Stops at both ends."""
        line = self.line
        at = None if line is None else time_at(self.store, line)
        if line is None or at is None:
            return False
        found = line_at(self.store, at + timedelta(seconds=seconds))
        # The nearest record may be further away than ``seconds``.
        fold = self.page.closed(line)
        first, last = (line, line) if fold is None else (fold.first, fold.last)
        found = max(found, last + 1) if seconds > 0 else min(found, first - 1)
        self.goto(max(0, min(found, self.store.line_count - 1)))
        return True

    def mark(self, at: datetime) -> None:
        """Draw a rule above the line under the cursor; while following, below the last line."""
        line = self.store.line_count if self.cursor is None else self.cursor
        insort(self.page.places, GapMark(line, 0, at, at, PLACE), key=lambda place: place.line)
        self.redraw()

    def to_place(self) -> bool:
        """Go to the next rule (a marked line or a gap), cyclically. Returns False if there is none."""
        self._sync()
        last = self.store.line_count - 1
        lines = [min(mark.line, last) for mark in self.page.marks]
        if not lines:
            return False
        here = last + 1 if self.cursor is None else self.cursor
        self.goto(next((line for line in lines if line > here), lines[0]))
        return True

    def shown_pieces(self) -> Iterator[bytes]:
        """The shown lines as they were printed, in pieces."""
        if self.subset is None:
            yield from (bytes(piece) for piece in self.store.pieces())
            return
        while not self.subset.advance(AT_ONCE_S):
            yield b""
        for start in range(0, len(self.subset.lines), PIECE):
            yield b"".join(self.store.line(line) + b"\n" for line in self.subset.lines[start : start + PIECE])

    # -- copying

    def text_of(self, line: int) -> str:
        """A line as it reads without columns: safe text."""
        page = Page(self.store, self.page.tones)
        page.raw = True
        return page.laid(line).text

    @property
    def cursor_text(self) -> str:
        """The text of the screen row with the cursor."""
        return next((shown.text.rstrip() for shown in self.rows if shown.line == self.cursor), "")

    def record_of(self, line: int | None) -> range:
        """The lines of the record that a line belongs to, with its traceback."""
        if line is None:
            return range(0)
        fold = self.page.folds.of(line)
        if fold is None:
            return record_around(self.store, line)
        record = record_around(self.store, fold.first)
        # A line that announces the error belongs to its traceback; other lines before it do not.
        error_above = record.start + 1 == fold.first and self.errors.place(record.start) is not None
        first = record.start if error_above else fold.first
        return range(first, fold.last + 1)

    def raw_text(self, line: int) -> str:
        """Return a line as printed, in its last redrawn state, cut at the drawn length. It may be hostile text."""
        if not 0 <= line < self.store.line_count:
            return ""
        return self.store.last_drawing(line, LONGEST)[0].decode("utf-8", "replace")

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that the mouse selected among the visible rows."""
        return selection.extract("\n".join(shown.text.rstrip() for shown in self.rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Stop following while something is being selected."""
        if selection is not None and self.following:
            self._read_to, self.following = self.page.count, False
        self.refresh()

    # -- room and focus

    def on_resize(self, _event: events.Resize) -> None:
        """Choose the visible rows for the new size."""
        self.redraw()

    def on_focus(self, _event: events.Focus) -> None:
        """Draw the cursor as focused."""
        self.refresh()

    def on_blur(self, _event: events.Blur) -> None:
        """Draw the cursor as not focused."""
        self.refresh()
