"""Pane 4: all studies, with their states and who has them open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from labeltui.actions import BY_ID
from labeltui.domain.state import Level, SessionState
from labeltui.domain.study import Study, StudyQueue
from labeltui.ui.contract import Hint, console_of
from labeltui.ui.messages import Flash, HintsChanged
from labeltui.ui.panes import rows
from labeltui.ui.panes.empty import without_server
from labeltui.ui.panes.pane_keys import PaneKey, pressed
from labeltui.ui.panes.worklist import WorklistVerbs, study_fact, worklist_fact
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.strip import finals_of_total, labels_here, server_counts, sound_finals
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.bar import bar
from labeltui.ui.widgets.filtering import Matches, matcher_of
from labeltui.ui.widgets.lines import Lines
from labeltui.ui.widgets.table import Table

if TYPE_CHECKING:
    from labeltui.session.session import Session


class QueuePane(Widget):
    """The study queue."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__()
        self.pane_keys = (
            PaneKey(("slash",), "filter", self.open_filter),
            PaneKey(("o",), "sort", self.next_sort),
            PaneKey(("O",), "reverse", self.reverse_sort),
            PaneKey(("y",), "copy id", self.copy_id),
            PaneKey(("c",), "copy labels here", self.pull_labels, footer=False),
            PaneKey(("escape",), "clear the filter", self.clear_filter, False, self.is_filtered),
            PaneKey(("j", "down"), "down", self.down, footer=False),
            PaneKey(("k", "up"), "up", self.up, footer=False),
            PaneKey(("ctrl+f", "pagedown"), "page down", self.page_down, footer=False),
            PaneKey(("ctrl+b", "pageup"), "page up", self.page_up, footer=False),
            PaneKey(("g", "home"), "first", self.first, footer=False),
            PaneKey(("G", "end"), "last", self.last, footer=False),
        )
        self._worklist = WorklistVerbs(self, lambda: self.chosen)
        self.note = ""
        self.facts = ""
        self.state: SessionState | None = None
        self.now: datetime | None = None
        self.sort, self.backwards = "state", False
        self._head = Lines(classes="head")
        self._head.can_focus = False
        self._table = Table(self._draw)
        self._filter = Input(placeholder="filter: re, !re, ~letters", select_on_focus=False, classes="filter")
        self._filter.cursor_blink = False
        self._typing = False
        self._matches: Matches | None = None
        self._arranged_from: tuple[Any, ...] = ()
        self._view: list[Study] = []

    def compose(self) -> ComposeResult:
        """Yield summary, table and filter."""
        yield self._head
        yield self._table
        yield self._filter

    # -- the Pane protocol

    def attach(self, session: Session) -> None:
        """Do nothing: snapshots contain all data that this pane shows."""

    def detach(self) -> None:
        """Do nothing: this pane stores no session."""

    @property
    def verbs(self) -> Mapping[str, Callable[[], Awaitable[None] | None]]:
        """What the keys of the worklist do with the study under the cursor."""
        return self._worklist.verbs

    @property
    def focus_target(self) -> Widget:
        """The table of studies."""
        return self._table

    def hints(self) -> Sequence[Hint]:
        """Return the footer's keys; none while there is nothing to list."""
        return (
            [key.hint for key in self.pane_keys if key.footer]
            if self._view or self._matches is not None
            else []
        )

    def help_keys(self) -> Sequence[Hint]:
        """Return all keys of this pane, for the help screen."""
        return [key.hint for key in self.pane_keys]

    def show(self, state: SessionState, now: datetime) -> None:
        """Show a snapshot."""
        self.state, self.now = state, now
        queue = state.queue.value
        missing = self._missing(state, queue)
        self._head.set_lines(
            self._summary(state, queue, now) if not missing and queue is not None else missing
        )
        self._head.styles.height = max(1, len(self._head.lines))
        self._arrange(queue.studies if queue is not None else ())
        self._update_titles(state, queue, now)

    def _missing(self, state: SessionState, queue: StudyQueue | None) -> list[Content]:
        """Return lines that explain why no study is listed; empty if there are studies."""
        if queue is not None and queue.studies:
            return []
        sentences = without_server(state, self._keys_of)
        if not sentences and queue is None:
            sentences = [safe(state.queue.error or "Reading the queue …")]
        elif not sentences and queue is not None and not queue.listed:
            sentences = [
                f"{finals_of_total(state, queue).replace('/', ' of ')} studies are final.",
                safe(f"{queue.source_problem} A study is listed here once somebody has opened it.".strip()),
            ]
        elif not sentences and queue is not None and queue.modality:
            sentences = [
                safe(
                    queue.filtered_out
                    or f"The DICOMweb server has no series of the modality {queue.modality}."
                ),
                f"Stop the server ({self._keys_of('server.stop')}), and start it for another modality "
                f"({self._keys_of('server.options')}).",
            ]
        elif not sentences:
            sentences = [
                "There are no studies in the folder yet.",
                "Copy NIfTI or DICOM files into the folder; they appear here by themselves.",
            ]
        width = max(10, self.size.width)
        lines: list[Content] = []
        for index, text in enumerate(sentences):
            lines += Content.styled(text, Tone.PLAIN if index == 0 else Tone.FAINT).wrap(width)
        return lines

    def _keys_of(self, action_id: str) -> str:
        return console_of(self).keymap.keys_of(BY_ID[action_id])

    def _summary(self, state: SessionState, queue: StudyQueue, now: datetime) -> list[Content]:
        width = self.size.width
        finals = sound_finals(state, queue)
        share = 100.0 * finals / queue.total if queue.total and finals is not None else None
        tone = Tone.FAINT if stale_age(state.queue, now) else Tone.GOOD
        number = "" if share is None else f" {share:.0f}% final"
        lines = [Content.assemble(bar(share, max(4, width - len(number)), tone), (number, tone))]
        if queue.source_problem:
            lines.append(Content.styled(elide(safe(queue.source_problem), width), Tone.WARN))
        return lines

    def _update_titles(self, state: SessionState, queue: StudyQueue | None, now: datetime) -> None:
        note = "" if queue is None else finals_of_total(state, queue)
        old = stale_age(state.queue, now)
        facts = [f"{old} old" if old else ""]
        if self._matches is not None and queue is not None:
            facts.append(f"/{self._filter.value} {len(self._view)} of {len(queue.studies)}")
        facts.append("" if queue is None else server_counts(queue))
        facts += [study_fact(self.chosen, state.worklist.value), worklist_fact(state)]
        facts.append(f"from the server: {queue.source_problem}" if queue and queue.source_problem else "")
        facts.append(labels_here(state, now))
        facts.append(f"by {self.sort} {'↑' if self.backwards else '↓'}" if self._view else "")
        titles = (note, " · ".join(fact for fact in facts if fact))
        if titles != (self.note, self.facts):
            self.note, self.facts = titles
            self.post_message(HintsChanged())

    # -- rows

    def _arrange(self, studies: tuple[Study, ...]) -> None:
        """Sort and filter again if studies, order or filter changed. Keeps the study under the cursor."""
        arranged_from = (studies, self.sort, self.backwards, self._matches)
        cursor = self._table.cursor
        if len(arranged_from) != len(self._arranged_from) or any(
            a is not b for a, b in zip(arranged_from, self._arranged_from, strict=True)
        ):
            chosen = self.chosen
            matches = self._matches
            matching = studies if matches is None else [s for s in studies if matches(rows.haystack(s))]
            self._view = rows.ordered(matching, self.sort, backwards=self.backwards)
            self._arranged_from = arranged_from
            if chosen is not None:
                cursor = next((i for i, s in enumerate(self._view) if s.id == chosen.id), cursor)
        room = self._table.size.width - (1 if len(self._view) > self._table.page else 0)
        header = rows.header(room, self.sort, backwards=self.backwards) if studies else Content("")
        self._table.update_rows(len(self._view), cursor, header)

    @property
    def chosen(self) -> Study | None:
        """The study under the cursor; None without one."""
        return self._view[self._table.cursor] if self._table.cursor < len(self._view) else None

    def _draw(self, index: int, width: int, chosen: bool) -> Content:
        if self.state is None or self.now is None:
            return Content("")
        study, copies = self._view[index], self.state.labels.value
        return rows.line(
            study,
            width,
            self.now,
            chosen=chosen,
            focused=self._table.has_focus,
            stale=bool(stale_age(self.state.queue, self.now)),
            damaged=copies is not None and any((tag, study.id) in copies.damaged for tag in study.tags),
        )

    def _again(self) -> None:
        if self.state is not None and self.now is not None:
            self.show(self.state, self.now)

    def on_resize(self, _event: events.Resize) -> None:
        """Choose columns for the new width."""
        self.call_after_refresh(self._again)

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Draw the cursor's row as focused."""
        self._table.redraw()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Draw the cursor's row as not focused, and stop passing keys to the filter."""
        self._table.redraw()
        if event.widget is self._filter:
            self._typing = False

    # -- keys

    def on_key(self, event: events.Key) -> None:
        """Run this pane's keys. While a filter is typed, keys go to the filter instead."""
        if self._typing:
            if event.key in ("escape", "enter", "down"):
                event.stop()
                event.prevent_default()
                self._leave_filter(clear=event.key == "escape")
            return
        key = pressed(self.pane_keys, event)
        if key is not None:
            key.run()

    def is_filtered(self) -> bool:
        """Return whether a filter is active."""
        return self._matches is not None

    def open_filter(self) -> None:
        """Ask for a filter."""
        self._typing = True
        self.add_class("-filtering")
        self._filter.focus()

    def _leave_filter(self, *, clear: bool) -> None:
        if clear:
            self._filter.value = ""
        if not self._filter.value:
            self.remove_class("-filtering")
        self._typing = False
        self._table.focus()

    def clear_filter(self) -> None:
        """Show all studies again."""
        self._leave_filter(clear=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter while it is typed. An invalid pattern shows a warning and changes nothing."""
        event.stop()
        try:
            self._matches = matcher_of(event.value)
        except ValueError as error:
            self.post_message(Flash(str(error), Level.WARNING))
            return
        self._again()

    def next_sort(self) -> None:
        """Sort by the next column."""
        self.sort = rows.COLUMNS[(rows.COLUMNS.index(self.sort) + 1) % len(rows.COLUMNS)]
        self._again()

    def reverse_sort(self) -> None:
        """Reverse the order."""
        self.backwards = not self.backwards
        self._again()

    def copy_text(self) -> str:
        """The id of the study under the cursor; empty without one."""
        return "" if self.chosen is None else self.chosen.id

    def copy_id(self) -> None:
        """Copy the id of the study under the cursor, exactly as the server spells it."""
        if self.chosen is not None:
            console_of(self).copy(self.chosen.id)

    def pull_labels(self) -> None:
        """Copy all labels that are not on this machine yet."""
        self.run_worker(console_of(self).dispatcher.invoke("labels.pull"), exit_on_error=False)

    def down(self) -> None:
        """Go to the next study."""
        self._table.move(1)

    def up(self) -> None:
        """Go to the previous study."""
        self._table.move(-1)

    def page_down(self) -> None:
        """Go a page down."""
        self._table.move(self._table.page)

    def page_up(self) -> None:
        """Go a page up."""
        self._table.move(-self._table.page)

    def first(self) -> None:
        """Go to the first study."""
        self._table.move(-self._table.count)

    def last(self) -> None:
        """Go to the last study."""
        self._table.move(self._table.count)
