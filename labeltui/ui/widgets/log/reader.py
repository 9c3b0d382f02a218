"""A log that is read: moved through, asked, marked and copied from."""

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
"""Lines that are joined at once where some are saved."""
AT_ONCE_S = 0.06
"""How long a new question may hold the screen; what it has not asked by then goes on in slices."""


class LogReader(LogCanvas):
    """A :class:`LogCanvas` with a cursor that moves through it."""

    keys_wanted: Set[str] | None = frozenset()
    """Keys that are for whoever has the view, before any that the console has for all panes; None: all of them."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Tell the console which keys it may not take for itself."""
        return self.keys_wanted is None or character in self.keys_wanted

    # -- moving

    @property
    def line(self) -> int | None:
        """The line that keys are about: the cursor's, else the last one in sight."""
        if self.cursor is not None:
            return self.cursor
        return next((shown.line for shown in reversed(self.rows) if shown.line is not None), None)

    def _stay(self) -> None:
        """Leave the end alone from now on."""
        self._sync()
        if self.text_selection is not None:
            self.screen.clear_selection()
        if self.following:
            self.page.to_end()
            self._read_to = self.page.count
            self.following = False

    def goto(self, line: int, *, centred: bool = True, unfold: bool = False) -> None:
        """Put the cursor on a line (or the first one after it that the filter keeps), with what is around it.

        ``unfold``: a traceback that hides the line is opened; else its one line is gone to.
        """
        self._stay()
        if unfold and (fold := self.page.closed(line)) is not None and fold.told != line:
            self.page.turn(fold)
        if self.page.count:
            row = self.page.seen_row(min(self.page.row_of(line), self.page.count - 1))
            self.cursor = self.page.line_of(row)
            self.page.reveal(row, centred=centred)
        self.redraw()

    def move(self, by: int) -> None:
        """Move the cursor to the next line that is seen (1), or the one before (-1); past the last it follows again."""
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
        """Move what is in sight by rows; past the end it follows again."""
        if by > 0 and (self.following or self.page.at_end):
            self.follow()
            return
        self._stay()
        self.page.scroll(by)
        self._keep_cursor_in_sight()
        self.redraw()

    def page_by(self, pages: int) -> None:
        """Move by what is in sight, less one row to go on from."""
        self.scroll_by(pages * max(1, self.size.height - 1))

    def _keep_cursor_in_sight(self) -> None:
        if self.cursor is None:
            return
        lines = [shown.line for shown in self.page.rows() if shown.line is not None]
        if lines:
            self.cursor = max(lines[0], min(self.cursor, lines[-1]))

    def to_top(self) -> None:
        """The first line."""
        self.goto(0)

    def sideways(self, by: int) -> None:
        """Move messages sideways; following and new lines leave that alone."""
        left = self.page.left + by
        self.page.left = max(0, min(left, max(self.page.furthest_left(), self.page.left)) if by > 0 else left)
        self.redraw()

    def toggle_wrap(self) -> None:
        """Break long lines, or cut them."""
        self._sync()
        self.page.wrap, self.page.skip = not self.page.wrap, 0
        self._keep_cursor()

    def turns(self) -> str | None:
        """What :meth:`turn` would do to the traceback that the line is in; None where it is in none that could be."""
        fold = self._foldable()
        return None if fold is None else "fold" if self.page.is_open(fold) else "open"

    def _foldable(self) -> Fold | None:
        line = self.line
        fold = None if line is None else self.page.folds.of(line)
        return fold if fold is not None and fold.hidden and self.page.whole(fold) else None

    def turn(self) -> bool:
        """Open or fold the traceback that the line is in; False where it is in none that could be."""
        fold = self._foldable()
        if fold is None:
            return False
        self._stay()
        self.page.turn(fold)
        self.cursor = fold.told
        self.page.reveal(self.page.row_of(fold.first))
        self._keep_cursor()
        return True

    def turn_all(self) -> bool:
        """Open or fold all tracebacks; True when they are open then."""
        self._sync()
        unfolded = self.page.turn_all()
        if self.cursor is not None:
            self.cursor = self.page.seen_for(self.cursor)
        self._keep_cursor()
        return unfolded

    def toggle_raw(self) -> None:
        """Lines as they are, or in columns."""
        self._sync()
        self.page.raw, self.page.skip = not self.page.raw, 0
        self.page.forget()
        self._keep_cursor()

    def toggle_column(self, name: str) -> None:
        """Show a column, or hide it; lines that were raw get their columns back."""
        self._sync()
        if self.page.raw:
            self.page.raw = False
            self.page.hidden -= {name}
        else:
            self.page.hidden ^= {name}
        self.page.skip = 0
        self.page.forget()
        self._keep_cursor()

    def _keep_cursor(self) -> None:
        """Lines are as tall as they were no more: what is being read stays in sight."""
        if self.cursor is not None:
            self.page.reveal(self.page.row_of(self.cursor))
        self.redraw()

    # -- asking

    def set_filter(self, query: Query | None, line: int | None = None, *, unfold: bool = False) -> None:
        """Keep the lines that answer; ``line``, else the cursor's, stays in sight, or the next one that is kept."""
        if self.following or line is None:
            line = None if self.following else self.line
        self.filter = None if query is None else Sieve(self.store, query, self.scope)
        self._keep(line, unfold=unfold)

    def set_scope(self, scope: Scope, first: int = 0) -> None:
        """Keep the records of that scope, from a line on; what is filtered and sought is so among them."""
        line = None if self.following else self.line
        self.scope = Scoped(self.store, scope, first) if scope or first else None
        self.page.floor = first
        if self.filter is not None:
            self.filter = Sieve(self.store, self.filter.query, self.scope)
        self._keep(line)

    def _keep(self, line: int | None, *, unfold: bool = False) -> None:
        self.page.kept = self.kept
        if self.find is not None:
            self.find = self.page.sought = Sieve(self.store, self.find.query, self.kept)
        self._sync(AT_ONCE_S)
        self._read_to = self.page.count
        if line is None:
            self.redraw()
        else:
            self.goto(line, unfold=unfold)

    def set_find(self, query: Query | None) -> None:
        """Mark what matches, among the lines that are kept."""
        self.find = self.page.sought = None if query is None else Sieve(self.store, query, self.kept)
        self.redraw(AT_ONCE_S)

    def step(self, places: Places, by: int) -> bool | None:
        """Go to the next (1) or previous (-1) of those lines; None where there is none, True once it went round.

        From the end, while it follows, either way leads to the newest.
        """
        while not places.advance(AT_ONCE_S) and not places.lines:
            continue
        here, by = (None, -1) if self.following else (self.line, by)
        if here is not None and by < 0 and places is self.errors:
            # The error is told of by the first line of what is folded under the cursor.
            fold = self.page.closed(here)
            here = here if fold is None else fold.first
        kept = [
            line for line in (self._next(places, here, by), self._next(places, None, by)) if line is not None
        ]
        if not kept:
            return None
        self.goto(kept[0], unfold=places is not self.errors)
        return here is not None and (kept[0] - here) * by <= 0

    def _next(self, places: Places, line: int | None, by: int) -> int | None:
        """The nearest of the lines on that side that the filter keeps; from the far end for no line."""
        if line is None:
            line = -1 if by > 0 else self.store.line_count
        found = places.after(line) if by > 0 else places.before(line)
        while found is not None and self.kept is not None and self.kept.place(found) is None:
            found = places.after(found) if by > 0 else places.before(found)
        return found

    # -- time and places

    def by_time(self, seconds: int) -> bool:
        """Go that far on (or back) in time; False where no line has one. Past either end it stays there."""
        line = self.line
        at = None if line is None else time_at(self.store, line)
        if line is None or at is None:
            return False
        found = line_at(self.store, at + timedelta(seconds=seconds))
        # The next record may be further off than asked for, and those before it too.
        fold = self.page.closed(line)
        first, last = (line, line) if fold is None else (fold.first, fold.last)
        found = max(found, last + 1) if seconds > 0 else min(found, first - 1)
        self.goto(max(0, min(found, self.store.line_count - 1)))
        return True

    def mark(self, at: datetime) -> None:
        """Draw a rule above the line under the cursor; below the last one while it follows."""
        line = self.store.line_count if self.cursor is None else self.cursor
        insort(self.page.places, GapMark(line, 0, at, at, PLACE), key=lambda place: place.line)
        self.redraw()

    def to_place(self) -> bool:
        """Go to the next rule, after the last one to the first: a marked place, or a gap. False where there is none."""
        self._sync()
        last = self.store.line_count - 1
        lines = [min(mark.line, last) for mark in self.page.marks]
        if not lines:
            return False
        here = last + 1 if self.cursor is None else self.cursor
        self.goto(next((line for line in lines if line > here), lines[0]))
        return True

    def shown_pieces(self) -> Iterator[bytes]:
        """What is shown, as it was printed: all of the log, or the lines that are kept. In pieces."""
        if self.kept is None:
            yield from (bytes(piece) for piece in self.store.pieces())
            return
        while not self.kept.advance(AT_ONCE_S):
            yield b""
        for start in range(0, len(self.kept.lines), PIECE):
            yield b"".join(self.store.line(line) + b"\n" for line in self.kept.lines[start : start + PIECE])

    # -- copying

    def text_of(self, line: int) -> str:
        """A line as it reads on the screen, without columns: safe text."""
        page = Page(self.store, self.page.tones)
        page.raw = True
        return page.laid(line).text

    @property
    def seen_text(self) -> str:
        """The row of the screen that the cursor is on, as it reads."""
        return next((shown.text.rstrip() for shown in self.rows if shown.line == self.cursor), "")

    def record_of(self, line: int | None) -> range:
        """The lines of the record that a line belongs to: with its traceback."""
        if line is None:
            return range(0)
        fold = self.page.folds.of(line)
        if fold is None:
            return record_around(self.store, line)
        record = record_around(self.store, fold.first)
        # An error's own line belongs to its traceback; whatever else was said before it does not.
        told_above = record.start + 1 == fold.first and self.errors.place(record.start) is not None
        first = record.start if told_above else fold.first
        return range(first, fold.last + 1)

    def raw_text(self, line: int) -> str:
        """A line as it was printed, the last drawing of it; no more of it than is drawn. Hostile text."""
        if not 0 <= line < self.store.line_count:
            return ""
        return self.store.last_drawing(line, LONGEST)[0].decode("utf-8", "replace")

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What the mouse marked, of what is in sight."""
        return selection.extract("\n".join(shown.text.rstrip() for shown in self.rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """What is being marked does not run away."""
        if selection is not None and self.following:
            self._read_to, self.following = self.page.count, False
        self.refresh()

    # -- room and focus

    def on_resize(self, _event: events.Resize) -> None:
        """Other rows fit now."""
        self.redraw()

    def on_focus(self, _event: events.Focus) -> None:
        """The cursor shows that keys come here."""
        self.refresh()

    def on_blur(self, _event: events.Blur) -> None:
        """And that they do not."""
        self.refresh()
