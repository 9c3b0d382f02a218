"""Who gets a key: a leader, what keeps a pod alive, the pane with the keyboard, then the registry."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from textual import events
from textual.widget import Widget

from labeltui.actions import LEADERS
from labeltui.ui.frame.lines import keep_key
from labeltui.ui.keys import shown

if TYPE_CHECKING:
    from labeltui.ui.core import Core

KEY_TAKEN_S = 0.25
"""For so long at most a key waits until the one before it was taken."""


class Keyboard:
    """The keys of the console that no widget has taken, and the few that come before any widget's."""

    def __init__(self, app: Core) -> None:
        self._app = app
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
            self._open_leader(event.key)
        else:
            await self._app.dispatcher.invoke("guard.keep")
        return True

    def passed_on(self) -> None:
        """A key is on its way to who has the keyboard: the next one may have to wait for it."""
        if self._app.frame_screen.current != "shell":
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
        screen = self._app.frame_screen
        if self._app.screen is not screen or screen.current == "shell":
            return False
        focused = self._app.focused
        return focused is None or not focused.check_consume_key(event.key, event.character)

    def _keeps_pod(self, event: events.Key) -> bool:
        keep = keep_key(self._app.keymap, self._app.state)
        return keep != "" and shown(event.key) == keep

    async def unwanted(self, event: events.Key) -> None:
        """A key nothing else wanted: look it up in the registry."""
        if self._app.screen is not self._app.frame_screen:
            self._typed_ahead(event)
            return
        keymap = self._app.keymap
        if keymap.leaders.get(event.key):
            self._open_leader(event.key)
            return
        action = keymap.direct.get(event.key) or keymap.direct.get(event.character or "")
        if action is not None:
            event.stop()
            await self._app.dispatcher.invoke(action.id)

    def _typed_ahead(self, event: events.Key) -> None:
        """The key after a leader may come before its pop-up has the keyboard: it is the pop-up's all the same."""
        from labeltui.ui.screens.leader import LeaderScreen  # noqa: PLC0415 - after first paint

        if isinstance(self._app.screen, LeaderScreen) and event.key != "escape":
            self._app.screen.on_key(event)

    def _open_leader(self, leader: str) -> None:
        from labeltui.ui.screens.leader import LeaderScreen  # noqa: PLC0415 - after first paint

        entries = [
            (key, action, self._app.dispatcher.why_not(action))
            for key, action in self._app.keymap.leaders[leader].items()
        ]
        self._app.push_screen(LeaderScreen(LEADERS[leader], leader, entries), self._app.picked)
