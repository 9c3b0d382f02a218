"""The log pane's line of input: a filter, a text to find, a scope of records; and where they lead."""

from __future__ import annotations

from textual import events
from textual.widgets import Input, Static

from labeltui.domain.log.filter import Scope
from labeltui.domain.log.query import parse_query
from labeltui.domain.state import Level
from labeltui.ui.messages import Flash
from labeltui.ui.panes.log.reading import LogReading
from labeltui.ui.widgets.log.query import Places

FILTER, FIND, SCOPE = "filter", "find", "scope"


class LogAsking(LogReading):
    """Asks for text on a line of its own, and applies it while it is typed."""

    def __init__(self) -> None:
        super().__init__()
        self._label = Static("", markup=False, classes="asked")
        self._input = Input(select_on_focus=False, classes="answer")
        self._typing = False
        self._input.cursor_blink = False
        self._asking = FILTER
        self._from: int | None = None
        self._texts = {FILTER: "", FIND: "", SCOPE: ""}

    def _tell(self) -> None:
        """Show in the border what has changed."""
        raise NotImplementedError

    def is_narrowed(self) -> bool:
        """Whether lines are filtered, scoped or marked, so that there is something to forget."""
        return self.view.kept is not None or self.view.find is not None

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The mouse took the keyboard elsewhere: what comes now is no filter."""
        if event.widget is self._input:
            self._type(on=False)

    def _type(self, *, on: bool) -> None:
        """What is typed is the answer's, from the key on that asked for it: the keyboard gets there a little later."""
        self._typing = on
        self.view.keys_wanted = None if on else frozenset()

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
            query = parse_query(text)
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
            self.view.set_filter(parse_query(self._texts[FILTER]))
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
                Flash(f"no {what} further on; continued at the {'first' if by > 0 else 'last'}")
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
