"""Routes keys: leaders and the key that keeps the pod first, then the focused pane, then the registry."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol, runtime_checkable

from textual import events
from textual.screen import Screen
from textual.widget import Widget

from labeltui.ui.contract import Console
from labeltui.ui.frame.frame import FrameScreen
from labeltui.ui.frame.lines import keep_key
from labeltui.ui.keys import shown

KEY_TAKEN_S = 0.25
"""The longest time in seconds that a key waits for a widget to handle the previous key."""


class KeyConsole(Console, Protocol):
    """The part of the console that the keyboard uses."""

    @property
    def screen(self) -> Screen[Any]:
        """The screen on top."""
        ...

    @property
    def focused(self) -> Widget | None:
        """The widget that has the focus; None if no widget has it."""
        ...

    def open_leader(self, leader: str) -> None:
        """Show the keys behind a leader."""
        ...


@runtime_checkable
class TakesKeyAhead(Protocol):
    """A screen that accepts a key typed before the screen had the focus."""

    def typed_ahead(self, event: events.Key) -> None:
        """Handle the key."""
        ...


class Keyboard:
    """Handles the few keys that take precedence over every widget, and the keys that no widget handles."""

    def __init__(self, app: KeyConsole, frame_screen: FrameScreen) -> None:
        self._app = app
        self._frame_screen = frame_screen
        self._taken: asyncio.Event | None = None

    async def took(self, event: events.Key) -> bool:
        """Handle a leader, or the key that keeps the pod, before any pane. Returns False for another key.

        A leader opens its pop-up at once, so that the next key already goes to the pop-up.
        """
        if not self._nobody_types(event):
            return False
        leads, is_keep = self._app.keymap.leaders.get(event.key), self._is_keep_key(event)
        if not leads and not is_keep:
            return False
        await self._before_taken()  # if the previous key opened a text field, the field gets this key
        if not self._nobody_types(event):
            return False
        if leads:
            self._app.open_leader(event.key)
        else:
            await self._app.dispatcher.invoke("guard.keep")
        return True

    def passed_on(self) -> None:
        """Record that the focused widget got a key. A leader typed next waits until the widget handled it."""
        if self._frame_screen.current != "shell":
            self._taken = asyncio.Event()
            self._follow(self._app.focused, self._taken)

    def _follow(self, node: object, taken: asyncio.Event) -> None:
        """Set ``taken`` once the message loops from ``node`` up to the screen have handled the key."""
        if isinstance(node, Widget) and node is not self._app.screen:
            if not node.call_later(self._follow, node.parent, taken):
                taken.set()
        else:
            taken.set()

    async def _before_taken(self) -> None:
        if self._taken is not None and not self._taken.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._taken.wait(), KEY_TAKEN_S)

    def _nobody_types(self, event: events.Key) -> bool:
        screen = self._frame_screen
        if self._app.screen is not screen or screen.current == "shell":
            return False
        focused = self._app.focused
        return focused is None or not focused.check_consume_key(event.key, event.character)

    def _is_keep_key(self, event: events.Key) -> bool:
        key = keep_key(self._app.keymap, self._app.state)
        return key != "" and shown(event.key) == key

    async def unwanted(self, event: events.Key) -> None:
        """Run the registry's action for a key that no widget handled."""
        if self._app.screen is not self._frame_screen:
            screen = self._app.screen
            if isinstance(
                screen, TakesKeyAhead
            ):  # the key after a leader, typed before the pop-up had the focus
                screen.typed_ahead(event)
            return
        keymap = self._app.keymap
        if keymap.leaders.get(event.key):
            self._app.open_leader(event.key)
            return
        action = keymap.direct.get(event.key) or keymap.direct.get(event.character or "")
        if action is not None:
            event.stop()
            await self._app.dispatcher.invoke(action.id)
