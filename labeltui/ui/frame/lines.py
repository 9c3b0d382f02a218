"""Paints the rows around the panes: strip, tabs, next step, flash line and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from textual.geometry import Size

from labeltui.actions import ACTIONS, BY_ID, LEADERS, QUIET_LEADERS
from labeltui.domain.state import Level, SessionState
from labeltui.ui.contract import Console, Hint, TakesKeys
from labeltui.ui.frame.frame import FrameScreen
from labeltui.ui.frame.layout import Shape
from labeltui.ui.keys import KeyMap

FOOTER_HINTS = 10
TAILS = {"actions.log": "action log", "alerts": "alerts", "offers": "what to do"}
URGENT_S = 10.0
"""The time in seconds that an error stays above the keys although an action runs."""


def keep_key(keymap: KeyMap, state: SessionState) -> str:
    """Return the key that postpones the pod's stop; empty unless the guard is about to stop the pod."""
    guard = state.guard
    if guard.value is None or not guard.value.is_near or guard.error is not None:
        return ""
    return keymap.keys_of(BY_ID["guard.keep"]).rpartition(" ")[2]


def tab_marks(state: SessionState) -> dict[str, str]:
    """Return marks for tabs: ``!`` on the queue if several people have a study open, and the log's error count."""
    queue = state.queue.value
    return {
        "queue": "!" if queue is not None and queue.open_studies.shared else "",
        "log": f" ✗{state.log_errors}" if state.log_errors else "",
    }


def _cells(hints: list[Hint]) -> int:
    return sum(len(key) + len(text) + 3 for key, text in hints)


class PaintedConsole(Console, Protocol):
    """The part of the console that these rows use."""

    @property
    def is_running(self) -> bool:
        """Whether there is a screen to paint on."""
        ...

    @property
    def size(self) -> Size:
        """The size of the terminal, in cells."""
        ...


class Lines:
    """Paints the rows around the panes, and stores the text that was flashed last."""

    def __init__(self, app: PaintedConsole, frame_screen: FrameScreen) -> None:
        self._app = app
        self._frame_screen = frame_screen
        self._flashed: tuple[datetime | None, str, Level] = (None, "opening …", Level.INFO)
        self._keys_for = "actions.log"

    @property
    def last_flash(self) -> str:
        """The text that was flashed last."""
        return self._flashed[1]

    @property
    def is_urgent(self) -> bool:
        """Whether the line shows an error that is less than ``URGENT_S`` old."""
        at, _, level = self._flashed
        return level is Level.ERROR and at is not None and (self._app.clock() - at).total_seconds() < URGENT_S

    def flash(self, text: str, level: Level, keys_for: str = "actions.log") -> None:
        """Show one line above the keys, with the keys of the action ``keys_for`` at its right."""
        self._flashed = (self._app.clock(), text, level)
        self._keys_for = keys_for
        if self._app.is_running and self._frame_screen.is_mounted:
            self.paint()

    def welcome(self) -> None:
        """Show the key for help in the flash line, unless the line shows a warning or an error."""
        if self._flashed[2] is Level.INFO:
            help_keys = self._app.keymap.keys_of(BY_ID["help"])
            self._flashed = (None, f"press {help_keys} for every key", Level.INFO)

    def paint(self) -> None:
        """Show the newest snapshot in all rows."""
        screen, state, now = self._frame_screen, self._app.state, self._app.clock()
        if screen.shape is Shape.SMALL:
            screen.small.show(state, now)
            screen.keys.show(self.footer()[-1:])
            return
        screen.strip.show(state, now)
        if self._app.session is not None:
            screen.next.show(self._app.session, self._keys_of)
        log_key = self._app.keymap.keys_of(BY_ID["actions.log"])
        running = next(reversed(self._app.dispatcher.running.values()), None)
        if self.is_urgent or (running is None and not state.demo_step):
            keys = self._app.keymap.keys_of(BY_ID[self._keys_for])
            screen.flash.show(
                *self._flashed, f"[{keys}] {TAILS[self._keys_for]}" if keys else "", self._keys_for
            )
        elif running is not None:
            text = f"◌ {running.action.title}: {running.last}"
            screen.flash.show(None, text, Level.INFO, "ctrl+c cancels")
        else:
            screen.flash.show(
                None, f"◌ {state.demo_step}", Level.INFO, f"[{log_key}] action log", "actions.log"
            )
        self.paint_keys()
        screen.tabs.show(screen.current, tab_marks(state))

    def _keys_of(self, action: str) -> str:
        return self._app.keymap.keys_of(BY_ID[action])

    def paint_keys(self) -> None:
        """Show the keys that work now, and a shell that gets them; not if the terminal is too small for a pane."""
        screen = self._frame_screen
        if screen.shape is not Shape.SMALL:
            screen.keys.show(self.footer())
            shell = self._app.panes.get("shell")
            taken = isinstance(shell, TakesKeys) and shell.takes_keys
            screen.frame_of("shell").set_captured(taken and screen.current == "shell")

    def footer(self) -> list[Hint]:
        """Return about ten keys that work now: the focused pane's keys, then as many of the registry's as fit."""
        current, keymap = self._frame_screen.current, self._app.keymap
        pane = self._app.panes.get(current)
        own = list(pane.hints()) if pane is not None else []
        if current == "shell":
            return own
        first = [
            (leader, f"{name}▸")
            for leader, name in LEADERS.items()
            if keymap.leaders[leader] and leader not in QUIET_LEADERS
        ]
        last = [
            (keymap.keys_of(action), action.title.lower())
            for action in ACTIONS
            if action.footer and not action.leader and keymap.keys_of(action)
        ]
        if keep := keep_key(keymap, self._app.state):
            own.insert(0, (keep, "keep the pod"))
        own = own[: max(2, FOOTER_HINTS - len(first) - len(last))]
        room = self._app.size.width - 1
        while _cells(own + first + last) > room and len(last) > 2:
            last.pop(-2 if last[-2][0] != keymap.keys_of(BY_ID["help"]) else 0)
        while _cells(own + first + last) > room and own:
            own.pop()
        return own + first + last
