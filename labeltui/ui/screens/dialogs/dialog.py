"""Base classes for the screens that open over the panes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen

from labeltui.ui.widgets.columns import Static

T = TypeVar("T")
STYLES = Path(__file__).with_name("dialog.tcss")


class Button(Static, can_focus=True):
    """A one-line text button, pressed with enter, space or the mouse."""

    class Pressed(Message):
        """The button was pressed."""

        def __init__(self, button: Button) -> None:
            super().__init__()
            self.button = button

    def __init__(self, label: str, name: str) -> None:
        super().__init__(Content(label), name=name, classes="button")

    def on_key(self, event: events.Key) -> None:
        """Press the button with enter or space."""
        if event.key in ("enter", "space"):
            event.stop()
            self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        """Press the button with the mouse."""
        self.post_message(self.Pressed(self))


class Dialog(ModalScreen[T]):
    """A modal screen. Esc closes it with the result None."""

    CSS_PATH: ClassVar[Any] = STYLES
    BINDINGS: ClassVar = [
        Binding("escape", "dismiss_none", show=False),
        Binding("ctrl+c", "dismiss_none", show=False),
    ]

    def action_dismiss_none(self) -> None:
        """Close the screen with the result None."""
        self.dismiss(None)
