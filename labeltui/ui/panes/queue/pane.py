"""Pane 4: all studies, with their states and who has them open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from labeltui.actions import BY_ID, LEADERS
from labeltui.domain.log.query import parse_query
from labeltui.domain.state import Level, SessionState
from labeltui.domain.studies.study import Study, StudyQueue
from labeltui.ui.contract import Hint, console_of
from labeltui.ui.messages import Flash, HintsChanged
from labeltui.ui.panes.pane_keys import PaneKey, pressed
from labeltui.ui.panes.queue import layout, summary
from labeltui.ui.panes.queue.columns import columns, haystack, identify
from labeltui.ui.panes.queue.shown import Shown
from labeltui.ui.panes.queue.study_verbs import StudyVerbs
from labeltui.ui.panes.queue.switches import ColumnSwitches
from labeltui.ui.panes.queue.worklist import WorklistVerbs, study_fact, worklist_fact
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.strip import finals_of_total, labels_here, server_counts
from labeltui.ui.widgets.lines import Lines
from labeltui.ui.widgets.table.column_table import ColumnTable

if TYPE_CHECKING:
    from labeltui.session.session import Session

STUDY_LEADER = "Q"


class QueuePane(Widget):
    """The study queue."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__()
        self._studies = StudyVerbs(self, lambda: self.targets, lambda: self.chosen)
        self.pane_keys = (
            PaneKey(("slash",), "filter", self.open_filter),
            PaneKey(("enter",), "details", self._studies.show),
            PaneKey(("V",), "view its planes", self._studies.preview, footer=False),
            PaneKey(("o",), "sort", self.next_sort),
            PaneKey(("O",), "reverse", self.reverse_sort),
            PaneKey(("space",), "mark", self.mark),
            PaneKey(("C",), "columns", self.open_switches),
            PaneKey(("y",), "copy id", self.copy_id),
            PaneKey(("c",), "copy labels here", self.pull_labels, footer=False),
            PaneKey(("escape",), "clear filter, then marks", self.clear, False, self.is_narrowed),
            PaneKey(("j", "down"), "down", self.down, footer=False),
            PaneKey(("k", "up"), "up", self.up, footer=False),
            PaneKey(("ctrl+f", "pagedown"), "page down", self.page_down, footer=False),
            PaneKey(("ctrl+b", "pageup"), "page up", self.page_up, footer=False),
            PaneKey(("g", "home"), "first", self.first, footer=False),
            PaneKey(("G", "end"), "last", self.last, footer=False),
        )
        self._worklist = WorklistVerbs(self, lambda: self.targets)
        self.note = self.facts = ""
        self.session: Session | None = None
        self.state: SessionState | None = None
        self.now: datetime | None = None
        self._shown = Shown()
        self._head = Lines(classes="head")
        self._head.can_focus = False
        self.table: ColumnTable[Study] = ColumnTable(columns(self._shown), identify, self._haystack)
        self._switches = ColumnSwitches(self.table, self._store_layout)
        self._filter = Input(placeholder="filter: re, !re, ~letters", select_on_focus=False, classes="filter")
        self._filter.cursor_blink = False
        self._typing = False

    def _haystack(self, study: Study) -> str:
        return haystack(study, self._shown)

    def compose(self) -> ComposeResult:
        """Yield summary, table, switches and filter."""
        yield self._head
        yield self.table
        yield self._switches
        yield self._filter

    # -- the Pane protocol

    def attach(self, session: Session) -> None:
        """Use the columns and the order with which the profile was shown last."""
        self.session = session
        layout.restore(session.state_folder, self.table)

    def detach(self) -> None:
        """Drop the session."""
        self.session = None

    def _store_layout(self) -> None:
        if self.session is not None:
            layout.store(self.session.state_folder, self.table)

    @property
    def verbs(self) -> Mapping[str, Callable[[], Awaitable[None] | None]]:
        """The pane's methods by name: those for the worklist, and those for the study under the cursor."""
        return {
            **self._worklist.verbs,
            **self._studies.verbs,
            "restore": self._restore,
            "delete": self._delete,
        }

    async def _restore(self) -> None:
        """Submit the copied labels of the marked studies, or of the one under the cursor."""
        await self._invoke("labels.restore", {"studies": tuple(study.id for study in self.targets)})

    async def _delete(self) -> None:
        """Delete the marked study, or the one under the cursor, or one of its labels.

        Refuses several, because each needs a question of its own.
        """
        targets = self.targets
        if len(targets) > 1:
            console_of(self).refuse(f"Delete: {len(targets)} studies are marked. Mark one, or none (esc).")
            return
        await self._studies.delete(targets[0] if targets else None)

    async def _invoke(self, action_id: str, params: Mapping[str, object]) -> None:
        if not any(params.values()):
            console_of(self).refuse("There is no study under the cursor.")
            return
        await console_of(self).dispatcher.invoke(action_id, params)

    @property
    def focus_target(self) -> Widget:
        """The table of studies."""
        return self.table

    def hints(self) -> Sequence[Hint]:
        """Return the footer's keys; none while there is nothing to list."""
        if not (self.table.count or self.is_filtered()):
            return []
        own = [key.hint for key in self.pane_keys if key.footer]
        return [*own[:1], (STUDY_LEADER, f"{LEADERS[STUDY_LEADER]}▸"), *own[1:]]

    def help_keys(self) -> Sequence[Hint]:
        """Return all keys of this pane, for the help screen."""
        return [key.hint for key in self.pane_keys]

    def show(self, state: SessionState, now: datetime) -> None:
        """Show a snapshot."""
        self.state, self.now = state, now
        queue = state.queue.value
        self._show_head(state, now)
        for column in self._shown.update(state, now):
            self.table.recompute(column)
            if column == "state":
                self.table.search_again()
        self.table.show(queue.studies if queue is not None else ())
        self._update_titles(state, queue, now)

    def _show_head(self, state: SessionState, now: datetime) -> None:
        none_matches = self.is_filtered() and not self.table.count
        self._head.set_lines(summary.head(state, now, self.size.width, self._keys_of, none_matches))
        self._head.styles.height = max(1, len(self._head.lines))

    def _keys_of(self, action_id: str) -> str:
        return console_of(self).keymap.keys_of(BY_ID[action_id])

    def _update_titles(self, state: SessionState, queue: StudyQueue | None, now: datetime) -> None:
        note = "" if queue is None else finals_of_total(state, queue)
        old = stale_age(state.queue, now)
        facts = [f"{old} old" if old else ""]
        if self.table.marked:
            facts.append(f"{len(self.table.marked)} marked")
        if self.is_filtered() and queue is not None:
            facts.append(f"/{self._filter.value} {self.table.count} of {len(queue.studies)}")
        facts.append("" if queue is None else server_counts(queue))
        facts += [self._cut_off(state), study_fact(self.chosen, state.worklist.value), worklist_fact(state)]
        facts.append(labels_here(state, now))
        facts.append(f"by {self.table.sort_by[0]} {self.table.arrow}" if self.table.count else "")
        titles = (note, " · ".join(fact for fact in facts if fact))
        if titles != (self.note, self.facts):
            self.note, self.facts = titles
            self.post_message(HintsChanged())

    def _cut_off(self, state: SessionState) -> str:
        chosen = self.chosen
        return "its image is cut off: upload it again" if chosen and chosen.id in state.cut_off else ""

    def _again(self) -> None:
        if self.state is not None and self.now is not None:
            self.show(self.state, self.now)

    def on_resize(self, _event: events.Resize) -> None:
        """Draw the summary for the new width."""
        self.call_after_refresh(self._again)

    @on(ColumnTable.Arranged)
    @on(ColumnTable.Moved)
    def _show_titles(self, message: Message) -> None:
        """Show counts, order, and the worklist's plan for the study under the cursor."""
        message.stop()
        if self.state is not None and self.now is not None:
            self._show_head(self.state, self.now)
            self._update_titles(self.state, self.state.queue.value, self.now)

    @property
    def chosen(self) -> Study | None:
        """The study under the cursor; None without one."""
        return self.table.chosen

    @property
    def targets(self) -> list[Study]:
        """The studies that an action applies to: the marked ones, else the one under the cursor."""
        return self.table.marked_items or ([self.chosen] if self.chosen is not None else [])

    # -- keys

    def on_key(self, event: events.Key) -> None:
        """Run this pane's keys. While a filter is typed, keys go to the filter instead."""
        if self._typing:
            if event.key in ("escape", "enter", "down"):
                event.stop()
                event.prevent_default()
                self._leave_filter(clear=event.key == "escape")
            return
        if self._switches.open and self._switches.take(event):
            event.stop()
            event.prevent_default()
            return
        key = pressed(self.pane_keys, event)
        if key is not None:
            key.run()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Stop passing keys to the filter."""
        if event.widget is self._filter:
            self._typing = False

    def is_filtered(self) -> bool:
        """Return whether a filter is active."""
        return self.table.arrangement.query is not None

    def is_narrowed(self) -> bool:
        """Return whether a filter is active, or any study is marked."""
        return self.is_filtered() or bool(self.table.marked)

    def clear(self) -> None:
        """Show all studies again; without a filter, remove all marks."""
        if self.is_filtered():
            self._leave_filter(clear=True)
        else:
            self.table.unmark()

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
        self.table.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter while it is typed. An invalid pattern shows a warning and changes nothing."""
        event.stop()
        try:
            query = parse_query(event.value)
        except ValueError as error:
            self.post_message(Flash(str(error), Level.WARNING))
            return
        self.table.filter(query)

    def open_switches(self) -> None:
        """Choose the columns."""
        self._switches.show_or_hide(open_it=True)

    def next_sort(self) -> None:
        """Sort by the next visible column."""
        names = [one.column.name for one in self.table.placed] or [self.table.columns[0].name]
        name = self.table.sort_by[0]
        at = names.index(name) + 1 if name in names else 0
        self._sort(names[at % len(names)], backwards=False)

    def reverse_sort(self) -> None:
        """Reverse the order."""
        name, backwards = self.table.sort_by
        self._sort(name, backwards=not backwards)

    def _sort(self, name: str, *, backwards: bool) -> None:
        self.table.sort(name, backwards=backwards)
        self._store_layout()

    def on_column_table_sorted(self, message: ColumnTable.Sorted) -> None:
        """Store the order that a click has chosen."""
        message.stop()
        self._store_layout()

    def mark(self) -> None:
        """Mark the study under the cursor, or remove its mark."""
        self.table.mark()

    def copy_text(self) -> str:
        """The ids of the marked studies, one per line; without marks, the id of the study under the cursor."""
        return "\n".join(study.id for study in self.targets)

    def copy_id(self) -> None:
        """Copy the ids exactly as the server spells them."""
        if self.targets:
            console_of(self).copy(self.copy_text())

    def pull_labels(self) -> None:
        """Copy all labels that are not on this machine yet."""
        self.run_worker(console_of(self).dispatcher.invoke("labels.pull"), exit_on_error=False)

    def down(self) -> None:
        """Go to the next study."""
        self.table.move(1)

    def up(self) -> None:
        """Go to the previous study."""
        self.table.move(-1)

    def page_down(self) -> None:
        """Go a page down."""
        self.table.move(self.table.page)

    def page_up(self) -> None:
        """Go a page up."""
        self.table.move(-self.table.page)

    def first(self) -> None:
        """Go to the first study."""
        self.table.move(-self.table.count)

    def last(self) -> None:
        """Go to the last study."""
        self.table.move(self.table.count)
