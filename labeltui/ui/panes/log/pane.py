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
from textual.widgets import Input, Static

from labeltui.actions import BY_ID
from labeltui.domain.log.filter import Scope
from labeltui.domain.log.lines import parse_line
from labeltui.domain.log.news import explain
from labeltui.domain.log.query import asked
from labeltui.domain.state import Level, SessionState
from labeltui.ui.contract import Hint, console_of
from labeltui.ui.debounce import soon
from labeltui.ui.messages import Flash, HintsChanged
from labeltui.ui.panes.log.reading import TURN, LogReading
from labeltui.ui.panes.teach import why_empty
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone, plural
from labeltui.ui.widgets.filtering import typed_ahead
from labeltui.ui.widgets.log.query import Places
from labeltui.ui.widgets.log.view import LogView

if TYPE_CHECKING:
    from labeltui.session.session import Session

TITLE_S = 0.25
"""Counts change with every line; the border they stand in is not drawn more often than this."""
FILTER, FIND, SCOPE = "filter", "find", "scope"


class LogPane(LogReading):
    """The log, or why there is none."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__()
        self.note = ""
        self.facts = ""
        self._why = Static("", markup=False, classes="why")
        self._means = Static("", markup=False, classes="means")
        self._meant = ""
        self._said: list[str] = []
        self._label = Static("", markup=False, classes="asked")
        self._input = Input(select_on_focus=False, classes="answer")
        self._typing = False
        self._input.cursor_blink = False
        self._asking = FILTER
        self._from: int | None = None
        self._texts = {FILTER: "", FIND: "", SCOPE: ""}
        self._telling, self._told_at = False, 0.0
        self._turns: str | None = None

    def compose(self) -> ComposeResult:
        """The view, the words for when it is empty, and the line where one asks."""
        yield self.view
        yield self._means
        yield self._why
        yield self.switches
        with Horizontal(classes="asking"):
            yield self._label
            yield self._input

    # -- what a pane is

    def attach(self, session: Session) -> None:
        """Show the session's log."""
        self.view.attach(session.log)

    def detach(self) -> None:
        """Let go of the session's log."""
        self.view.detach()

    @property
    def focus_target(self) -> Widget:
        """The view has the keys, with lines or without."""
        return self.view if self.view.display else self

    can_focus = True

    def hints(self) -> Sequence[Hint]:
        """Keys for the footer; what opens a traceback comes first where the cursor is on one."""
        if not self.view.store.line_count:
            return []
        always = [key.hint for key in self.KEYS if key.footer]
        return always if self._turns is None else [(TURN.hint[0], self._turns), *always]

    def help_keys(self) -> Sequence[Hint]:
        """Every key, for the help screen."""
        return [key.hint for key in self.KEYS]

    def show(self, state: SessionState, now: datetime) -> None:
        """Show whether there is a log, and why not."""
        lines = self.view.store.line_count
        if self.has_class("-lines") != bool(lines):
            focused = self.has_focus or self.view.has_focus
            self.set_class(bool(lines), "-lines")
            if focused:
                self.call_after_refresh(self.focus_target.focus)
        if not lines:
            keymap = console_of(self).keymap
            said = why_empty(state, lambda action_id: keymap.keys_of(BY_ID[action_id]))
            if said != self._said:
                self._said = said
                first, *rest = said
                self._why.update(
                    Content("\n").join([Content.styled(first, Tone.PLAIN), *(Content(text) for text in rest)])
                )
        self._tell()

    # -- what its border says

    def on_log_canvas_moved(self, event: LogView.Moved) -> None:
        """Say where the reader is; not for every line that comes."""
        event.stop()
        wait = self._told_at + TITLE_S - time.monotonic()
        if wait <= 0:
            self._tell()
        elif not self._telling:
            self._telling = True
            soon(self, wait, self._tell)

    def _tell(self) -> None:
        self._telling, self._told_at = False, time.monotonic()
        self._tell_meaning()
        told = ("", self._facts(), self.view.turns())
        if told != (self.note, self.facts, self._turns):
            self.note, self.facts, self._turns = told
            self.post_message(HintsChanged())

    def _tell_meaning(self) -> None:
        """Below the log: what the line under the cursor means, and what to do, where that is known."""
        line = self.view.cursor
        # A folded traceback means what its last line does, else what the record does that it begins with.
        fold = None if line is None else self.view.page.closed(line)
        lines = [] if line is None else [line] if fold is None else [line, fold.first]
        meant = (explain(parse_line(self.view.raw_text(told))) for told in lines)
        told = next((found for found in meant if found is not None), None)
        text = "" if told is None else f"{told.means} {told.todo}"
        if text != self._meant:
            self._meant = text
            self._means.update(Content.styled(safe(text), Tone.PLAIN))
        # Its row stays while the cursor is there: lines with and without a meaning come in turn.
        self.set_class(bool(text) or (line is not None and self.has_class("-means")), "-means")

    def _facts(self) -> str:
        view = self.view
        lines = view.store.line_count
        if not lines:
            return ""
        facts = [view.store.source]
        if view.find is not None:
            facts.append(f"find {elide(view.find.query.text, 20)} {self._place(view.find)}")
        if view.filter is not None:
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

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The mouse took the keyboard elsewhere: what comes now is no filter."""
        if event.widget is self._input:
            self._type(on=False)

    def _type(self, *, on: bool) -> None:
        """What is typed is the answer's, from the key on that asked for it: the keyboard gets there a little later."""
        self._typing = on
        self.view.keys_wanted = None if on else frozenset()

    def on_key(self, event: events.Key) -> None:
        """Obey this pane's keys; while something is typed, only those that end it."""
        if self._typing:
            if event.key in ("escape", "enter", "down"):
                event.stop()
                event.prevent_default()
                self._answer(keep=event.key != "escape")
            else:
                typed_ahead(self._input, event)
            return
        if self.switches.open and self.switches.take(event):
            event.stop()
            event.prevent_default()
            self._tell()
            return
        for key in self.KEYS:
            if event.key in key.keys or event.character in key.keys:
                if key.method == "forget" and self.view.kept is None and self.view.find is None:
                    return
                event.stop()
                event.prevent_default()
                getattr(self, key.method)()
                self._tell()
                return

    def ask_filter(self) -> None:
        """Type what lines to keep."""
        self._ask(FILTER, "filter /", "re, !re, ~letters")

    def ask_find(self) -> None:
        """Type what to look for."""
        self._ask(FIND, "find", "a regular expression, or ~letters")

    def ask_scope(self) -> None:
        """Type which records to keep."""
        self._ask(SCOPE, "only", "warning @logger >17:02 <17:10, or >10m for the last ten minutes")

    def _ask(self, what: str, label: str, placeholder: str) -> None:
        if not self.view.store.line_count:
            return
        self._asking, self._from = what, self.view.line
        self._label.update(label)
        self._input.placeholder = placeholder
        with self._input.prevent(Input.Changed):
            self._input.value = self._texts[what]
        self._input.cursor_position = len(self._input.value)
        self._type(on=True)
        self.add_class("-asking")
        self._input.focus()

    def _answer(self, *, keep: bool) -> None:
        if not keep:
            self._put("")
        elif self._asking == FIND and self.view.find is not None:
            self._step(self.view.find, 1, "match")
        self.remove_class("-asking")
        self._type(on=False)
        self.view.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Obey as it is typed; a pattern that is none yet changes nothing, and says so."""
        event.stop()
        self._put(event.value)

    def _put(self, text: str) -> None:
        try:
            if self._asking == SCOPE:
                self.put_scope(text)
                self._texts[SCOPE] = text
                return
            query = asked(text)
        except ValueError as error:
            self.post_message(Flash(str(error), Level.WARNING))
            return
        self._texts[self._asking] = text
        if self._asking == FILTER:
            self.view.set_filter(query, self._from)
        else:
            self.view.set_find(query)
        self._tell()

    def forget(self) -> None:
        """Mark nothing; then drop the filter; then keep every record."""
        held = ((FIND, self.view.find), (FILTER, self.view.filter), (SCOPE, self.view.scope))
        self._asking, self._from = next((what for what, sieve in held if sieve is not None), FILTER), None
        self._put("")

    def context(self) -> None:
        """The line among its neighbours, and back to the filter."""
        if self.view.filter is not None:
            self.view.set_filter(None, unfold=True)
        elif self._texts[FILTER]:
            self.view.set_filter(asked(self._texts[FILTER]))
        self._tell()

    def find_next(self) -> None:
        """The next match; asks what for where nothing is sought."""
        self._find(1)

    def find_previous(self) -> None:
        """The match before."""
        self._find(-1)

    def _find(self, by: int) -> None:
        if self.view.find is None:
            self.ask_find()
        else:
            self._step(self.view.find, by, "match")

    def next_error(self) -> None:
        """The next error."""
        self._step(self.view.errors, 1, "error")

    def previous_error(self) -> None:
        """The error before."""
        self._step(self.view.errors, -1, "error")

    def _step(self, places: Places, by: int, what: str) -> None:
        round_it_went = self.view.step(places, by)
        if round_it_went is None:
            self.post_message(Flash(f"no {what} in these lines", Level.WARNING))
        elif round_it_went:
            self.post_message(
                Flash(f"no {what} further on: went round to the {'first' if by > 0 else 'last'}")
            )
        self._tell()

    def show_line(self, line: int) -> None:
        """Show a line among its neighbours: what is filtered away comes back for that."""
        if self.view.filter is not None:
            self.view.set_filter(None)
        if self.view.scope is not None:
            self.view.set_scope(Scope())
        if line < self.view.store.line_count:
            self.view.goto(line, unfold=True)
        self._tell()
