"""Fetches the complete scrollback of a shell from the host's tmux.

During heavy output, tmux sends only the last screen to a terminal, so the terminal's own scrollback has gaps.
The scrollback that tmux stores is complete and survives a reconnect.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Level
from labeltui.ui.debounce import call_after
from labeltui.ui.messages import Flash
from labeltui.ui.widgets.terminal.engine import EngineDied
from labeltui.ui.widgets.terminal.engines import start_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget

    from labeltui.session.connection.shells import Shells
    from labeltui.ui.panes.shell.run import ShellRun
    from labeltui.ui.panes.shell.view import ShellView

WHOLE_SCREEN_S = 1.0  # seconds for which the alternate screen's state is cached
PATIENCE_S = 0.3  # seconds before a message explains the wait
FED_AT_ONCE = 1 << 16


class Past:
    """Fetches and shows the scrollback of one tab. ``shells`` returns None while no session is open."""

    def __init__(
        self, tab: Widget, view: ShellView, run: ShellRun, shells: Callable[[], Shells | None]
    ) -> None:
        self._tab, self._view, self._run, self._shells = tab, view, run, shells
        self._asked_at = float("-inf")
        self._whole = False  # whether a program used the alternate screen at ``_asked_at``
        self._wanted = 0  # rows to scroll back once the scrollback is fetched

    async def wheel(self, rows: int) -> None:
        """Scroll back, or send arrow keys to the program if it uses the alternate screen."""
        opened, shells = self._run.live, self._shells()
        if opened is None or shells is None:
            return
        if time.monotonic() > self._asked_at + WHOLE_SCREEN_S:
            self._whole = await shells.on_alternate_screen(opened)
            self._asked_at = time.monotonic()
        if self._whole:
            intro = b"\x1bO" if self._view.modes.application_cursor else b"\x1b["
            self._run.send((intro + (b"A" if rows < 0 else b"B")) * abs(rows))
        elif rows < 0:
            self.recall(rows)

    def recall(self, rows: int) -> None:
        """Fetch the scrollback, then scroll back by ``rows`` (negative)."""
        waiting = self._wanted != 0
        self._wanted += rows
        if not waiting:
            self._tab.run_worker(self._fetch(), group="past", exit_on_error=False)

    async def _fetch(self) -> None:
        tab = self._tab
        slow = call_after(
            tab, PATIENCE_S, lambda: tab.post_message(Flash("fetching the scrollback from the host …"))
        )
        began = time.monotonic()
        try:
            await self._show_past()
            if self._view.shows_past and time.monotonic() - began > PATIENCE_S:
                tab.post_message(Flash("this is the scrollback; typing returns to the shell"))
        except (LabeltuiError, EngineDied) as error:
            reason = (
                error.problem.message
                if isinstance(error, LabeltuiError)
                else f"the terminal's helper process {error}"
            )
            tab.post_message(Flash(f"no scrollback: {reason}", Level.WARNING))
        finally:
            slow.cancel()
            self._wanted = 0

    async def _show_past(self) -> None:
        opened, shells = self._run.live, self._shells()
        if opened is None or shells is None or self._view.shows_past:
            return
        data = await shells.scrollback(opened)
        past = await start_engine(*self._view.room, history=shells.section.scrollback)
        try:
            for at in range(0, len(data), FED_AT_ONCE):
                await past.feed(data[at : at + FED_AT_ONCE])
            past.scroll(self._wanted)
            behind = (await past.sync()).behind
        except BaseException:
            past.close()
            raise
        if behind and self._run.live is opened:
            self._view.show_past(past)
        else:
            past.close()
            self._tab.post_message(Flash("this is the start of the scrollback"))
