"""The keys of one pane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events

from labeltui.ui.contract import Hint
from labeltui.ui.keys import shown


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class PaneKey:
    """A key of one pane, with its texts for the footer and the help screen."""

    keys: tuple[str, ...]
    """Textual's key names, or characters. The footer and the help screen show the first."""
    text: str
    run: Callable[[], None]
    footer: bool = True
    applies: Callable[[], bool] = _always
    """Returns whether the pane handles the key now. If False, the console handles the key."""

    @property
    def hint(self) -> Hint:
        """The key and its text, for the footer and the help screen."""
        return shown(self.keys[0]), self.text


def pressed(keys: Sequence[PaneKey], event: events.Key) -> PaneKey | None:
    """Return the pane's key for an event, and stop the event. Returns None for any other key."""
    for key in keys:
        if event.key in key.keys or event.character in key.keys:
            if not key.applies():
                return None
            event.stop()
            event.prevent_default()
            return key
    return None
