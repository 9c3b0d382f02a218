"""Protocols between the console and its panes and screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from textual.message_pump import MessagePump
from textual.widget import Widget

if TYPE_CHECKING:
    from labeltui.actions import Action
    from labeltui.domain.problems import Problem
    from labeltui.domain.state import Level, SessionState
    from labeltui.opening.launch import Launch
    from labeltui.session.session import Session
    from labeltui.ui.keys import KeyMap
    from labeltui.ui.running import Running

Hint = tuple[str, str]
"""A key as the footer shows it, and a short name of its action."""


class Actions(Protocol):
    """Runs the registry's actions."""

    last_problem: tuple[str, Problem] | None
    """The title and problem of the last failure; None if nothing has failed."""

    @property
    def running(self) -> dict[str, Running]:
        """The running actions by id, in the order they were started."""
        ...

    @property
    def failed_params(self) -> Mapping[str, Mapping[str, Any]]:
        """The parameters of each action that failed or was cancelled last, by its id."""
        ...

    def why_not(self, action: Action, pod: str | None = None) -> str | None:
        """Why the action can't run now, as text; None if it can. ``pod`` is the id of the pod to act on."""
        ...

    async def invoke(self, action_id: str, params: Mapping[str, Any] | None = None) -> None:
        """Run the action, or flash the reason if it can't run. Asks for confirmation if it is dangerous."""
        ...


class Console(Protocol):
    """The part of the console that panes and screens use."""

    @property
    def keymap(self) -> KeyMap:
        """The keys of every action, after the profile's changes."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """A function that returns the current time, with a time zone."""
        ...

    @property
    def launch(self) -> Launch | None:
        """The flags with which a session was opened last."""
        ...

    @property
    def session(self) -> Session | None:
        """The session; None until it is open."""
        ...

    @property
    def state(self) -> SessionState:
        """The newest snapshot, or an empty one before a session is open."""
        ...

    @property
    def dispatcher(self) -> Actions:
        """The dispatcher, which runs actions."""
        ...

    @property
    def panes(self) -> Mapping[str, Pane]:
        """Every pane by name; empty before the first paint."""
        ...

    @property
    def current_pane(self) -> str:
        """The name of the pane that has the focus."""
        ...

    @property
    def last_flash(self) -> str:
        """The text that was flashed last."""
        ...

    def flash(self, text: str, level: Level = ...) -> None:
        """Show one line above the keys."""
        ...

    def refuse(self, why: str) -> None:
        """Flash why a key does nothing. Keys typed ahead are dropped: they were meant for the screen that it opens."""
        ...

    def paint(self) -> None:
        """Show the newest snapshot in every visible pane."""
        ...

    def copy(self, text: str) -> None:
        """Put ``text`` on the terminal's clipboard (OSC 52) and flash a confirmation."""
        ...

    def open(self, launch: Launch | None) -> None:
        """Open a session in the background; if ``launch`` is None, the default profile's."""
        ...

    async def adopt(self, session: Session) -> None:
        """Start the session and show it."""
        ...

    def open_log(self, line: int) -> None:
        """Focus the log pane at a line, counted from 0."""
        ...

    def confirm(
        self, title: str, question: str, answered: Callable[[bool], None], *, typed: str | None = None
    ) -> None:
        """Ask a yes-or-no question. If ``typed`` is given, the user must type that text to say yes."""
        ...


def console_of(node: MessagePump) -> Console:
    """The console that a widget or screen belongs to."""
    return cast(Console, node.app)


@runtime_checkable
class Pane(Protocol):
    """The content of a pane."""

    note: str
    """The text after the pane's name in the upper border."""
    facts: str
    """The text in the lower border."""

    def attach(self, session: Session) -> None:
        """Connect the pane to the session, which has just been opened."""
        ...

    def detach(self) -> None:
        """Disconnect the pane from the session, which is about to close."""
        ...

    def show(self, state: SessionState, now: datetime) -> None:
        """Show a snapshot; called after a change and once a second."""
        ...

    @property
    def focus_target(self) -> Widget:
        """The widget that gets the focus when the pane is focused."""
        ...

    def hints(self) -> Sequence[Hint]:
        """The keys that work in the pane now, for the footer."""
        ...

    def help_keys(self) -> Sequence[Hint]:
        """All keys of the pane, for the help screen."""
        ...

    def copy_text(self) -> str:
        """The text that ``y`` copies; empty if there is nothing to copy."""
        ...


@runtime_checkable
class ShowsLines(Protocol):
    """A pane that can show a line of the server's log."""

    def show_line(self, line: int) -> None:
        """Show line ``line``, counted from 0, with the lines around it."""
        ...


@runtime_checkable
class TakesKeys(Protocol):
    """A pane that passes the console's keys on to the host while it has the focus."""

    @property
    def takes_keys(self) -> bool:
        """Whether keys go to the host now."""
        ...


@runtime_checkable
class HasVerbs(Protocol):
    """A pane with methods that the registry's actions call by name."""

    @property
    def verbs(self) -> Mapping[str, Callable[[], Awaitable[None] | None]]:
        """The pane's methods, by the names that the registry uses."""
        ...


@runtime_checkable
class Watcher(Protocol):
    """A screen that shows the progress of running actions."""

    def progressed(self) -> None:
        """Show that an action reported progress."""
        ...

    def ended(self, text: str) -> None:
        """Show that an action has ended; ``text`` is the result."""
        ...
