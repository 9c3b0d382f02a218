"""Asks for one line of text."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input

from labeltui.ui.presentation.text import safe
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.columns import Static


class FindScreen(Dialog[str]):
    """Asks for a line of text. Returns the text; None if it is empty or the dialog is cancelled.

    The first of ``known`` that begins with the typed text is shown dimmed; the right arrow key takes it.
    """

    def __init__(
        self,
        question: str,
        before: str = "",
        *,
        title: str = "Find",
        does: str = "finds",
        known: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._question = question
        self._title = title
        self._does = does
        self._words = Input(value=before, suggester=SuggestFromList(known) if known else None)
        self._words.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Yield the question and a field."""
        with Box(classes="box") as box:
            box.border_title = Content(self._title)
            box.hints = f"enter {self._does} · esc cancels"
            yield Static(Content(safe(self._question)), classes="message")
            yield self._words

    def on_mount(self) -> None:
        """Focus the field."""
        self._words.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close the dialog with the text; None if it is empty."""
        event.stop()
        self.dismiss(event.value or None)
