"""Handles keys one after the other, and routes each: leaders first, then the focused widget, then the registry.

A key counts as handled when its effects are complete: the focus has moved, or the screen is open. Keys that are
typed meanwhile wait, so that fast typing has the same result as slow typing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from textual import events
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

from labeltui.ui.contract import Console
from labeltui.ui.frame.frame import FrameScreen
from labeltui.ui.frame.lines import keep_key
from labeltui.ui.keys import named, shown
from labeltui.ui.layouts import LATIN
from labeltui.ui.messages import LEAVE_KEY

Typed = events.Key | events.Paste
SETTLED_S = 3.0
"""The longest time in seconds that a key waits for the effects of the previous key.

Reading the history takes up to 2 s.
"""
ROUNDS = 20


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

    async def pass_on(self, event: Typed) -> None:
        """Send a key or a paste to the widget that has the focus."""
        ...

    def failed(self, error: Exception) -> None:
        """End the console after an unexpected exception."""
        ...


class Keyboard:
    """Handles the few keys that take precedence over every widget, and the keys that no widget handles."""

    def __init__(self, app: KeyConsole, frame_screen: FrameScreen) -> None:
        self._app = app
        self._frame_screen = frame_screen
        self._ahead: deque[Typed] = deque()
        self._settling: asyncio.Task[None] | None = None

    async def typed(self, event: Typed) -> None:
        """Handle a key or a paste. If an earlier one is still being handled, this one waits for it."""
        if self._settling is not None:
            self._ahead.append(event)
        elif await self._handle(event):
            self._settling = asyncio.create_task(self._handle_ahead(), name="keys")

    def drop_ahead(self) -> None:
        """Drop the keys that are still waiting to be handled."""
        self._ahead.clear()

    async def _handle_ahead(self) -> None:
        try:
            await self._settle()
            while self._ahead:
                if await self._handle(self._ahead.popleft()):
                    await self._settle()
        except Exception as error:  # nobody awaits this task
            self._app.failed(error)
        finally:
            self._settling = None

    async def _handle(self, event: Typed) -> bool:
        """Handle a key. Returns False if the next key need not wait for its effects."""
        if isinstance(event, events.Paste):
            await self._app.pass_on(event)
            return False
        if self._app.screen is self._frame_screen and self._frame_screen.current == "shell":
            latin = in_latin(event)
            event = latin if latin.key == LEAVE_KEY else event
            await self._app.pass_on(event)
            return event.key == LEAVE_KEY
        if _consumes(self._app.focused, event):
            await self._app.pass_on(event)
            return False
        if not self._app.keymap.has(event.key):
            event = in_latin(event)
            if event.is_printable and event.character is not None and not event.character.isascii():
                self._app.refuse(
                    f"{event.character} is no key of labeltui: switch the keyboard to Latin letters"
                )
                return False
        if not await self._took(event):
            await self._app.pass_on(event)
        return True

    # -- what a key causes

    async def _settle(self) -> None:
        """Wait until all messages that the last key caused are handled, but at most ``SETTLED_S``."""
        try:
            async with asyncio.timeout(SETTLED_S):
                for _ in range(ROUNDS):
                    before = self._place()
                    for pump in (*before, *self._pumps()):
                        await _handled(pump)
                    if before == self._place() and not any(pump.message_queue_size for pump in self._pumps()):
                        return
        except TimeoutError:
            return

    def _place(self) -> tuple[MessagePump, ...]:
        """Return the screen and the widget that would get the next key."""
        focused = self._app.focused
        return (self._app.screen,) if focused is None else (self._app.screen, focused)

    def _pumps(self) -> Iterator[MessagePump]:
        """The objects that may handle the next key: the focused widget, its containers, the screen and the console."""
        node: MessagePump | None = self._app.focused or self._app.screen
        while node is not None:
            yield node
            node = node._parent

    # -- routing

    async def _took(self, event: events.Key) -> bool:
        """Handle a leader, or the key that keeps the pod, before any pane. Returns False for another key."""
        if self._app.screen is not self._frame_screen:
            return False
        if self._app.keymap.leaders.get(event.key):
            self._app.open_leader(event.key)
            return True
        if self._is_keep_key(event):
            await self._app.dispatcher.invoke("guard.keep")
            return True
        return False

    def _is_keep_key(self, event: events.Key) -> bool:
        key = keep_key(self._app.keymap, self._app.state)
        return key != "" and shown(event.key) == key

    async def unwanted(self, event: events.Key) -> None:
        """Run the registry's action for a key that no widget handled."""
        if self._app.screen is not self._frame_screen:
            return
        keymap = self._app.keymap
        if not keymap.has(event.key):
            event = in_latin(event)  # where no shell runs, the shell pane has not taken the key
        if keymap.leaders.get(event.key):
            self._app.open_leader(event.key)
            return
        action = keymap.direct.get(event.key) or keymap.direct.get(event.character or "")
        if action is not None:
            event.stop()
            await self._app.dispatcher.invoke(action.id)


def _consumes(focused: Widget | None, event: events.Key) -> bool:
    """Whether a text field has the focus that takes this key as text."""
    return focused is not None and focused.check_consume_key(event.key, event.character)


def in_latin(event: events.Key) -> events.Key:
    """Return the key at the same place of a US keyboard; ``event`` itself for a place that is not known."""
    head, _, last = event.key.rpartition("+")
    latin = LATIN.get(last) or LATIN.get(event.character or "")
    if latin is None:
        return event
    return events.Key(named(f"{head}+{latin}" if head else latin), None if head else latin)


async def _handled(pump: MessagePump) -> None:
    """Wait until ``pump`` has handled the messages that it has now. Returns at once if it has ended."""
    done = asyncio.Event()
    if pump.call_later(done.set):
        await done.wait()
