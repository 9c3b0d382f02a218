"""Who gets a key: a leader, what keeps a pod alive, the pane with the keyboard, then the registry."""

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
"""For so long at most a key waits until the one before it was taken."""


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
    """A screen that takes a key which was typed before it had the keyboard."""

    def typed_ahead(self, event: events.Key) -> None:
        """Take the key."""
        ...


class Keyboard:
    """The keys of the console that no widget has taken, and the few that come before any widget's."""

    def __init__(self, app: KeyConsole, frame_screen: FrameScreen) -> None:
        self._app = app
        self._frame_screen = frame_screen
        self._taken: asyncio.Event | None = None

    async def took(self, event: events.Key) -> bool:
        """Take a key that is wanted before any pane's own: a leader, and what keeps a pod that is about to stop.

        A leader opens its pop-up here, so that the next key, typed in one go, is the pop-up's.
        """
        if not self._nobody_types(event):
            return False
        leads, keeps = self._app.keymap.leaders.get(event.key), self._keeps_pod(event)
        if not leads and not keeps:
            return False
        await self._before_taken()  # it may have asked for text: then this one is its first letter
        if not self._nobody_types(event):
            return False
        if leads:
            self._app.open_leader(event.key)
        else:
            await self._app.dispatcher.invoke("guard.keep")
        return True

    def passed_on(self) -> None:
        """A key is on its way to who has the keyboard: the next one may have to wait for it."""
        if self._frame_screen.current != "shell":
            self._taken = asyncio.Event()
            self._follow(self._app.focused, self._taken)

    def _follow(self, node: object, taken: asyncio.Event) -> None:
        """Follow a key from who has the keyboard up to the screen: then whoever wanted it has had it."""
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

    def _keeps_pod(self, event: events.Key) -> bool:
        keep = keep_key(self._app.keymap, self._app.state)
        return keep != "" and shown(event.key) == keep

    async def unwanted(self, event: events.Key) -> None:
        """A key nothing else wanted: look it up in the registry."""
        if self._app.screen is not self._frame_screen:
            screen = self._app.screen
            if isinstance(screen, TakesKeyAhead):  # a leader's key came before its pop-up has the keyboard
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
