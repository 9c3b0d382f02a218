"""Which lines are in sight: a window over a log that may be filtered, wrapped and growing. No Textual widget."""

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
    """One row of the screen, exactly as wide as the page; of which line (None: a gap's rule)."""

    line: int | None
    segments: list[Segment]
    strips: dict[str, Strip] = field(default_factory=dict)
    """The row ready for the screen, by what stands in the scrollbar's cell."""

    @property
    def text(self) -> str:
        """The row as it reads."""
        return "".join(segment.text for segment in self.segments)

    def fold_at(self, tones: Tones) -> int | None:
        """The cell where the count of a folded traceback begins."""
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
    """A gap of the delivery, in the reader's own time; or of lines that came late, whence and from when."""
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
    """``top`` is the first row in sight (a line, or one that the filter kept), ``skip`` the rows of it above."""

    def __init__(self, store: LogStore, tones: Tones) -> None:
        super().__init__(store)
        self.tones = tones
        self.sought: Sieve | None = None
        """What is looked for: a traceback that is folded tells how often it stands in it."""
        self.floor = 0  # rules above lines before this one are out of the view
        self.places: list[GapMark] = []
        """Places that the reader marked, in order."""
        self.width, self.height = 80, 24
        self.wrap = self.raw = False
        self.hidden: frozenset[str] = frozenset()
        """Columns that the reader does not want."""
        self.left = 0
        self.top, self.skip = 0, 0
        self._cache: dict[int, Laid] = {}
        self._drawn: dict[tuple[int, int, int], list[Shown]] = {}
        self._drawn_so = (self.wrap, self.left)
        self.marks: list[Mark] = []
        """All rules there are, in order."""
        self._mixed = False

    def forget(self) -> None:
        """Lines have to be laid out again: another run, other columns, another theme."""
        self._cache.clear()
        self._drawn.clear()

    def look_as(self, page: Page) -> None:
        """Show lines as another page does: what the reader chose is kept for the next log."""
        self.wrap, self.raw, self.unfolded, self.hidden = page.wrap, page.raw, page.unfolded, page.hidden

    def begin(self) -> None:
        """Another run: nothing is known of its lines."""
        self.top = self.skip = self.floor = 0
        self.places.clear()
        self.turned.clear()
        self.forget()

    # -- rows and lines

    @property
    def columns(self) -> Columns:
        """What fits in this width."""
        return columns_for(self.width, raw=self.raw, source=self.mixed, hidden=self.hidden)

    @property
    def mixed(self) -> bool:
        """Whether lines are from more than one source."""
        return self.store.mixed

    def other_source(self, line: int) -> str:
        """Where a line is from, if not from where most are; else empty."""
        source = self.store.source_of(line) if self.store.mixed else self.store.origin
        return "" if source == self.store.origin else source

    def laid(self, line: int) -> Laid:
        """A line, laid out; those that are finished are remembered."""
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
        """Take in the rules that there are: gaps of the delivery, lines that came late, places of the reader."""
        marks: list[Mark] = [*self.store.marks, *self.store.late, *self.places]
        marks.sort(key=_line_of)
        self.marks = marks
        if self._mixed != self.mixed:
            self._mixed = self.mixed
            self.forget()

    def _marks_above(self, row: int) -> list[Mark]:
        """Rules between the row before and this one; below the last row for ``row`` = ``count``."""
        if not self.marks:
            return self.marks
        before = self.preceding(row)
        first = self.line_of(before) + 1 if before >= 0 else self.floor
        last = self.line_of(row) if row < self.count else self.store.line_count
        return self.marks[
            bisect_left(self.marks, first, key=_line_of) : bisect_right(self.marks, last, key=_line_of)
        ]

    def block(self, row: int) -> list[Shown]:
        """The rows of the screen that a row takes, with the gaps above it."""
        shown = [Shown(None, self._rule(mark)) for mark in self._marks_above(row)]
        if row >= self.count:
            return shown
        line = self.line_of(row)
        fold = self.closed(line)
        if self._drawn_so != (self.wrap, self.left) or len(self._drawn) >= CACHED_LINES:
            self._drawn.clear()
            self._drawn_so = (self.wrap, self.left)
        # A traceback's count grows, and what is found in it.
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
        if self.sought is None:
            return 0
        lines = self.sought.lines
        return bisect_right(lines, fold.last) - bisect_left(lines, fold.first)

    def _folded(self, fold: Fold, matches: int) -> Laid:
        """The line that tells what the exception was, under the time of the record that it is."""
        laid = self.laid(fold.told)
        if fold.told != fold.first and STAMP.match(self.store.last_drawing(fold.first, HEADER_BYTES)[0]):
            first = self.laid(fold.first)
            laid = replace(laid, head=first.head, indent=first.indent)
        return folded(laid, fold.hidden, matches, self.tones)

    def _wrapped(self, laid: Laid) -> list[list[Segment]]:
        first, *rest = wrapped([*laid.body, *laid.tail], max(1, self.width - laid.indent))
        indent = Segment(" " * laid.indent, self.tones.faint)
        lines = [[*laid.head, *first], *([indent, *strip] for strip in rest)]
        return [Segment.adjust_line_length(line, self.width) for line in lines]

    def _cropped(self, laid: Laid) -> list[Segment]:
        """The part of the message that is in sight, and whether it goes on to the right."""
        body = list(Strip(laid.body, laid.cells).crop(self.left, laid.cells)) if self.left else laid.body
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
        """How many rows of the screen a block takes, without drawing it where that can be known."""
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
        """Where the window begins when the block of ``row`` is its last."""
        room = self.height
        while True:
            room -= self._tall(row)
            before = self.preceding(row)
            if room <= 0 or before < 0:
                return row, max(0, -room)
            row = before

    def _clamp(self) -> None:
        """A filter, or another run, may have left fewer rows than there were above the window."""
        if self.top > self.count:
            self.top, self.skip = self.count, 0
        if (seen := self.seen_row(self.top)) != self.top:
            self.top, self.skip = seen, 0

    def settle(self) -> None:
        """Never leave rows of the screen empty below the last line while there are lines above."""
        self._clamp()
        self.skip = max(0, min(self.skip, self._tall(self.top) - 1))
        end = self._ending_with(self.count)
        self.top, self.skip = min((self.top, self.skip), end)

    @property
    def at_end(self) -> bool:
        """The last line is in sight."""
        self._clamp()
        return (self.top, self.skip) >= self._ending_with(self.count)

    def scroll(self, by: int) -> None:
        """Move the window by rows of the screen."""
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
        """Move the window as little as needed to show a row; ``centred``: to see what is around it too."""
        self._clamp()
        row = self.seen_row(max(0, min(row, self.count - 1)))
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
        """What is in sight, from the top."""
        self._clamp()
        shown = self.block(self.top)[self.skip :]
        row = self.top
        while len(shown) < self.height and row < self.count:
            row = self.following(row)
            shown += self.block(row)
        return shown[: self.height]

    def furthest_left(self) -> int:
        """How far sideways the messages in sight go."""
        lines = {shown.line for shown in self.rows() if shown.line is not None}
        over = (laid.cells + laid.indent - self.width for laid in (self.laid(line) for line in lines))
        return max(0, *over, 0)
