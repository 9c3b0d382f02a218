"""Asks for confirmation before a dangerous action. The default is to cancel."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from labeltui.ui.presentation.text import safe
from labeltui.ui.screens.dialogs.dialog import Box, Button, Dialog
from labeltui.ui.widgets.columns import Static


class ConfirmScreen(Dialog[bool]):
    """Asks a yes or no question, with Cancel focused.

    ``typed`` is a text that the operator must type to confirm an action that can't be undone.
    """

    def __init__(self, title: str, question: str, typed: str | None = None) -> None:
        super().__init__()
        self._title = title
        self._question = question
        self._typed = typed
        self._spelt = Input(placeholder=safe(typed or ""))
        self._spelt.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Yield the question, the field for ``typed`` if needed, and two buttons."""
        with Box(classes="box -warn") as box:
            box.border_title = Content(self._title)
            box.hints = "y yes · n or esc no" if self._typed is None else "esc cancels"
            yield Static(Content(safe(self._question)), classes="message")
            if self._typed is not None:
                yield Static(Content(f"Type {safe(self._typed)} to continue:"))
                yield self._spelt
            with Container(classes="buttons"):
                yield Button("Cancel", "no")
                yield Button(self._title, "yes")

    def on_mount(self) -> None:
        """Focus Cancel or the field, so that a stray enter changes nothing."""
        (self._spelt if self._typed is not None else self.query(Button).first()).focus()

    def on_key(self, event: events.Key) -> None:
        """Confirm with y or cancel with n, if nothing must be typed. Arrows move between the buttons."""
        if self._typed is None and event.key in ("y", "n"):
            event.stop()
            self.dismiss(event.key == "y")
        elif event.key in ("left", "right"):
            event.stop()
            (self.focus_next if event.key == "right" else self.focus_previous)(Button)

    def on_input_submitted(self) -> None:
        """Confirm if the typed name is right."""
        self._answer(True)

    def on_button_pressed(self, message: Button.Pressed) -> None:
        """Confirm or cancel."""
        self._answer(message.button.name == "yes")

    def _answer(self, yes: bool) -> None:
        if yes and self._typed is not None and self._spelt.value not in (self._typed, safe(self._typed)):
            self.query_one(Box).hints = "that is not the name · esc cancels"
            return
        self.dismiss(yes)
