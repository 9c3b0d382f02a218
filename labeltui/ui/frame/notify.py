"""Notifies the operator who looks at another window: by bell, title, and the terminal's own notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from textual import events

from labeltui.ui.presentation.text import elide, safe

PRESENT = timedelta(minutes=1)
"""In a terminal that does not report its focus, the operator counts as present this long after a key."""
LONGEST = 120
NOTIFIED = ("server", "training", "labels", "shared:", "held:", "replaced:")
"""Keys of alerts, or their beginnings, that notify."""


def notification(text: str, environment: Mapping[str, str]) -> str:
    """Return the sequence that shows ``text`` as a notification; empty unless the terminal is known to take it.

    iTerm2 takes OSC 9; Ghostty, WezTerm, foot and Windows Terminal take OSC 777; kitty takes OSC 99. Inside
    tmux, the sequence is wrapped for the terminal outside.
    """
    text = elide(safe(text), LONGEST).replace(";", ",")
    program, term = environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")
    if term == "xterm-kitty" or "KITTY_WINDOW_ID" in environment:
        sequence = f"\x1b]99;;labeltui: {text}\x1b\\"
    elif program == "iTerm.app" or environment.get("LC_TERMINAL") == "iTerm2":
        sequence = f"\x1b]9;labeltui: {text}\x1b\\"
    elif (
        program in ("WezTerm", "ghostty")
        or term.startswith("foot")
        or any(name in environment for name in ("WT_SESSION", "WEZTERM_PANE", "GHOSTTY_RESOURCES_DIR"))
    ):
        sequence = f"\x1b]777;notify;labeltui;{text}\x1b\\"
    else:
        return ""
    if "TMUX" in environment:
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence


class Notifier:
    """Writes notifications to the terminal with ``write``, unless the operator is present."""

    def __init__(self, write: Callable[[str], None], environment: Mapping[str, str]) -> None:
        self._write, self._environment = write, environment
        self._focused: bool | None = None  # None until the terminal has reported its focus
        self._last_key: datetime | None = None
        self._titled = False

    def noticed(self, event: events.Event, now: datetime) -> None:
        """Take note of a key, a click, or a change of the terminal's focus."""
        if isinstance(event, events.AppBlur):
            self._focused = False
        elif isinstance(event, events.AppFocus):
            self._focused = True
        elif isinstance(event, events.Key | events.MouseDown):
            self._last_key = now
        else:
            return
        if self.is_present(now):
            self.restore_title()

    def is_present(self, now: datetime) -> bool:
        """Whether the operator looks at the console: it has the focus, or a key was typed within ``PRESENT``."""
        if self._focused is not None:
            return self._focused
        return self._last_key is not None and now - self._last_key < PRESENT

    def notify(self, text: str, now: datetime) -> None:
        """Ring the bell, put ``text`` in the title, and show a notification if the terminal has them."""
        if self.is_present(now):
            return
        push = "" if self._titled else "\x1b[22;2t"
        self._titled = True
        title = f"{push}\x1b]2;labeltui: {elide(safe(text), LONGEST)}\x1b\\"
        self._write(title + notification(text, self._environment) + "\x07")

    def restore_title(self) -> None:
        """Restore the title that the terminal had before the first notification."""
        if self._titled:
            self._titled = False
            self._write("\x1b[23;2t")
