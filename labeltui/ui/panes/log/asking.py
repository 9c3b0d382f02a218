"""The log pane's input line, for a filter, a search or a scope of records."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from labeltui.domain.log.filter import Scope
from labeltui.domain.log.query import parse_query
from labeltui.domain.state import Level
from labeltui.ui.messages import Flash
from labeltui.ui.panes.log.reading import LogReading
from labeltui.ui.widgets.columns import Static
from labeltui.ui.widgets.log.query import Places

FILTER, FIND, SCOPE = "filter", "find", "scope"


class LogAsking(LogReading):
    """Asks for a filter, search or scope on the input line, and applies the text while it is typed."""

    def __init__(self) -> None:
        super().__init__()
        self._label = Static("", markup=False, classes="asked")
        self._input = Input(select_on_focus=False, classes="answer")
        self._typing = False
        self._input.cursor_blink = False
        self._asking = FILTER
        self._from: int | None = None
        self._texts = {FILTER: "", FIND: "", SCOPE: ""}

    def _update_titles(self) -> None:
        """Update the border after a filter, search or scope changed."""
        raise NotImplementedError

    def is_narrowed(self) -> bool:
        """Whether lines are filtered, scoped or highlighted."""
        return self.view.subset is not None or self.view.find is not None

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Stop sending keys to the input after a mouse click moved the focus elsewhere."""
        if event.widget is self._input:
            self._type(on=False)

    def _type(self, *, on: bool) -> None:
        """Start or stop passing keys to the input.

        The input gets the focus a moment after the key that opened the input; no key in between is lost.
        """
        self._typing = on
        self.view.keys_wanted = None if on else frozenset()

    def ask_filter(self) -> None:
        """Ask for a filter of lines."""
        self._ask(FILTER, "filter /", "re, !re, ~letters")

    def ask_find(self) -> None:
        """Ask for a pattern to search for."""
        self._ask(FIND, "find", "a regular expression, or ~letters")

    def ask_scope(self) -> None:
        """Ask for a scope of records."""
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

    def _answer(self, *, accept: bool) -> None:
        if not accept:
            self._put("")
        elif self._asking == FIND and self.view.find is not None:
            self._step(self.view.find, 1, "match")
        self.remove_class("-asking")
        self._type(on=False)
        self.view.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the text while it is typed. An invalid text shows a warning and changes nothing."""
        event.stop()
        self._put(event.value)

    def _put(self, text: str) -> None:
        try:
            if self._asking == SCOPE:
                self.put_scope(text)
                self._texts[SCOPE] = text
                return
            query = parse_query(text)
        except ValueError as error:
            self.post_message(Flash(str(error), Level.WARNING))
            return
        self._texts[self._asking] = text
        if self._asking == FILTER:
            self.view.set_filter(query, self._from)
        else:
            self.view.set_find(query)
        self._update_titles()

    def forget(self) -> None:
        """Remove the search. Without a search, remove the filter; without a filter, remove the scope."""
        narrowings = ((FIND, self.view.find), (FILTER, self.view.filter), (SCOPE, self.view.scope))
        self._asking, self._from = (
            next((what for what, sieve in narrowings if sieve is not None), FILTER),
            None,
        )
        self._put("")

    def context(self) -> None:
        """Remove the filter to show the lines around the cursor, or apply the last filter again."""
        if self.view.filter is not None:
            self.view.set_filter(None, unfold=True)
        elif self._texts[FILTER]:
            self.view.set_filter(parse_query(self._texts[FILTER]))
        self._update_titles()

    def find_next(self) -> None:
        """Go to the next match. Without a search, ask for a pattern first."""
        self._find(1)

    def find_previous(self) -> None:
        """Go to the previous match. Without a search, ask for a pattern first."""
        self._find(-1)

    def _find(self, by: int) -> None:
        if self.view.find is None:
            self.ask_find()
        else:
            self._step(self.view.find, by, "match")

    def next_error(self) -> None:
        """Go to the next error."""
        self._step(self.view.errors, 1, "error")

    def previous_error(self) -> None:
        """Go to the previous error."""
        self._step(self.view.errors, -1, "error")

    def _step(self, places: Places, by: int, what: str) -> None:
        round_it_went = self.view.step(places, by)
        if round_it_went is None:
            self.post_message(Flash(f"no {what} in these lines", Level.WARNING))
        elif round_it_went:
            self.post_message(
                Flash(f"no {what} beyond here; the search continued at the {'first' if by > 0 else 'last'}")
            )
        self._update_titles()

    def show_line(self, line: int) -> None:
        """Remove the filter and the scope, then show line number ``line``, counted from 0."""
        if self.view.filter is not None:
            self.view.set_filter(None)
        if self.view.scope is not None:
            self.view.set_scope(Scope())
        if line < self.view.store.line_count:
            self.view.goto(line, unfold=True)
        self._update_titles()
