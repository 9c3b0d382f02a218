"""The log pane's actions: move, select by time and level, mark, copy and save."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from textual.widget import Widget

from labeltui.domain.log.filter import LEVELS, Scope, moment
from labeltui.domain.log.query import parse_query
from labeltui.domain.state import Level
from labeltui.ui.contract import console_of
from labeltui.ui.messages import Flash
from labeltui.ui.panes.log.columns import ColumnSwitches
from labeltui.ui.presentation.words import size
from labeltui.ui.widgets.log.reader import SIDEWAYS
from labeltui.ui.widgets.log.scope import time_at
from labeltui.ui.widgets.log.view import LogView

QUIET = parse_query(r"!Epoch: \d+/\d+, Iter: \d+")
"""Hides one line per iteration, of which a training prints hundreds."""
MINUTE_S, HOUR_S = 60, 3600
_LEVELS = {"warn": "WARNING", "fatal": "CRITICAL"}


def scope_of(text: str, now: datetime) -> Scope:
    """Parse ``warning @logger >17:02 <17:10``. ``now`` is the host's wall clock.

    Raises ValueError with a message for the operator.
    """
    level, logger, since, until = "", "", None, None
    for word in text.replace("> ", ">").replace("< ", "<").split():
        if word.startswith("@"):
            logger = word[1:]
        elif word.startswith(">"):
            since = moment(word[1:], now) if word[1:] else None
        elif word.startswith("<"):
            until = moment(word[1:], now, latest=True) if word[1:] else None
        else:
            level = _LEVELS.get(word.lower(), word.upper())
            if level not in LEVELS:
                raise ValueError(f"{word!r} is not a level; the levels are {', '.join(LEVELS).lower()}")
    return Scope(level, logger, since, until)


class LogReading(Widget):
    """Moves through the log, selects records by time and level, and marks, saves and copies lines."""

    def __init__(self) -> None:
        super().__init__()
        self.view = LogView()
        self.switches = ColumnSwitches(self.view)
        self._saving: asyncio.Task[None] | None = None

    def _flash(self, text: str, level: Level = Level.INFO) -> None:
        self.post_message(Flash(text, level))

    # -- selecting records

    def put_scope(self, text: str) -> None:
        """Parse a scope and show only its records. Raises ValueError with a message for the operator."""
        newest = time_at(self.view.store, self.view.store.line_count - 1)
        # Use the newest line's time instead of this machine's clock: the host may be in another time zone.
        self.view.set_scope(scope_of(text, newest or datetime.now()))

    @property
    def is_quiet(self) -> bool:
        """Whether the lines of a training's iterations are hidden."""
        return self.view.filter is not None and self.view.filter.query is QUIET

    def cycle_level(self) -> None:
        """Switch from all lines to quiet (no line per iteration), then to errors only, then back.

        Quiet is left out while the operator's own filter is active.
        """
        scope = self.view.scope.scope if self.view.scope is not None else Scope()
        first = self.view.scope.first if self.view.scope is not None else 0
        if not scope.level and self.view.filter is None:
            self.view.set_filter(QUIET)
            return
        if self.is_quiet:
            self.view.set_filter(None)
        self.view.set_scope(
            Scope("" if scope.level else "ERROR", scope.logger, scope.since, scope.until), first
        )

    def clear(self) -> None:
        """Hide the present lines and show only new ones. If the view is cleared already, show all lines."""
        scoped = self.view.scope
        scope = scoped.scope if scoped is not None else Scope()
        cleared = scoped is not None and scoped.first
        self.view.set_scope(scope, 0 if cleared else self.view.store.line_count)
        self.view.follow()
        self._flash(
            "all lines are shown again" if cleared else "the view is cleared; C shows all lines again"
        )

    # -- time and places

    def minute_on(self) -> None:
        """Go a minute later."""
        self._by_time(MINUTE_S)

    def minute_back(self) -> None:
        """Go a minute earlier."""
        self._by_time(-MINUTE_S)

    def hour_on(self) -> None:
        """Go an hour later."""
        self._by_time(HOUR_S)

    def hour_back(self) -> None:
        """Go an hour earlier."""
        self._by_time(-HOUR_S)

    def _by_time(self, seconds: int) -> None:
        if not self.view.by_time(seconds):
            self._flash("this line has no time", Level.WARNING)

    def mark_place(self) -> None:
        """Draw a rule above the line under the cursor."""
        self.view.mark(console_of(self).clock())

    def to_place(self) -> None:
        """Go to the next marked line or gap in the log; after the last one, to the first."""
        if not self.view.to_place():
            self._flash("no line is marked (m marks one), and the log has no gap", Level.WARNING)

    # -- saving

    def save(self) -> None:
        """Save the shown lines to a file."""
        self._begin_saving(self.view.shown_pieces())

    def save_all(self) -> None:
        """Save the whole log to a file."""
        self._begin_saving(bytes(piece) for piece in self.view.store.pieces())

    def _begin_saving(self, pieces: Iterable[bytes]) -> None:
        if self._saving is not None and not self._saving.done():
            self._flash("the log is already being saved", Level.WARNING)
            return
        self._saving = asyncio.create_task(self._save(pieces))

    async def _save(self, pieces: Iterable[bytes]) -> None:
        """Write a new file that only its owner can read, because the log may contain patients' names."""
        path = Path.cwd() / f"labeltui-log-{console_of(self).clock():%Y%m%d-%H%M%S}.txt"
        written = 0
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for piece in pieces:
                    written += file.write(piece)
                    await asyncio.sleep(0)
        except OSError as error:
            self._flash(f"the log was not saved: {error.strerror or error}", Level.ERROR)
            return
        self._flash(f"saved {size(written)} to {path}")

    # -- moving

    def follow(self) -> None:
        """Go to the last line and scroll along with new lines."""
        self.view.follow()

    def wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.view.toggle_wrap()

    def turn(self) -> None:
        """Open the folded traceback under the cursor, or fold an open one to its most informative line."""
        if not self.view.turn():
            self._flash("there is no traceback here; e goes to the next error", Level.WARNING)

    def turn_all(self) -> None:
        """Open all tracebacks, or fold all of them."""
        self._flash("tracebacks are unfolded" if self.view.turn_all() else "tracebacks are folded")

    def columns(self) -> None:
        """Open or close the column switches."""
        if self.view.store.line_count:
            self.switches.show_or_hide(open_it=not self.switches.open)

    def down(self) -> None:
        """Move one line down."""
        self.view.move(1)

    def up(self) -> None:
        """Move one line up."""
        self.view.move(-1)

    def page_down(self) -> None:
        """Move one page down."""
        self.view.page_by(1)

    def page_up(self) -> None:
        """Move one page up."""
        self.view.page_by(-1)

    def first(self) -> None:
        """Go to the first line."""
        self.view.to_top()

    def go_left(self) -> None:
        """Scroll left."""
        self.view.sideways(-SIDEWAYS)

    def go_right(self) -> None:
        """Scroll right."""
        self.view.sideways(SIDEWAYS)

    def copy_text(self) -> str:
        """Return the text of the line under the cursor; empty without a cursor."""
        line = self.view.line
        return "" if line is None else self.view.text_of(line)

    def copy_line(self) -> None:
        """Copy the mouse's selection. Without a selection, copy the line under the cursor."""
        text = self.screen.get_selected_text() or self.copy_text()
        if text:
            console_of(self).copy(text)

    def copy_traceback(self) -> None:
        """Copy the record that contains the line under the cursor, with the record's traceback."""
        text = "\n".join(self.view.text_of(line) for line in self.view.record_of(self.view.line))
        if text:
            console_of(self).copy(text)
