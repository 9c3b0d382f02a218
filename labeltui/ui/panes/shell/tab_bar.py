"""The row of tabs above several shells: a click picks one, or opens one more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone

LABEL_MOST = 18


@dataclass(frozen=True, slots=True)
class TabWords:
    """What is said of one tab: ``mark`` is one character, such as ``!`` for a bell."""

    number: int
    title: str
    mark: str
    current: bool


class ShellRow(Static):
    """One line; where it has no room for all, the titles go first."""

    DEFAULT_CSS = "ShellRow { height: 1; text-wrap: nowrap; background: $surface; display: none; }"

    class Picked(Message):
        """A tab was clicked; ``index`` None is the sign for one more."""

        def __init__(self, index: int | None) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._told: tuple[TabWords, ...] = ()
        self._spans: list[tuple[int, int, int | None]] = []

    def show(self, tabs: Sequence[TabWords]) -> None:
        """Show these; nothing, and no line, where there is only one."""
        told = tuple(tabs)
        self.display = len(told) > 1
        if told != self._told:
            self._told = told
            self._draw()

    def on_resize(self) -> None:
        """Another width."""
        self._draw()

    def _draw(self) -> None:
        room = max(1, self.size.width - 4) // max(1, len(self._told))
        most = min(LABEL_MOST, room - 6)
        parts: list[Content] = []
        self._spans, at = [], 0
        for index, tab in enumerate(self._told):
            title = f" {elide(safe(tab.title), most)}" if tab.title and most > 2 else ""
            tone = "bold reverse $text-primary" if tab.current else Tone.PLAIN
            part = Content.styled(f" {tab.number}{title}{tab.mark} ", tone)
            self._spans.append((at, at + part.cell_length, index))
            at += part.cell_length + 1
            parts += [part, Content(" ")]
        self._spans.append((at, at + 3, None))
        self.update(Content.assemble(*parts, (" + ", Tone.FAINT)))

    def on_click(self, event: events.Click) -> None:
        """Pick the tab under the mouse."""
        for start, stop, index in self._spans:
            if start <= event.x < stop:
                self.post_message(self.Picked(index))
