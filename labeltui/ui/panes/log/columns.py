"""Which columns of the log are shown: one key opens a line of switches, one key each turns them."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widgets import Static

from labeltui.session.log.store import APP_LOG
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.log.columns import SOURCES
from labeltui.ui.widgets.log.view import LogView

RAW = "raw"
SWITCHES = {"t": "time", "s": "source", "l": "level", "g": "logger", "r": RAW}
"""Keys and what they show or hide; raw lines have no columns at all."""
CLOSES = ("escape", "enter", "c")


class ColumnSwitches(Static):
    """The line of switches; it takes keys for as long as it is open."""

    def __init__(self, view: LogView) -> None:
        super().__init__("", markup=False, classes="switches")
        self._view = view

    @property
    def open(self) -> bool:
        """It is on the screen."""
        return self.display

    def show_or_hide(self, open_it: bool) -> None:
        """Put it on the screen, or away."""
        self.display = open_it
        self._view.keys_wanted = SWITCHES.keys() if open_it else frozenset()
        if open_it:
            self._tell()

    def take(self, event: events.Key) -> bool:
        """Obey a key; False for one that is not for the switches, which are closed then."""
        name = SWITCHES.get(event.character or "")
        if name == RAW:
            self._view.toggle_raw()
        elif name is not None:
            self._view.toggle_column(name)
        else:
            self.show_or_hide(open_it=False)
            return event.key in CLOSES
        self._tell()
        return True

    def _tell(self) -> None:
        page = self._view.page
        said: list[tuple[str, str]] = [("columns", Tone.BUSY)]
        for key, name in SWITCHES.items():
            if name == "source" and not page.mixed:
                continue  # all of it is from one
            on = page.raw if name == RAW else name not in page.hidden and not page.raw
            mark = "✓" if on else "·"
            said += [("  ", ""), (key, f"bold {Tone.BUSY}"), (f" {mark} {name}", "" if on else Tone.FAINT)]
        if page.mixed and "source" not in page.hidden and not page.raw:
            said.append((f"  ({SOURCES[APP_LOG]}: in {APP_LOG} only)", Tone.FAINT))
        self.update(Content.assemble(*said))
