"""Decides who gets a key: a leader, the key that keeps the pod, the focused pane, then the registry."""

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
"""Seconds that a key waits at most until a widget has handled the key before it."""


class KeyConsole(Console, Protocol):
    """The console, as its keyboard sees it."""

    @property
    def screen(self) -> Screen[Any]:
        """The screen on top."""
        ...

    @property
    def focused(self) -> Widget | None:
        """The widget with the keyboard."""
        ...

    def open_leader(self, leader: str) -> None:
        """Show the keys behind a leader."""
        ...


@runtime_checkable
class TakesKeyAhead(Protocol):
    """A screen that takes a key which was typed before the screen had the keyboard."""

    def typed_ahead(self, event: events.Key) -> None:
        """Take the key."""
        ...


class Keyboard:
    """Handles the keys that no widget takes, and the few that come before any widget's."""

    def __init__(self, app: KeyConsole, frame_screen: FrameScreen) -> None:
        self._app = app
        self._frame_screen = frame_screen
        self._taken: asyncio.Event | None = None

    async def took(self, event: events.Key) -> bool:
        """Take a key that comes before any pane's own: a leader, or the key that keeps the pod. Returns whether it did.

        A leader opens its pop-up at once, so that the next key already goes to the pop-up.
        """
        if not self._nobody_types(event):
            return False
        leads, is_keep = self._app.keymap.leaders.get(event.key), self._is_keep_key(event)
        if not leads and not is_keep:
            return False
        await self._before_taken()  # the previous key may have opened a text field, which then gets this key
        if not self._nobody_types(event):
            return False
        if leads:
            self._app.open_leader(event.key)
        else:
            await self._app.dispatcher.invoke("guard.keep")
        return True

    def passed_on(self) -> None:
        """Note that a key went to the focused widget; the next key may have to wait until it was handled."""
        if self._frame_screen.current != "shell":
            self._taken = asyncio.Event()
            self._follow(self._app.focused, self._taken)

    def _follow(self, node: object, taken: asyncio.Event) -> None:
        """Follow the key through the message loops from the focused widget up to the screen, then set ``taken``."""
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
        """Look up a key that no widget took in the registry."""
        if self._app.screen is not self._frame_screen:
            screen = self._app.screen
            if isinstance(
                screen, TakesKeyAhead
            ):  # the key after a leader, typed before its pop-up had the keyboard
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
