"""Pane 3: the server's output."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget

from labeltui.actions import BY_ID
from labeltui.domain.log.lines import parse_line
from labeltui.domain.log.news import explain
from labeltui.domain.state import SessionState
from labeltui.ui.contract import Hint, console_of
from labeltui.ui.debounce import call_after
from labeltui.ui.keys import shown
from labeltui.ui.messages import HintsChanged
from labeltui.ui.panes.empty import why_empty
from labeltui.ui.panes.log.asking import LogAsking
from labeltui.ui.panes.pane_keys import PaneKey, pressed
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone, plural
from labeltui.ui.widgets.columns import Static
from labeltui.ui.widgets.log.query import Places
from labeltui.ui.widgets.log.view import LogView

if TYPE_CHECKING:
    from labeltui.session.session import Session

TITLE_S = 0.25
"""Seconds between updates of the border, whose counts change with every line."""


class LogPane(LogAsking):
    """Shows the server's log, or why there is no log."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__()
        self.pane_keys = (
            PaneKey(("slash",), "filter", self.ask_filter),
            PaneKey(("n",), "find next", self.find_next),
            PaneKey(("f", "end", "G"), "follow", self.follow),
            PaneKey(("e",), "next error", self.next_error),
            PaneKey(("enter",), "unfold or fold the traceback", self.turn, footer=False),
            PaneKey(("T",), "unfold or fold all tracebacks", self.turn_all, footer=False),
            PaneKey(("w",), "wrap", self.wrap),
            PaneKey(("c",), "hide or show columns, or show raw lines", self.columns, footer=False),
            PaneKey(("N",), "find previous", self.find_previous, footer=False),
            PaneKey(("ctrl+f",), "find another text", self.ask_find, footer=False),
            PaneKey(("E",), "previous error", self.previous_error, footer=False),
            PaneKey(
                ("v",), "show the line among all lines, or return to the filter", self.context, footer=False
            ),
            PaneKey(("y",), "copy the line", self.copy_line, footer=False),
            PaneKey(("Y",), "copy the traceback around the line", self.copy_traceback, footer=False),
            PaneKey(("o",), "hide iterations, show only errors, or all", self.cycle_level, footer=False),
            PaneKey(
                ("O",),
                "show only a level, a @logger, or a time (>since, <until)",
                self.ask_scope,
                footer=False,
            ),
            PaneKey(("right_square_bracket",), "go to a minute later", self.minute_on, footer=False),
            PaneKey(("left_square_bracket",), "go to a minute earlier", self.minute_back, footer=False),
            PaneKey(("right_curly_bracket",), "go to an hour later", self.hour_on, footer=False),
            PaneKey(("left_curly_bracket",), "go to an hour earlier", self.hour_back, footer=False),
            PaneKey(("m",), "mark this line", self.mark_place, footer=False),
            PaneKey(("M",), "go to the next mark or gap", self.to_place, footer=False),
            PaneKey(("S",), "save the shown lines to a file", self.save, footer=False),
            PaneKey(("ctrl+s",), "save the whole log to a file", self.save_all, footer=False),
            PaneKey(
                ("C",), "clear the view, or show all lines again; no line is lost", self.clear, footer=False
            ),
            PaneKey(("escape",), "end the search, then the filter", self.forget, False, self.is_narrowed),
            PaneKey(("j", "down"), "down", self.down, footer=False),
            PaneKey(("k", "up"), "up", self.up, footer=False),
            PaneKey(("pagedown", "space"), "page down", self.page_down, footer=False),
            PaneKey(("pageup",), "page up", self.page_up, footer=False),
            PaneKey(("g", "home"), "first line", self.first, footer=False),
            PaneKey(("h", "left"), "left", self.go_left, footer=False),
            PaneKey(("l", "right"), "right", self.go_right, footer=False),
        )
        self.note = ""
        self.facts = ""
        self._why = Static("", markup=False, classes="why")
        self._meaning_line = Static("", markup=False, classes="means")
        self._meaning = ""
        self._reasons: list[str] = []
        self._update_pending, self._updated_at = False, 0.0
        self._turns: str | None = None

    def compose(self) -> ComposeResult:
        """Yield the log, the current line's meaning, the reason for an empty log, and the inputs."""
        yield self.view
        yield self._meaning_line
        yield self._why
        yield self.switches
        with Horizontal(classes="asking"):
            yield self._label
            yield self._input

    # -- the Pane protocol

    def attach(self, session: Session) -> None:
        """Show the session's log."""
        self.view.attach(session.log)

    def detach(self) -> None:
        """Stop following the session's log."""
        self.view.detach()

    @property
    def focus_target(self) -> Widget:
        """Return the log view, or the pane itself while the log has no lines."""
        return self.view if self.view.display else self

    can_focus = True

    def hints(self) -> Sequence[Hint]:
        """Return the footer's keys; enter comes first while the cursor is on a traceback."""
        if not self.view.store.line_count:
            return []
        always = [key.hint for key in self.pane_keys if key.footer]
        return always if self._turns is None else [(shown("enter"), self._turns), *always]

    def help_keys(self) -> Sequence[Hint]:
        """Return all keys of this pane, for the help screen."""
        return [key.hint for key in self.pane_keys]

    def show(self, state: SessionState, now: datetime) -> None:
        """Show the log, or why there is no log."""
        lines = self.view.store.line_count
        if self.has_class("-lines") != bool(lines):
            focused = self.has_focus or self.view.has_focus
            self.set_class(bool(lines), "-lines")
            if focused:
                self.call_after_refresh(self.focus_target.focus)
        if not lines:
            keymap = console_of(self).keymap
            reasons = why_empty(state, lambda action_id: keymap.keys_of(BY_ID[action_id]))
            if reasons != self._reasons:
                self._reasons = reasons
                first, *rest = reasons
                self._why.update(
                    Content("\n").join([Content.styled(first, Tone.PLAIN), *(Content(text) for text in rest)])
                )
        self._update_titles()

    # -- border

    def on_log_canvas_moved(self, event: LogView.Moved) -> None:
        """Update the border, at most every ``TITLE_S``."""
        event.stop()
        wait = self._updated_at + TITLE_S - time.monotonic()
        if wait <= 0:
            self._update_titles()
        elif not self._update_pending:
            self._update_pending = True
            call_after(self, wait, self._update_titles)

    def _update_titles(self) -> None:
        self._update_pending, self._updated_at = False, time.monotonic()
        self._update_meaning()
        titles = ("", self._facts(), self.view.turns())
        if titles != (self.note, self.facts, self._turns):
            self.note, self.facts, self._turns = titles
            self.post_message(HintsChanged())

    def _update_meaning(self) -> None:
        """Show the known meaning of the line under the cursor, and the remedy, below the log."""
        line = self.view.cursor
        # Explain a folded traceback by its last line. If that has no explanation, try its first record.
        fold = None if line is None else self.view.page.closed(line)
        lines = [] if line is None else [line] if fold is None else [line, fold.first]
        explained = (explain(parse_line(self.view.raw_text(number))) for number in lines)
        news = next((found for found in explained if found is not None), None)
        text = "" if news is None else f"{news.means} {news.todo}"
        if self.view.subset is not None and not self.view.page.count:
            text = "No line matches. esc shows all lines."
        if text != self._meaning:
            self._meaning = text
            self._meaning_line.update(Content.styled(safe(text), Tone.PLAIN))
        # Keep the row while there is a cursor, so that the log does not jump between lines with and
        # without a meaning.
        self.set_class(bool(text) or (line is not None and self.has_class("-means")), "-means")

    def _facts(self) -> str:
        view = self.view
        lines = view.store.line_count
        if not lines:
            return ""
        facts = [view.store.source]
        if view.find is not None:
            facts.append(f"find {elide(view.find.query.text, 20)} {self._place(view.find)}")
        if self.is_quiet and view.filter is not None:
            facts.append(f"quiet: {len(view.filter.lines):,} of {lines:,} lines")
        elif view.filter is not None:
            facts.append(f"/{elide(view.filter.query.text, 20)} {len(view.filter.lines):,} of {lines:,}")
        elif view.scope is not None:
            facts.append(f"{len(view.scope.lines):,} of {lines:,} lines")
        else:
            facts.append(f"{lines:,} lines")
        if view.scope is not None:
            facts.append(elide(safe(view.scope.scope.text), 40))
            facts.append("cleared" if view.scope.first else "")
        if view.cursor is not None and (source := view.page.other_source(view.cursor)):
            facts.append(f"in {source} only")
        errors = len(view.errors.lines)
        facts.append(plural(errors, "error") if errors else "")
        facts.append("wrap" if view.page.wrap else "")
        facts.append("raw" if view.page.raw else "")
        facts.append("following" if view.following else "f follows")
        return " · ".join(fact for fact in facts if fact)

    def _place(self, places: Places) -> str:
        place = None if self.view.cursor is None else places.place(self.view.cursor)
        count = f"{len(places.lines):,}"
        return f"{place:,} of {count}" if place is not None else count

    # -- keys

    def on_key(self, event: events.Key) -> None:
        """Run this pane's keys. While the input is open, keys close the input or are passed to it."""
        if self._typing:
            if event.key in ("escape", "enter", "down"):
                event.stop()
                event.prevent_default()
                self._answer(accept=event.key != "escape")
            return
        if self.switches.open and self.switches.take(event):
            event.stop()
            event.prevent_default()
            self._update_titles()
            return
        key = pressed(self.pane_keys, event)
        if key is not None:
            key.run()
            self._update_titles()
