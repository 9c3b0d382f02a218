"""The window over a log: which rows are visible, with filter, wrapping and growth. Not a Textual widget."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from datetime import datetime

from rich.segment import Segment
from textual.strip import Strip

from labeltui.session.log.store import NOT_LOST, GapMark, LateLines, LogStore
from labeltui.ui.presentation.text import elide
from labeltui.ui.presentation.words import clock_time, duration, plural
from labeltui.ui.widgets.log.columns import Columns, Tones, columns_for
from labeltui.ui.widgets.log.folds import STAMP, Fold
from labeltui.ui.widgets.log.query import Sieve
from labeltui.ui.widgets.log.rows import Rows
from labeltui.ui.widgets.log.text import LONGEST, Laid, folded, lay, wrapped

CACHED_LINES = 2000
HEADER_BYTES = 48
PLACE = "marked"


@dataclass(slots=True, eq=False)
class Shown:
    """One row of the screen, exactly as wide as the page; ``line`` is None for the rule of a gap."""

    line: int | None
    segments: list[Segment]
    strips: dict[str, Strip] = field(default_factory=dict)
    """The finished row for each character that the scrollbar's cell may have."""

    @property
    def text(self) -> str:
        """The row's text."""
        return "".join(segment.text for segment in self.segments)

    def fold_at(self, tones: Tones) -> int | None:
        """The cell at which the count of a folded traceback begins; None if the row has none."""
        cells = 0
        for segment in self.segments:
            if segment.style is tones.fold:
                return cells
            cells += segment.cell_length
        return None


Mark = GapMark | LateLines


def _line_of(mark: Mark) -> int:
    return mark.line


def gap_words(mark: Mark) -> str:
    """Return the text of a rule: a gap in the delivery with its local times, a marked line, or lines that came late."""
    if isinstance(mark, LateLines):
        since = "" if mark.since is None else f" of {mark.since:%H:%M:%S}"
        return f"in {mark.source} only: {plural(mark.count, 'line')}{since}"
    lost: datetime = mark.lost_at
    if mark.why == PLACE:
        return f"marked at {clock_time(lost)}"
    if mark.why in NOT_LOST:
        return f"{clock_time(lost)} {mark.why}"
    if mark.back_at is None:
        return f"connection lost {clock_time(lost)}"
    seconds = (mark.back_at - lost).total_seconds()
    gone = f"{seconds:.0f} s" if seconds < 100 else duration(seconds)
    return f"connection lost {clock_time(lost)} · back {clock_time(mark.back_at)} ({gone})"


