"""Shows and hides columns of the log. One key opens a line of switches; each switch has its own key."""

from __future__ import annotations

from textual import events
from textual.content import Content

from labeltui.session.log.store import APP_LOG
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.columns import Static
from labeltui.ui.widgets.log.columns import SOURCES
from labeltui.ui.widgets.log.view import LogView

RAW = "raw"
SWITCHES = {"t": "time", "s": "source", "l": "level", "g": "logger", "r": RAW}
"""The column that each key shows or hides. Raw lines have no columns."""
CLOSES = ("escape", "enter", "c")


class ColumnSwitches(Static):
    """The line of column switches. While the line is open, keys go to the switches first."""

    def __init__(self, view: LogView) -> None:
        super().__init__("", markup=False, classes="switches")
        self._view = view

    @property
    def open(self) -> bool:
        """Whether the switches are shown."""
        return self.display

    def show_or_hide(self, open_it: bool) -> None:
        """Open or close the line of switches."""
        self.display = open_it
        self._view.keys_wanted = SWITCHES.keys() if open_it else frozenset()
        if open_it:
            self._draw()

    def take(self, event: events.Key) -> bool:
        """Run a switch's key. Any other key closes the switches. Returns whether the key is handled."""
        name = SWITCHES.get(event.character or "")
        if name == RAW:
            self._view.toggle_raw()
        elif name is not None:
            self._view.toggle_column(name)
        else:
            self.show_or_hide(open_it=False)
            return event.key in CLOSES
        self._draw()
        return True

    def _draw(self) -> None:
        page = self._view.page
        parts: list[tuple[str, str]] = [("columns", Tone.BUSY)]
        for key, name in SWITCHES.items():
            if name == "source" and not page.mixed:
                continue  # all lines have the same source
            on = page.raw if name == RAW else name not in page.hidden and not page.raw
            mark = "✓" if on else "·"
            parts += [("  ", ""), (key, f"bold {Tone.BUSY}"), (f" {mark} {name}", "" if on else Tone.FAINT)]
        if page.mixed and "source" not in page.hidden and not page.raw:
            parts.append((f"  ({SOURCES[APP_LOG]}: in {APP_LOG} only)", Tone.FAINT))
        self.update(Content.assemble(*parts))
