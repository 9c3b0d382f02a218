"""The pop-up that lists the keys of a leader."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Size

from labeltui.actions import Action
from labeltui.ui.contract import console_of
from labeltui.ui.frame.frame import clickable
from labeltui.ui.keys import shown
from labeltui.ui.presentation.rows import wrapped
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.columns import Static

Entry = tuple[str, Action, str | None]
"""A key, its action, and the reason why it can't run now (None if it can)."""


ROOM = 0.92  # of the screen's height, as the box's style says
BORDERS = 2  # rows
TITLE_CELLS = 24
HELP_AT = 30
ROWS = 6


class Keys(Static):
    """A row for each key. Explanations take more rows where they don't fit, if the screen has room for all."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__(classes="lines")
        self._entries = entries

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Rows at a width."""
        return len(self._rows(width))

    def render(self) -> Content:
        """All rows."""
        return Content("\n").join(self._rows(self.content_size.width))

    def _rows(self, width: int) -> list[Content]:
        texts = [(why or action.help, _tone(why)) for _, action, why in self._entries]
        parts = [wrapped(text, width - HELP_AT, tone, ROWS) for text, tone in texts]
        if sum(map(len, parts)) > int(self.app.size.height * ROOM) - BORDERS:
            parts = [[Content.styled(text, tone)] for text, tone in texts]
        entries = zip(self._entries, parts, strict=True)
        return [line for entry, lines in entries for line in _lines(entry, lines)]


def _tone(why: str | None) -> str:
    return Tone.FAINT if why is None else f"italic {Tone.WARN}"


def _lines(entry: Entry, explanation: Sequence[Content]) -> list[Content]:
    key, action, why = entry
    style, title = ("bold $text-accent", "") if why is None else (Tone.FAINT, Tone.FAINT)
    begin = Content.assemble((f"{shown(key):>3}", style), (f"  {action.title:<{TITLE_CELLS}} ", title))
    begins = [begin, *[Content(" " * HELP_AT)] * (len(explanation) - 1)]
    return [clickable(first + text, keys=shown(key)) for first, text in zip(begins, explanation, strict=True)]


class LeaderScreen(Dialog[str]):
    """Lists the keys that may follow a leader. A listed key returns its action's id.

    Any other key closes the pop-up.
    """

    def __init__(self, name: str, leader: str, entries: Sequence[Entry]) -> None:
        super().__init__(classes="-low")
        self._title = f"{shown(leader)}  {name}"
        self._entries = entries

    def compose(self) -> ComposeResult:
        """Yield the list of keys."""
        with Box(classes="box") as box:
            box.border_title = Content(self._title)
            box.hints = "esc closes"
            yield Keys(self._entries)

    def on_key(self, event: events.Key) -> None:
        """Close the pop-up with the key's action, or show why the action can't run."""
        if event.key == "escape":
            return
        event.stop()
        event.prevent_default()
        for key, action, why in self._entries:
            if key in (event.key, event.character):
                if why is None:
                    self.dismiss(action.id)
                else:
                    console_of(self).refuse(f"{action.title}: {why}")
                    self.dismiss(None)
                return
        console_of(self).refuse(f"{self._title[0]} {shown(event.key)} is not a key of labeltui")
        self.dismiss(None)
