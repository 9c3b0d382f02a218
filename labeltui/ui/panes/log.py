"""Pane 3: the server's output."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from labeltui.actions import BY_ID
from labeltui.domain.state import SessionState
from labeltui.session.logstore import LogStore
from labeltui.ui.contract import Hint
from labeltui.ui.messages import Flash, HintsChanged
from labeltui.ui.panes.card import PaneKey
from labeltui.ui.panes.teach import without_server
from labeltui.ui.widgets.logview import SIDEWAYS, LogView

if TYPE_CHECKING:
    from labeltui.ui.core import Core


class LogPane(Vertical):
    """The log, or why there is none."""

    DEFAULT_CSS = """
    LogPane { height: 1fr; }
    LogPane LogView { height: 1fr; display: none; }
    LogPane.-lines LogView { display: block; }
    LogPane.-lines Static { display: none; }
    """
    KEYS: ClassVar[tuple[PaneKey, ...]] = (
        PaneKey(("f", "end", "G"), "follow", "do_follow"),
        PaneKey(("w",), "wrap", "do_wrap"),
        PaneKey(("e",), "next error", "do_next_error"),
        PaneKey(("E",), "previous error", "do_previous_error", footer=False),
        PaneKey(("j", "down"), "down", "do_line_down", footer=False),
        PaneKey(("k", "up"), "up", "do_line_up", footer=False),
        PaneKey(("pagedown",), "page down", "do_page_down", footer=False),
        PaneKey(("pageup",), "page up", "do_page_up", footer=False),
        PaneKey(("g", "home"), "top", "do_to_top", footer=False),
        PaneKey(("h", "left"), "left", "do_to_left", footer=False),
        PaneKey(("l", "right"), "right", "do_to_right", footer=False),
    )

    def __init__(self) -> None:
        super().__init__()
        self.view = LogView()
        self.why = Static("", markup=False)
        self.note = ""
        self.facts = ""

    def compose(self) -> ComposeResult:
        """The view, and the words for when it is empty."""
        yield self.view
        yield self.why

    def attach(self, session: Any) -> None:
        """Show the session's log."""
        self.view.attach(session.log)

    def detach(self) -> None:
        """Stop listening; a closed session's log is gone."""
        self.view.detach()
        self.view.store = LogStore()

    @property
    def focus_target(self) -> Widget:
        """The view scrolls."""
        return self.view if self.view.display else self

    can_focus = True

    def hints(self) -> Sequence[Hint]:
        """Keys for the footer."""
        return [key.hint for key in self.KEYS if key.footer]

    def help_keys(self) -> Sequence[Hint]:
        """Every key, for the help screen."""
        return [key.hint for key in self.KEYS]

    def show(self, state: SessionState, now: datetime) -> None:
        """Show whether there is a log, and why not."""
        app: Core = self.app  # type: ignore[assignment]
        lines = self.view.store.line_count
        self.set_class(lines > 0, "-lines")
        if not lines:
            said = without_server(state, lambda action_id: app.keymap.keys_of(BY_ID[action_id]))
            self.why.update("\n".join(said or ["The server has said nothing yet."]))
        elif self.has_focus:
            self.view.focus()
        self._tell()

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        """Say where the reader is."""
        event.stop()
        self._tell()

    def _tell(self) -> None:
        view = self.view
        following = "following" if view.following else f"▼ {view.unread} new · f follows"
        lines = view.store.line_count
        told = (f"{lines:,} lines" if lines else "", following if lines else "")
        if told != (self.note, self.facts):
            self.note, self.facts = told
            self.post_message(HintsChanged())

    def on_key(self, event: events.Key) -> None:
        """Obey this pane's keys; the rest goes up to the app."""
        for key in self.KEYS:
            if event.key in key.keys or event.character in key.keys:
                event.stop()
                event.prevent_default()
                getattr(self, key.method.replace("do_", "do_", 1))()
                return

    def do_follow(self) -> None:
        """To the end, and stay."""
        self.view.follow()

    def do_wrap(self) -> None:
        """Break long lines, or not."""
        self.view.toggle_wrap()

    def do_next_error(self) -> None:
        """The next error."""
        if not self.view.next_error():
            self.post_message(Flash("no error after this line"))

    def do_previous_error(self) -> None:
        """The error before."""
        if not self.view.previous_error():
            self.post_message(Flash("no error before this line"))

    def do_line_down(self) -> None:
        """One line down."""
        self.view.move(1)

    def do_line_up(self) -> None:
        """One line up."""
        self.view.move(-1)

    def do_page_down(self) -> None:
        """One page down."""
        self.view.move(self.view.size.height)

    def do_page_up(self) -> None:
        """One page up."""
        self.view.move(-self.view.size.height)

    def do_to_top(self) -> None:
        """To the first line."""
        self.view.to_top()

    def do_to_left(self) -> None:
        """Sideways, back."""
        self.view.sideways(-SIDEWAYS)

    def do_to_right(self) -> None:
        """Sideways, on."""
        self.view.sideways(SIDEWAYS)

    def copy_text(self) -> str:
        """What ``y`` copies."""
        return self.view.copy_text()
