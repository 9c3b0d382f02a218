"""The row of tabs above several shells. A click shows a tab or opens another shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message

from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.columns import Static

LABEL_MOST = 18


@dataclass(frozen=True, slots=True)
class TabLabel:
    """The text of one tab. ``mark`` is empty or one character, such as ``!`` for a bell."""

    number: int
    title: str
    mark: str
    current: bool


class ShellRow(Static):
    """One line of tabs. Titles are cut if the tabs do not fit."""

    DEFAULT_CSS = "ShellRow { height: 1; text-wrap: nowrap; background: $surface; display: none; }"

    class Picked(Message):
        """A tab was clicked. ``index`` is None for the plus that opens another shell."""

        def __init__(self, index: int | None) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._tabs: tuple[TabLabel, ...] = ()
        self._spans: list[tuple[int, int, int | None]] = []

    def show(self, tabs: Sequence[TabLabel]) -> None:
        """Show ``tabs``. The line is hidden if there is only one tab."""
        shown = tuple(tabs)
        self.display = len(shown) > 1
        if shown != self._tabs:
            self._tabs = shown
            self._draw()

    def on_resize(self) -> None:
        """Redraw the tabs for the new width."""
        self._draw()

    def _draw(self) -> None:
        room = max(1, self.size.width - 4) // max(1, len(self._tabs))
        most = min(LABEL_MOST, room - 6)
        parts: list[Content] = []
        self._spans, at = [], 0
        for index, tab in enumerate(self._tabs):
            title = f" {elide(safe(tab.title), most)}" if tab.title and most > 2 else ""
            tone = "bold reverse $text-primary" if tab.current else Tone.PLAIN
            part = Content.styled(f" {tab.number}{title}{tab.mark} ", tone)
            self._spans.append((at, at + part.cell_length, index))
            at += part.cell_length + 1
            parts += [part, Content(" ")]
        self._spans.append((at, at + 3, None))
        self.update(Content.assemble(*parts, (" + ", Tone.FAINT)))

    def on_click(self, event: events.Click) -> None:
        """Report the tab under the mouse as picked."""
        for start, stop, index in self._spans:
            if start <= event.x < stop:
                self.post_message(self.Picked(index))
