"""Base class of panes that show lines. Each snapshot rebuilds the lines; only changed lines are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.widget import Widget

from labeltui.actions import BY_ID
from labeltui.domain.state import SessionState
from labeltui.ui.contract import Hint, console_of
from labeltui.ui.messages import HintsChanged
from labeltui.ui.panes.pane_keys import PaneKey, pressed
from labeltui.ui.widgets.lines import Lines

if TYPE_CHECKING:
    from labeltui.session.session import Session


class Card(Lines):
    """Base class of panes that show lines. Subclasses implement :meth:`build`."""

    def __init__(self) -> None:
        super().__init__()
        self.pane_keys = (
            PaneKey(("j", "down"), "down", self.scroll_one_down, footer=False),
            PaneKey(("k", "up"), "up", self.scroll_one_up, footer=False),
            PaneKey(("g", "home"), "top", self.scroll_top, footer=False),
            PaneKey(("G", "end"), "bottom", self.scroll_bottom, footer=False),
        )
        self.session: Session | None = None
        self.state: SessionState | None = None
        self.now: datetime | None = None
        self.note = ""
        self.facts = ""

    def build(self, state: SessionState, now: datetime, width: int, height: int) -> list[Content]:
        """Return the lines for a snapshot. ``width`` and ``height`` are in cells."""
        raise NotImplementedError

    def key_for(self, action_id: str) -> str:
        """Return the configured keys of an action as text."""
        return console_of(self).keymap.keys_of(BY_ID[action_id])

    def titles(self, state: SessionState, now: datetime) -> tuple[str, str]:
        """Return the text after the pane's name, and the text of the lower border."""
        return "", ""

    def attach(self, session: Session) -> None:
        """Store the session for the pane's keys."""
        self.session = session

    def detach(self) -> None:
        """Drop the session."""
        self.session = None

    @property
    def focus_target(self) -> Widget:
        """The card itself, which scrolls."""
        return self

    def hints(self) -> Sequence[Hint]:
        """Return the footer's keys."""
        return [key.hint for key in self.pane_keys if key.footer]

    def help_keys(self) -> Sequence[Hint]:
        """Return all keys of this pane, for the help screen."""
        return [key.hint for key in self.pane_keys]

    def show(self, state: SessionState, now: datetime) -> None:
        """Show a snapshot."""
        self.state, self.now = state, now
        width, height = self.size
        if not width or not height:
            return
        self.set_lines(self.build(state, now, width, height))
        note, facts = self.titles(state, now)
        if self.hidden_below:
            facts = f"▼ {self.hidden_below} more" + (f" · {facts}" if facts else "")
        if (note, facts) != (self.note, self.facts):
            self.note, self.facts = note, facts
            self.post_message(HintsChanged())

    def on_resize(self, _event: events.Resize) -> None:
        """Rebuild the lines for the new size."""
        if self.state is not None and self.now is not None:
            self.show(self.state, self.now)

    def on_key(self, event: events.Key) -> None:
        """Run this pane's keys. Other keys bubble to the app."""
        key = pressed(self.pane_keys, event)
        if key is not None:
            key.run()

    def scroll_one_down(self) -> None:
        """Scroll one line down."""
        self.move(1)
        self._again()

    def scroll_one_up(self) -> None:
        """Scroll one line up."""
        self.move(-1)
        self._again()

    def scroll_top(self) -> None:
        """Scroll to the first line."""
        self.move(-len(self.lines))
        self._again()

    def scroll_bottom(self) -> None:
        """Scroll to the last line."""
        self.move(len(self.lines))
        self._again()

    def _again(self) -> None:
        if self.state is not None and self.now is not None:
            self.show(self.state, self.now)

    def copy_text(self) -> str:
        """Return all lines, for ``y`` to copy."""
        return "\n".join(line.plain.rstrip() for line in self.lines)