class Page(Rows):
    """The visible part of a log.

    ``top`` is the first visible row among the shown lines; ``skip`` of its screen rows are above the window.
    """

    def __init__(self, store: LogStore, tones: Tones) -> None:
        super().__init__(store)
        self.tones = tones
        self.highlighted: Sieve | None = None
        """Matches of the search; a folded traceback shows how many it contains. None: no search."""
        self.floor = 0  # rules above earlier lines are left out
        self.places: list[GapMark] = []
        """Places that the operator marked, in order."""
        self.width, self.height = 80, 24
        self.wrap = self.raw = False
        self.hidden: frozenset[str] = frozenset()
        """Columns that the operator has hidden."""
        self.left = 0
        self.top, self.skip = 0, 0
        self._cache: dict[int, Laid] = {}
        self._drawn: dict[tuple[int, int, int], list[Shown]] = {}
        self._drawn_so = (self.wrap, self.left)
        self.marks: list[Mark] = []
        """All rules between lines, in order."""
        self._mixed = False

    def forget(self) -> None:
        """Drop all laid-out lines, because the run, the columns or the theme changed."""
        self._cache.clear()
        self._drawn.clear()

    def copy_settings(self, page: Page) -> None:
        """Use the columns, wrapping and other settings of another page."""
        self.wrap, self.raw, self.unfolded, self.hidden = page.wrap, page.raw, page.unfolded, page.hidden

    def begin(self) -> None:
        """Start over with another run."""
        self.top = self.skip = self.floor = 0
        self.places.clear()
        self.turned.clear()
        self.forget()

    # -- rows and lines

    @property
    def columns(self) -> Columns:
        """The columns that fit."""
        return columns_for(self.width, raw=self.raw, source=self.mixed, hidden=self.hidden)

    @property
    def mixed(self) -> bool:
        """Whether lines come from more than one source."""
        return self.store.mixed

    def other_source(self, line: int) -> str:
        """The source of a line, if it is not the log's main source; else empty."""
        source = self.store.source_of(line) if self.store.mixed else self.store.origin
        return "" if source == self.store.origin else source

    def laid(self, line: int) -> Laid:
        """A line, laid out; finished lines are cached."""
        found = self._cache.get(line)
        if found is None:
            raw, total = self.store.last_drawing(line, LONGEST)
            error = self.store.errors.begins(line)
            found = lay(raw, total, self.columns, self.tones, self.other_source(line), error=error)
            if line < self.store.finished_count:
                if len(self._cache) >= CACHED_LINES:
                    self._cache.clear()
                self._cache[line] = found
        return found

    def gather(self) -> None:
        """Collect the horizontal rules to draw between lines: for lost connections, late lines and marked lines."""
        marks: list[Mark] = [*self.store.marks, *self.store.late, *self.places]
        marks.sort(key=_line_of)
        self.marks = marks
        if self._mixed != self.mixed:
            self._mixed = self.mixed
            self.forget()

    def _marks_above(self, row: int) -> list[Mark]:
        """The rules between the previous row and ``row``. If ``row`` equals ``count``, the rules below the last row."""
        if not self.marks:
            return self.marks
        before = self.preceding(row)
        first = self.line_of(before) + 1 if before >= 0 else self.floor
        last = self.line_of(row) if row < self.count else self.store.line_count
        return self.marks[
            bisect_left(self.marks, first, key=_line_of) : bisect_right(self.marks, last, key=_line_of)
        ]

    def block(self, row: int) -> list[Shown]:
        """The screen rows of one row, with the rules above it."""
        shown = [Shown(None, self._rule(mark)) for mark in self._marks_above(row)]
        if row >= self.count:
            return shown
        line = self.line_of(row)
        fold = self.closed(line)
        if self._drawn_so != (self.wrap, self.left) or len(self._drawn) >= CACHED_LINES:
            self._drawn.clear()
            self._drawn_so = (self.wrap, self.left)
        # Not cached: a traceback's count grows, and so do the matches in it.
        key = (line, -1, 0) if fold is None else (line, fold.hidden, self._found_in(fold))
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._drawing(line, self.laid(line) if fold is None else self._folded(fold, key[2]))
            if line < self.store.finished_count:
                self._drawn[key] = drawn
        return shown + drawn

    def _drawing(self, line: int, laid: Laid) -> list[Shown]:
        lines = self._wrapped(laid) if self.wrap else [self._cropped(laid)]
        return [Shown(line, segments) for segments in lines]

    def _found_in(self, fold: Fold) -> int:
        if self.highlighted is None:
            return 0
        lines = self.highlighted.lines
        return bisect_right(lines, fold.last) - bisect_left(lines, fold.first)

    def _folded(self, fold: Fold, matches: int) -> Laid:
        """The line that names the exception, with the time of its record."""
        laid = self.laid(fold.summary)
        if fold.summary != fold.first and STAMP.match(self.store.last_drawing(fold.first, HEADER_BYTES)[0]):
            first = self.laid(fold.first)
            laid = replace(laid, head=first.head, indent=first.indent)
        return folded(laid, fold.hidden, matches, self.tones)

    def _wrapped(self, laid: Laid) -> list[list[Segment]]:
        first, *rest = wrapped([*laid.body, *laid.tail], max(1, self.width - laid.indent))
        indent = Segment(" " * laid.indent, self.tones.faint)
        lines = [[*laid.head, *first], *([indent, *strip] for strip in rest)]
        return [Segment.adjust_line_length(line, self.width) for line in lines]

    def _cropped(self, laid: Laid) -> list[Segment]:
        """The visible part of a message, with ``‹`` and ``›`` where it continues."""
        body = laid.body
        if self.left and laid.cells:
            body = [Segment("‹", self.tones.faint), *Strip(body, laid.cells).crop(self.left + 1, laid.cells)]
        line, tail = [*laid.head, *body], laid.tail
        room = self.width - sum(segment.cell_length for segment in tail)
        if laid.cells - self.left <= room - laid.indent:
            return Segment.adjust_line_length([*line, *tail], self.width)
        if tail:
            return Segment.adjust_line_length(
                [*Segment.adjust_line_length(line, max(0, room)), *tail], self.width
            )
        return [*Segment.adjust_line_length(line, self.width - 1), Segment("›", self.tones.faint)]

    def _tall(self, row: int) -> int:
        """The height of a row's block in screen rows, without drawing it if possible."""
        if self.wrap:
            return len(self.block(row))
        return (row < self.count) + len(self._marks_above(row))

    def _rule(self, mark: Mark) -> list[Segment]:
        words = elide(f" {gap_words(mark)} ", self.width)
        left = (self.width - len(words)) // 2
        text = "─" * left + words + "─" * (self.width - left - len(words))
        return [Segment(text, self.tones.gap)]

    # -- the window

    def to_end(self) -> None:
        """Show the last rows."""
        self.top, self.skip = self._ending_with(self.count)

    def _ending_with(self, row: int) -> tuple[int, int]:
        """The window's position when the block of ``row`` is its last."""
        room = self.height
        while True:
            room -= self._tall(row)
            before = self.preceding(row)
            if room <= 0 or before < 0:
                return row, max(0, -room)
            row = before

    def _clamp(self) -> None:
        """Keep the window within the existing rows, after a filter or another run has changed their number."""
        if self.top > self.count:
            self.top, self.skip = self.count, 0
        if (visible := self.visible_row(self.top)) != self.top:
            self.top, self.skip = visible, 0

    def settle(self) -> None:
        """Leave no screen row empty below the last line while there are lines above."""
        self._clamp()
        self.skip = max(0, min(self.skip, self._tall(self.top) - 1))
        end = self._ending_with(self.count)
        self.top, self.skip = min((self.top, self.skip), end)

    @property
    def at_end(self) -> bool:
        """Whether the last line is visible."""
        self._clamp()
        return (self.top, self.skip) >= self._ending_with(self.count)

    def scroll(self, by: int) -> None:
        """Move the window by screen rows."""
        self._clamp()
        while by > 0 and self.top < self.count:
            below = self._tall(self.top) - self.skip
            if by < below:
                self.skip += by
                break
            by -= below
            self.top, self.skip = self.following(self.top), 0
        while by < 0 and (self.preceding(self.top) >= 0 or self.skip > 0):
            if -by <= self.skip:
                self.skip += by
                break
            by += self.skip
            before = self.preceding(self.top)
            if before < 0:
                self.skip = 0
                break
            self.top = before
            self.skip = self._tall(self.top)
        self.settle()

    def reveal(self, row: int, *, centred: bool = False) -> None:
        """Move the window as little as needed to show a row; ``centred`` puts it in the middle."""
        self._clamp()
        row = self.visible_row(max(0, min(row, self.count - 1)))
        if self._sees(row):
            return
        if centred:
            self.top, self.skip = row, 0
            self.scroll(-(self.height // 3))
        elif row <= self.top:
            self.top, self.skip = row, len(self._marks_above(row))
        else:
            self.top, self.skip = self._ending_with(row)
        self.settle()

    def _sees(self, row: int) -> bool:
        first = self.top if self.skip <= len(self._marks_above(self.top)) else self.following(self.top)
        return first <= row and (row, 0) <= self._last_whole()

    def _last_whole(self) -> tuple[int, int]:
        room, row = self.height + self.skip, self.top
        while row < self.count:
            room -= self._tall(row)
            if room < 0:
                break
            row = self.following(row)
        return max(self.preceding(row), self.top), 0

    def rows(self) -> list[Shown]:
        """The visible rows, from the top."""
        self._clamp()
        shown = self.block(self.top)[self.skip :]
        row = self.top
        while len(shown) < self.height and row < self.count:
            row = self.following(row)
            shown += self.block(row)
        return shown[: self.height]

    def furthest_left(self) -> int:
        """The furthest that the visible messages can be scrolled sideways, in cells."""
        lines = {shown.line for shown in self.rows() if shown.line is not None}
        over = (laid.cells + laid.indent - self.width for laid in (self.laid(line) for line in lines))
        return max(0, *over, 0)
