"""The pop-up that lists the keys of a leader."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.content import Content

from labeltui.actions import Action
from labeltui.ui.contract import console_of
from labeltui.ui.frame.frame import clickable
from labeltui.ui.keys import shown
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.dialog import Box, Dialog
from labeltui.ui.widgets.columns import Static

Entry = tuple[str, Action, str | None]
"""A key, its action, and the reason why it can't run now (None if it can)."""


class LeaderScreen(Dialog[str]):
    """Lists the keys that may follow a leader. A listed key returns its action's id.

    Any other key closes the pop-up.
    """

    def __init__(self, name: str, leader: str, entries: Sequence[Entry]) -> None:
        super().__init__(classes="-low")
        self._title = f"{shown(leader)}  {name}"
        self._entries = entries

    def compose(self) -> ComposeResult:
        """Yield a line per key."""
        with Box(classes="box") as box:
            box.border_title = Content(self._title)
            box.hints = "esc closes"
            yield Static(
                classes="lines",
                content=Content("\n").join(
                    [clickable(self._line(*entry), keys=shown(entry[0])) for entry in self._entries]
                ),
            )

    @staticmethod
    def _line(key: str, action: Action, why: str | None) -> Content:
        if why is not None:
            return Content.assemble(
                (f"{shown(key):>3}  {action.title:<24}", Tone.FAINT), (f" {why}", f"italic {Tone.WARN}")
            )
        return Content.assemble(
            (f"{shown(key):>3}", "bold $text-accent"),
            f"  {action.title:<24}",
            (f" {action.help}", Tone.FAINT),
        )

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
