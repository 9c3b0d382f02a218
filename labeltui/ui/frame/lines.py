"""Paints the rows around the panes: strip, tabs, next step, flash line and keys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Protocol

from textual.geometry import Size

from labeltui.actions import ACTIONS, BY_ID, LEADERS, QUIET_LEADERS
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.ui.contract import Console, Hint, TakesKeys
from labeltui.ui.frame.frame import FrameScreen
from labeltui.ui.frame.layout import Shape
from labeltui.ui.keys import KeyMap

FOOTER_HINTS = 10
TAILS = {"actions.log": "action log", "alerts": "alerts", "offers": "what to do"}
FRESH_S = 10.0
"""The time in seconds that a message stays although an alert is open. For so long, an error also covers progress."""
LEVELS = (Level.INFO, Level.WARNING, Level.ERROR)
SOLVED = ("host", "server", "training")
"""Alerts for whose problem ``W`` lists what may solve it."""


def gravest(alerts: Iterable[Alert]) -> Alert | None:
    """Return the gravest alert, and the newest if several are equally grave; None if there is none."""
    return max(alerts, key=lambda one: (LEVELS.index(one.level), one.at), default=None)


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


def _text_of(alert: Alert) -> str:
    return f"{alert.message} {alert.hint}".strip()


def _action_of(alert: Alert | None) -> str:
    if alert is None:
        return "actions.log"
    return "offers" if alert.key in SOLVED and alert.level is not Level.INFO else "alerts"


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
        self._alert: Alert | None = None  # the alert that was flashed last

    @property
    def last_flash(self) -> str:
        """The text that was flashed last."""
        return self._flashed[1]

    @property
    def _is_fresh(self) -> bool:
        at = self._flashed[0]
        return at is not None and (self._app.clock() - at).total_seconds() < FRESH_S

    @property
    def is_urgent(self) -> bool:
        """Whether the line shows an error that is less than ``FRESH_S`` old."""
        return self._flashed[2] is Level.ERROR and self._is_fresh

    def flash(self, text: str, level: Level, alert: Alert | None = None, *, failure: bool = False) -> None:
        """Show one line above the keys, with the key of the action log or of ``alert`` at its right.

        For the ``failure`` of an action, it is the key of what may solve it.
        """
        self._flashed, self._alert = (self._app.clock(), text, level), alert
        self._keys_for = "offers" if failure else _action_of(alert)
        if self._app.is_running and self._frame_screen.is_mounted:
            self.paint()

    def flash_alert(self, alert: Alert) -> None:
        """Flash a new alert, unless an error stands in the line and the alert is only news."""
        if alert.level is not Level.INFO or not self.is_urgent:
            self.flash(_text_of(alert), alert.level, alert)

    def welcome(self) -> None:
        """Show the key for help in the flash line, unless the line shows a warning or an error."""
        if self._flashed[2] is Level.INFO:
            self._welcome()

    def _welcome(self) -> None:
        help_keys = self._app.keymap.keys_of(BY_ID["help"])
        self._flashed, self._alert = (None, f"press {help_keys} for every key", Level.INFO), None
        self._keys_for = "actions.log"

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
        self._paint_message(state)
        self.paint_keys()
        screen.tabs.show(screen.current, tab_marks(state))

    def _paint_message(self, state: SessionState) -> None:
        """Show a new message, else what runs, else the gravest open alert, else the last message."""
        running = next(reversed(self._app.dispatcher.running.values()), None)
        if self._alert is not None and self._alert not in state.alerts:
            self._welcome()  # the alert's problem is solved
        alert = gravest(one for one in state.alerts if one.level is not Level.INFO)
        show = partial(self._frame_screen.flash.show, standing=_text_of(alert) if alert is not None else "")
        if running is not None and not self.is_urgent:
            text = f"◌ {running.action.title}: {running.last}"
            show(None, text, Level.INFO, "ctrl+c cancels")
        elif state.demo_step and not self.is_urgent:
            show(None, f"◌ {state.demo_step}", Level.INFO, *self._tail("actions.log"))
        elif alert is not None and not self._is_fresh:
            show(alert.at, _text_of(alert), alert.level, *self._tail(_action_of(alert)), alert=True)
        else:
            show(*self._flashed, *self._tail(self._keys_for), alert=self._alert is not None)

    def _tail(self, action: str) -> tuple[str, str]:
        keys = self._keys_of(action)
        return (f"[{keys}] {TAILS[action]}" if keys else "", action)

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
