"""What the frame asks of a session, and of a pane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual.widget import Widget

if TYPE_CHECKING:
    from labeltui.domain.state import SessionState
    from labeltui.session.runtime.journal import Journal
    from labeltui.session.runtime.store import Store

Hint = tuple[str, str]
"""A key as people write it, and what it does."""


class SessionLike(Protocol):
    """The part of a session that the frame uses itself; panes get the whole session."""

    name: str
    read_only: bool
    demo: str | None

    @property
    def profile(self) -> Any:
        """The profile's settings."""
        ...

    @property
    def store(self) -> Store:
        """Where snapshots come from."""
        ...

    @property
    def journal(self) -> Journal:
        """What was done."""
        ...

    async def start(self) -> None:
        """Begin to watch; returns at once."""
        ...

    async def close(self) -> None:
        """End everything that was started here."""
        ...

    def reconnect(self) -> None:
        """Skip the back-off."""
        ...


@runtime_checkable
class Pane(Protocol):
    """The content of a pane."""

    def attach(self, session: Any) -> None:
        """The session is open."""
        ...

    def detach(self) -> None:
        """The session is being closed."""
        ...

    def show(self, state: SessionState, now: datetime) -> None:
        """Show a snapshot; called when something changed and once a second."""
        ...

    @property
    def focus_target(self) -> Widget:
        """What takes the keyboard."""
        ...

    def hints(self) -> Sequence[Hint]:
        """The keys that work in it."""
        ...
