"""A list with a search field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.columns import Options
from labeltui.ui.widgets.filtering import matcher_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its displayed content, its searchable text, and the result if it is picked.

    A ``heading`` can't be picked and is hidden by a search.
    """

    content: Content
    text: str
    answer: str | None = None
    heading: bool = False


class PickList(Dialog[str]):
    """A searchable list. Enter returns the answer of the entry under the cursor, if the entry has one."""

    TITLE_TEXT: ClassVar[str] = ""
    FOOT_TEXT: ClassVar[str] = "type to search · enter · esc closes"

    def __init__(self, entries: Sequence[Entry], *, start: str | None = None) -> None:
        """``start`` is the answer of the entry under the cursor at first; by default the first entry's."""
        super().__init__()
        self._start = start
        self._entries = list(entries)
        self._shown: list[Entry] = []
        self.search = Input(placeholder="search")
        self.search.cursor_blink = False
        self.options = Options(classes="fill", markup=False)

    def compose(self) -> ComposeResult:
        """Yield search field and list."""
        with Box(classes="box -wide -tall") as box:
            box.border_title = Content(self.TITLE_TEXT)
            box.hints = self.FOOT_TEXT
            yield self.search
            yield self.options

    def on_mount(self) -> None:
        """Focus the search field and list all entries."""
        self.search.focus()
        self._fill("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """List the entries that match the search."""
        self._fill(event.value)

    def replace(self, entries: Sequence[Entry]) -> None:
        """Show other entries. The search stays, and the cursor stays on its entry if that is still there."""
        before, scrolled = self.chosen, self.options.scroll_offset.y
        self._entries = list(entries)
        self._fill(self.search.value)
        if before is not None and before.answer is not None:
            answers = [entry.answer for entry in self._shown]
            if before.answer in answers:
                self.options.highlighted = answers.index(before.answer)
                self.options.scroll_to(y=scrolled, animate=False, force=True)

    def _fill(self, query: str) -> None:
        try:
            matches = matcher_of(query)
        except ValueError:
            return
        self._shown = [e for e in self._entries if matches is None or (not e.heading and matches(e.text))]
        self.options.clear_options()
        self.options.add_options([Option(e.content, disabled=e.heading) for e in self._shown])
        first = next((i for i, e in enumerate(self._shown) if not e.heading), None)
        if self._start is not None and not query:
            first = next((i for i, e in enumerate(self._shown) if e.answer == self._start), first)
        self.options.highlighted = first

    @property
    def chosen(self) -> Entry | None:
        """The entry under the cursor; None without one."""
        index = self.options.highlighted
        return None if index is None or index >= len(self._shown) else self._shown[index]

    def on_key(self, event: events.Key) -> None:
        """Move in the list with the arrow and page keys. The search field stays focused."""
        moves: dict[str, Callable[[], None]] = {
            "down": self.options.action_cursor_down,
            "up": self.options.action_cursor_up,
            "pagedown": self.options.action_page_down,
            "pageup": self.options.action_page_up,
        }
        if event.key in moves:
            event.stop()
            event.prevent_default()
            moves[event.key]()

    def on_input_submitted(self) -> None:
        """Pick the entry under the cursor with enter."""
        self.pick()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Pick the clicked entry."""
        event.stop()
        self.pick()

    def pick(self) -> None:
        """Close with the answer of the entry under the cursor, if the entry has one."""
        if self.chosen is not None and self.chosen.answer is not None:
            self.dismiss(self.chosen.answer)
