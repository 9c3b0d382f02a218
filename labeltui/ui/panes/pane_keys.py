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
    """A key of one pane, for the pane itself, the footer and the help."""

    keys: tuple[str, ...]
    """Textual's names, or characters; the first is the one that is shown."""
    text: str
    run: Callable[[], None]
    footer: bool = True
    applies: Callable[[], bool] = _always
    """While it returns False, the key is the console's."""

    @property
    def hint(self) -> Hint:
        """As footer and help show it."""
        return shown(self.keys[0]), self.text


def pressed(keys: Sequence[PaneKey], event: events.Key) -> PaneKey | None:
    """The pane's key that was pressed, with the event stopped; None if the key is not the pane's."""
    for key in keys:
        if event.key in key.keys or event.character in key.keys:
            if not key.applies():
                return None
            event.stop()
            event.prevent_default()
            return key
    return None
