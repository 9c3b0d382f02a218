"""A step of the session, from the account's key to the stopped pod."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState, ServerState

T = TypeVar("T")


class Mark(StrEnum):
    """The state of a step. It goes back from ``DONE`` when the step is no longer done."""

    DONE = "done"
    BUSY = "busy"  # nothing to do but wait
    TODO = "todo"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # not measured, or an earlier step comes first


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``text`` says what is so now, or what is wrong; it may be hostile.

    ``todo`` says what to do, and ``action`` is the id of the action that does it; both are empty if there is nothing
    to do.
    """

    title: str
    why: str
    mark: Mark
    text: str = ""
    todo: str = ""
    action: str = ""


def fresh(reading: Reading[T]) -> T | None:
    """Return the value, or None if the last attempt to read it failed."""
    return reading.value if reading.error is None else None


def lasting(reading: Reading[T], state: SessionState) -> T | None:
    """Return the value as :func:`fresh` does, and after the end of the day the last one.

    The end of the day reads labels and models before it stops the server, and nothing changes them after that.
    """
    return reading.value if state.day_ended else fresh(reading)


def is_connected(state: SessionState) -> bool:
    """Whether the host is connected."""
    host = state.host.value
    return host is not None and host.state is LinkState.CONNECTED


def is_serving(state: SessionState) -> bool:
    """Whether the host is connected and its server answers."""
    server = fresh(state.server)
    return is_connected(state) and server is not None and server.state is ServerState.RUNNING
