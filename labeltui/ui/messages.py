"""Messages from panes to the app."""

from __future__ import annotations

from textual.message import Message

from labeltui.domain.state import Level


class Flash(Message):
    """Asks the console to show one line above the keys."""

    def __init__(self, text: str, level: Level = Level.INFO) -> None:
        super().__init__()
        self.text = text
        self.level = level


LEAVE_KEY = "ctrl+right_square_bracket"
"""The only key that a shell pane does not send to the host."""


class LeaveShell(Message):
    """Asks the console to focus the pane that was focused before the shell; sent after ``ctrl+]``."""


class HintsChanged(Message):
    """Reports that a pane's keys or border texts have changed."""
