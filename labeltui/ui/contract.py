"""What the parts of the console ask of each other: panes and screens of the console, the console of a pane."""

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
"""A key as people write it, and what it does."""


class Actions(Protocol):
    """Runs what the registry declares."""

    last_problem: tuple[str, Problem] | None
    """What failed last, as its title and the problem."""

    @property
    def running(self) -> dict[str, Running]:
        """The actions that run now, by id; the newest last."""
        ...

    def why_not(self, action: Action, pod: str | None = None) -> str | None:
        """Why the action can't be done now; None if it can. ``pod`` is the id of the pod to act on."""
        ...

    async def invoke(self, action_id: str, params: Mapping[str, Any] | None = None) -> None:
        """Run the action, or flash why not. Asks first where the action is dangerous."""
        ...


class Console(Protocol):
    """What panes and screens see of the console."""

    @property
    def keymap(self) -> KeyMap:
        """The keys of every action, after the profile's changes."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time, with zone."""
        ...

    @property
    def session(self) -> Session | None:
        """The open session; None before it is open."""
        ...

    @property
    def state(self) -> SessionState:
        """The newest snapshot, or an empty one before a session is open."""
        ...

    @property
    def dispatcher(self) -> Actions:
        """Runs actions."""
        ...

    @property
    def panes(self) -> Mapping[str, Pane]:
        """Every pane by name; empty before the first paint."""
        ...

    @property
    def current_pane(self) -> str:
        """The name of the pane that has the keyboard."""
        ...

    @property
    def last_flash(self) -> str:
        """What was flashed last."""
        ...

    def flash(self, text: str, level: Level = ...) -> None:
        """Show one line above the keys."""
        ...

    def paint(self) -> None:
        """Hand the newest snapshot to every visible pane."""
        ...

    def copy(self, text: str) -> None:
        """Put text on the clipboard of the terminal (OSC 52), and flash that."""
        ...

    def open(self, launch: Launch | None) -> None:
        """Open a session in the background."""
        ...

    async def adopt(self, session: Session) -> None:
        """Show this session from now on, and start it."""
        ...

    def open_log(self, line: int) -> None:
        """Focus the log pane at a line, counted from 0."""
        ...

    def confirm(
        self, title: str, question: str, answered: Callable[[bool], None], *, typed: str | None = None
    ) -> None:
        """Ask a question; ``typed`` is what must be typed to say yes."""
        ...


def console_of(node: MessagePump) -> Console:
    """The console that a widget or screen belongs to."""
    return cast(Console, node.app)


@runtime_checkable
class Pane(Protocol):
    """The content of a pane."""

    note: str
    """Follows the pane's name in the upper border."""
    facts: str
    """In the lower border."""

    def attach(self, session: Session) -> None:
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
        """The widget that takes the keyboard."""
        ...

    def hints(self) -> Sequence[Hint]:
        """The keys that work in it now, for the footer."""
        ...

    def help_keys(self) -> Sequence[Hint]:
        """Every key of it, for the help screen."""
        ...

    def copy_text(self) -> str:
        """The text that ``y`` copies; empty where there is none."""
        ...


@runtime_checkable
class ShowsLines(Protocol):
    """A pane that can show a line of the server's log."""

    def show_line(self, line: int) -> None:
        """Show line ``line``, counted from 0, among its neighbours."""
        ...


@runtime_checkable
class HasVerbs(Protocol):
    """A pane that does what the registry's actions name."""

    @property
    def verbs(self) -> Mapping[str, Callable[[], Awaitable[None] | None]]:
        """What can be done, by the name that the registry gives it."""
        ...


@runtime_checkable
class Watcher(Protocol):
    """A screen that shows what running actions report."""

    def progressed(self) -> None:
        """An action reported something."""
        ...

    def ended(self, text: str) -> None:
        """An action has ended; ``text`` says how."""
        ...
