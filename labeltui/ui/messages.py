"""Messages from panes to the app."""

from __future__ import annotations

from textual.message import Message

from labeltui.domain.state import Level


class Flash(Message):
    """One line to show above the keys."""

    def __init__(self, text: str, level: Level = Level.INFO) -> None:
        super().__init__()
        self.text = text
        self.level = level


class LeaveShell(Message):
    """The shell pane gives the keyboard back, after ``ctrl+]``."""


class HintsChanged(Message):
    """The keys of a pane or the texts of its border have changed."""
