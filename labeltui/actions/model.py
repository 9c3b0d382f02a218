"""The definition of an action: its danger, parameters, key and leader, and the reason why it is disabled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from labeltui.actions.params import NoParams, Param, Params, text
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused
from labeltui.domain.rules import pod as podrules
from labeltui.domain.rules.conditions import Why
from labeltui.domain.state import SessionState
from labeltui.domain.text import one_line

P = TypeVar("P", bound=Params)


TAKE_OVER = "take_over"
"""A parameter of every exclusive action: take the lease over from a console that does not answer."""


class Danger(StrEnum):
    """The risk of an action.

    A ``DESTRUCTIVE`` one asks for confirmation; for an ``IRREVERSIBLE`` one the operator types a name.
    """

    NONE = "none"  # changes nothing; allowed with --read-only
    CHANGE = "change"
    DESTRUCTIVE = "destructive"
    IRREVERSIBLE = "irreversible"


class PodParams(Params):
    """The pod that an action applies to, and the name that the operator has confirmed."""

    pod: str | None = text("id or whole name of a pod; default: the profile's pod", positional=True)
    named: str | None = text("name of a pod that is not the profile's, to confirm the action", hidden=True)


def _always(_state: SessionState) -> str | None:
    return None


@dataclass(frozen=True, eq=False)
class Action:
    """One action. ``disabled`` returns why the action is impossible now; ``question`` is asked before it runs.

    ``console`` names a Textual action, for an action that only the console has; every other action is a
    :class:`Command`. ``key`` follows ``leader`` if there is one; ``scope`` is ``global`` or a pane's name.
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
    needs_terminal: bool = False  # hands the real terminal to another program
    needs_host: bool = True  # False: works without a connection to the host
    exclusive: bool = False  # only one console of a host runs such an action at a time
    # "command" or "always": the question comes after what ``BEFORE_ASKING`` of operations/table.py reads. A console
    # asks at once for "command", because it has the state that the action depends on.
    reads_first: str = ""
    takes: type[Params] = NoParams
    about: str = ""  # the parameter whose value stands in the place of {} in the question
    naming: Callable[[SessionState, Mapping[str, Any]], str] | None = None  # the text in the place of {}

    def ask(self, state: SessionState, params: Mapping[str, Any]) -> str | None:
        """Return the question, with ``about``'s value or ``naming``'s text filled in.

        Returns None if the action asks nothing.
        """
        question = self.question(state)
        if question is not None and self.naming is not None:
            return question.replace("{}", self.naming(state, params), 1)
        if question is None or not self.about:
            return question
        given = params.get(self.about) or ()
        names = (given,) if isinstance(given, str) else tuple(given)
        return question.replace("{}", one_line(", ".join(names)) if names else "every study", 1)

    @property
    def params(self) -> tuple[Param, ...]:
        """The visible parameters, in the order of the form and the command."""
        return tuple(param for param in self.takes.declared if not param.hidden)

    @property
    def takes_pod(self) -> bool:
        """True for an action that changes a pod, whether or not it is the profile's pod."""
        return self.danger is not Danger.NONE and issubclass(self.takes, PodParams)

    @property
    def may_lose_labels(self) -> bool:
        """True if the action may destroy labels that are not copied."""
        destroys = self.danger in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE)
        return destroys and any(param.name == "lose_labels" for param in self.params)

    def name_to_type(self, state: SessionState) -> str:
        """The name that the operator types to confirm: the pod's for an action on a pod, else the profile's."""
        pod = state.pod.value
        return podrules.called(pod) if self.takes_pod and pod is not None else state.identity.profile


@dataclass(frozen=True, eq=False, repr=False)
class Command(Action, Generic[P]):
    """An action that an operation carries out.

    ``labeltui.operations.table`` pairs the two by the class of their parameters.
    """

    takes: type[P] = field(kw_only=True)


LEADERS: Mapping[str, str] = {
    "s": "server",
    "t": "train",
    "p": "pod",
    "exclamation_mark": "shells",
    "Q": "study",
}
"""Each leader key and the name of its group of actions."""

QUIET_LEADERS = frozenset({"exclamation_mark", "Q"})
"""Leader keys that the footer leaves out, because the panes that they belong to show them."""


def why_disabled(action: Action, state: SessionState) -> str | None:
    """Return why the action is impossible now; None when it is possible."""
    if state.identity.read_only and action.danger is not Danger.NONE:
        return "this session is read-only"
    return action.disabled(state)


def refuse_change(action: Action, *, read_only: bool) -> None:
    """Raise Refused ``read_only`` if the session is read-only and the action changes something."""
    if read_only and action.danger is not Danger.NONE:
        raise Refused(
            Code.READ_ONLY, f"{action.title}: this session is read-only.", "Open it without --read-only."
        )
