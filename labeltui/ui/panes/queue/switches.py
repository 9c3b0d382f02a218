"""Shows and hides columns of the queue. One key opens a line of switches; each switch has its own key."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.content import Content
from textual.widgets import Static

from labeltui.domain.studies.study import Study
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.table.column_table import ColumnTable

CLOSES = ("escape", "enter", "C")
ALWAYS = "id"
"""The column that can't be hidden."""


class ColumnSwitches(Static):
    """The switches. While they are open, keys go to them first. ``changed`` is called after each change."""

    def __init__(self, table: ColumnTable[Study], changed: Callable[[], None]) -> None:
        super().__init__("", markup=False, classes="switches")
        self._table, self._changed = table, changed
        self._keys = _keys_of([(one.name, one.title) for one in table.columns if one.name != ALWAYS])

    @property
    def open(self) -> bool:
        """Whether the switches are shown."""
        return self.has_class("-open")

    def show_or_hide(self, open_it: bool) -> None:
        """Open or close the switches."""
        self.set_class(open_it, "-open")
        self._table.keys_wanted = self._keys.keys() if open_it else frozenset()
        if open_it:
            self._draw()

    def take(self, event: events.Key) -> bool:
        """Run a switch's key. Any other key closes the switches. Returns whether the key is handled."""
        name = self._keys.get(event.character or "")
        if name is None:
            self.show_or_hide(open_it=False)
            return event.key in CLOSES
        self._table.hide(self._table.hidden ^ {name})
        self._changed()
        self._draw()
        return True

    def _draw(self) -> None:
        placed = {one.column.name for one in self._table.placed}
        parts: list[tuple[str, str]] = [("columns", Tone.BUSY)]
        titles = {one.name: one.title for one in self._table.columns}
        for key, name in self._keys.items():
            on = name not in self._table.hidden
            mark = "·" if not on else "✓" if name in placed else "…"
            parts += [
                ("  ", ""),
                (key, f"bold {Tone.BUSY}"),
                (f" {mark} {titles[name]}", "" if on else Tone.FAINT),
            ]
        if any(name not in self._table.hidden and name not in placed for name in self._keys.values()):
            parts.append(("  (…: no room here)", Tone.FAINT))
        self.update(Content.assemble(*parts))


def _keys_of(columns: list[tuple[str, str]]) -> dict[str, str]:
    """Give each column the first letter of its title that is free."""
    keys: dict[str, str] = {}
    for name, title in columns:
        free = (
            letter
            for letter in title + "abcdefghijklmnopqrstuvwxyz"
            if letter.isalpha() and letter not in keys
        )
        keys[next(free)] = name
    return keys
