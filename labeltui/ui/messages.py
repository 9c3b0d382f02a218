"""What panes tell the app."""

from __future__ import annotations

from textual.message import Message

from labeltui.domain.state import Level


class Flash(Message):
    """One line for the bottom of the screen: what just happened."""

    def __init__(self, text: str, level: Level = Level.INFO) -> None:
        super().__init__()
        self.text = text
        self.level = level


class LeaveShell(Message):
    """The focused pane gives the keyboard back (``ctrl+]`` in the shell)."""


class HintsChanged(Message):
    """The keys a pane offers, or the facts in its frame, are no longer what they were."""
