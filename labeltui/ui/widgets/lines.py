"""A scrolling widget for lines of text; redraws only if the lines changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.content import Content

from labeltui.ui.widgets.columns import WholeRows


class Lines(WholeRows, can_focus=True):
    """Shows as many lines as fit, from the scroll position on. Never wraps."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Content, ...] = ()
        self._top = 0

    @property
    def lines(self) -> tuple[Content, ...]:
        """All lines, including those out of view."""
        return self._lines

    @property
    def hidden_below(self) -> int:
        """The number of lines below the visible ones."""
        return max(0, len(self._lines) - self._top - self.size.height)

    def set_lines(self, lines: Sequence[Content]) -> bool:
        """Replace the lines. Returns False if they are the same."""
        fresh = tuple(lines)
        if len(fresh) == len(self._lines) and all(
            a.is_same(b) for a, b in zip(fresh, self._lines, strict=True)
        ):
            return False
        self._lines = fresh
        self._top = min(self._top, self._furthest)
        self.refresh()
        return True

    @property
    def _furthest(self) -> int:
        return max(0, len(self._lines) - self.size.height)

    def move(self, by: int) -> None:
        """Scroll by ``by`` lines; stops at both ends."""
        top = max(0, min(self._furthest, self._top + by))
        if top != self._top:
            self._top = top
            self.refresh()

    def reveal(self, line: int) -> None:
        """Scroll as little as needed to show the line with this index."""
        below = line - self._top - max(1, self.size.height) + 1
        self.move(max(0, below) or min(0, line - self._top))

    def render(self) -> Content:
        """The visible lines."""
        return Content("\n").join(self._lines[self._top : self._top + max(1, self.size.height)])
