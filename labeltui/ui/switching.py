"""Shows a session in place of the one before, which closes in the background: its host may not answer any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from labeltui.domain.state import Identity, Level, SessionState
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import Pane
from labeltui.ui.keys import KeyMap

if TYPE_CHECKING:
    from labeltui.opening.launch import Launch
    from labeltui.session.session import Session
    from labeltui.ui.frame.themes import Appearance
    from labeltui.ui.frame.user_themes import Themes

CLOSED_S = 2.0  # a session that closes within this leaves its local port to the next
ENDED_S = 15.0
_log = logging.getLogger("labeltui.switching")


def unopened(launch: Launch | None) -> SessionState:
    """Return the state before a session is open."""
    name = (launch.profile if launch else None) or "labeltui"
    identity = Identity(name, bool(launch and launch.read_only), bool(launch and launch.demo is not None))
    return SessionState(identity)


class SwitchingConsole(Protocol):
    """The part of the console that shows a session."""

    session: Session | None
    keymap: KeyMap
    appearance: Appearance
    panes: dict[str, Pane]

    def flash(self, text: str, level: Level = ...) -> None:
        """Show one line above the keys."""
        ...

    @property
    def themes(self) -> Themes:
        """Applies themes."""
        ...

    def changed(self, state: SessionState, fields: Changed) -> None:
        """Notice a change of the session's state."""
        ...

    async def mount_panes(self) -> None:
        """Mount new panes in place of the present ones."""
        ...


class Switching:
    """Attaches the console to one session at a time."""

    def __init__(self, app: SwitchingConsole) -> None:
        self._app = app
        self._unsubscribe: Callable[[], None] = lambda: None
        self._closing: set[asyncio.Task[None]] = set()

    async def show(self, session: Session) -> None:
        """Start a session and show it, with the keys and theme of its profile."""
        if self._app.session is not None:
            closing = self._leave(self._app.session)
            await self._app.mount_panes()  # the old ones show the other host's texts
            await asyncio.wait({closing}, timeout=CLOSED_S)
        self._app.session = session
        self._app.keymap = KeyMap(session.profile.keys)
        for problem in self._app.keymap.problems:
            self._app.flash(problem, Level.WARNING)
        self._app.appearance.choose(session.profile.glyphs, session.profile.motion)
        self._app.themes.use(session.profile.theme)
        self._unsubscribe = session.store.subscribe(self._app.changed)
        for pane in self._app.panes.values():
            pane.attach(session)
        await session.start()

    def _leave(self, session: Session) -> asyncio.Task[None]:
        """Detach the console from a session, and start to close it."""
        self._unsubscribe()
        for pane in self._app.panes.values():
            pane.detach()
        self._app.session = None
        task = asyncio.create_task(session.close())
        self._closing.add(task)
        task.add_done_callback(self._closed)
        return task

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a session did not close: %s", error)

    async def close(self) -> None:
        """Close the session, and wait up to 15 s for earlier ones."""
        earlier = set(self._closing)
        if self._app.session is not None:
            await self._leave(self._app.session)
        if earlier:
            await asyncio.wait(earlier, timeout=ENDED_S)
