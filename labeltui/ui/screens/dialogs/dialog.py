"""Base classes for the screens that open over the panes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget

from labeltui.ui.frame.frame import press
from labeltui.ui.presentation.text import GAP, fit_hints
from labeltui.ui.widgets.columns import Static

T = TypeVar("T")
BORDER_CELLS = 6
"""Cells of a border that its text leaves free: two corners, and a line and a space at each end."""
NAMED_KEYS = ("esc", "enter", "tab")
STYLES = Path(__file__).with_name("dialog.tcss")


class Box(Container):
    """The box of a dialog. Its lower border shows as many hints as fit, and always the last one, which closes it."""

    _hints = ""

    @property
    def hints(self) -> str:
        """All hints, with ``GAP`` between them."""
        return self._hints

    @hints.setter
    def hints(self, text: str) -> None:
        self._hints = text
        self._show_hints()

    def _show_hints(self) -> None:
        width = self.outer_size.width - BORDER_CELLS
        self.border_subtitle = Content(fit_hints(self._hints, width) if width > 0 else self._hints)

    def on_resize(self) -> None:
        """Choose the hints for the new width."""
        self._show_hints()


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

    def on_click(self, event: events.Click) -> None:
        """Type the keys that the clicked text stands for. A click beside the box closes a screen without buttons."""
        at, _ = self.get_widget_at(event.screen_x, event.screen_y)
        keys = event.style.meta.get("keys") or self._hinted(at, event)
        if not keys and at is self and not self.query(Button):
            keys = "esc"
        press(self.app, keys)

    def _hinted(self, box: Widget, event: events.Click) -> str:
        """Return the key that a hint in the lower border of the box begins with; empty if none was clicked."""
        if not box.has_class("box") or event.screen_y != box.region.bottom - 1:
            return ""
        text = box.render_lines(Region(0, box.region.height - 1, box.region.width, 1))[0].text
        at = int(event.screen_x) - box.region.x
        hint = text[: text.find(GAP, at) if GAP in text[at:] else None].rpartition(GAP)[2]
        first = hint.strip(" ─━╰╯┗┛").partition(" ")[0]
        is_key = (len(first) == 1 and first.isascii()) or first.startswith("ctrl+") or first in NAMED_KEYS
        return first if is_key else ""
