"""Actions on the guard: show its state, keep the pod alive, set limits, turn the guard off."""

from __future__ import annotations

from typing import Literal

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, choice, number
from labeltui.domain.rules import conditions


class GuardKeepParams(Params):
    """Parameters of ``guard keep``."""

    minutes: float | None = number("keep the pod alive for at least this many minutes, even if idle")


class GuardSetParams(Params):
    """Parameters of ``guard set``; a limit that is left out does not change."""

    idle: float | None = number("stop the pod after this many idle minutes; 0: never")
    budget: float | None = number(
        "stop the pod once it has cost this many dollars since its start; 0: no limit"
    )
    copies: Literal["wait", "ignore"] | None = choice(
        "before a stop, wait until every label is copied off the pod; no: do not wait", "wait", "ignore"
    )


GUARD_STATUS = Command(
    "guard.status", "Guard", "show the guard's last measurements, and when it stops the pod",
    command=("guard", "status"), takes=NoParams,
)  # fmt: skip
GUARD_KEEP = Command(
    "guard.keep", "Keep the pod alive", "reset the guard's countdown", key="k", leader="p",
    danger=Danger.CHANGE, command=("guard", "keep"), disabled=conditions.no_guard, takes=GuardKeepParams,
)  # fmt: skip
GUARD_SET = Command(
    "guard.set", "Set the guard", "turn the guard on, and set its limits until the pod stops",
    danger=Danger.CHANGE, command=("guard", "set"), disabled=conditions.guard_not_expected,
    takes=GuardSetParams,
)  # fmt: skip
GUARD_OFF = Command(
    "guard.off", "Guard off", "turn the guard off: the pod runs and costs money until you stop it",
    danger=Danger.DESTRUCTIVE, command=("guard", "off"), disabled=conditions.no_guard,
    question=conditions.ask_guard_off, takes=NoParams,
)  # fmt: skip

GUARD_ACTIONS: tuple[Action, ...] = (GUARD_STATUS, GUARD_KEEP, GUARD_SET, GUARD_OFF)
