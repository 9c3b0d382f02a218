"""What an action is: its danger, its parameters, its key and leader, and why it can't be done now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from labeltui.actions.params import NoParams, Param, Params, text
from labeltui.domain.rules import pod as podrules
from labeltui.domain.rules.conditions import Why
from labeltui.domain.state import SessionState

P = TypeVar("P", bound=Params)


class Danger(StrEnum):
    """What an action can cost. From ``DESTRUCTIVE`` on it is confirmed; ``IRREVERSIBLE`` needs the name typed."""

    NONE = "none"  # changes nothing; allowed with --read-only
    CHANGE = "change"
    DESTRUCTIVE = "destructive"
    IRREVERSIBLE = "irreversible"


class PodParams(Params):
    """Which pod an action is about, and the name that the operator has confirmed."""

    pod: str | None = text("id or whole name of a pod; the profile's when left out", positional=True)
    named: str | None = text("name of a pod that is not the profile's, as it was confirmed", hidden=True)


def _always(_state: SessionState) -> str | None:
    return None


@dataclass(frozen=True, eq=False)
class Action:
    """One thing that can be done. ``disabled`` says why it can't be now; ``question`` is asked before it runs.

    ``console`` names a Textual action, for what only the console does; every other action is a :class:`Command`.
    ``key`` follows ``leader`` where there is one; ``scope`` is ``global`` or a pane's name.
    """

    id: str
    title: str
    help: str
    key: str = ""
    leader: str = ""
    scope: str = "global"
    danger: Danger = Danger.NONE
    command: tuple[str, ...] = ()
    disabled: Why = _always
    question: Why = _always
    console: str = ""
    footer: bool = False
    needs_terminal: bool = False  # gives the real terminal away
    needs_host: bool = True  # False: works without a connection to the host
    takes: type[Params] = NoParams

    @property
    def params(self) -> tuple[Param, ...]:
        """The parameters of its form and its command, in their order."""
        return tuple(param for param in self.takes.declared if not param.hidden)

    @property
    def takes_pod(self) -> bool:
        """True for an action that changes a pod, which may be another than the profile's."""
        return self.danger is not Danger.NONE and issubclass(self.takes, PodParams)

    @property
    def may_lose_labels(self) -> bool:
        """Whether labels that are not copied may be lost."""
        destroys = self.danger in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE)
        return destroys and any(param.name == "lose_labels" for param in self.params)

    def name_to_type(self, state: SessionState) -> str:
        """The name that confirms an irreversible action: the pod's for an action on a pod, else the profile's."""
        pod = state.pod.value
        return podrules.called(pod) if self.takes_pod and pod is not None else state.identity.profile


@dataclass(frozen=True, eq=False, repr=False)
class Command(Action, Generic[P]):
    """An action that an operation carries out: ``labeltui.operations.table`` pairs the two by their parameters."""

    takes: type[P] = field(kw_only=True)


LEADERS: Mapping[str, str] = {"s": "server", "t": "train", "p": "pod", "exclamation_mark": "shells"}
"""Leader keys and what they lead to."""

QUIET_LEADERS = frozenset({"exclamation_mark"})
"""Leaders that the footer does not name: the shell pane shows its own."""


def why_disabled(action: Action, state: SessionState) -> str | None:
    """Why the action can't be done now; None when it can."""
    if state.identity.read_only and action.danger is not Danger.NONE:
        return "this session is read-only"
    return action.disabled(state)
