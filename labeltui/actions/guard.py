"""The guard: what it saw, keep the pod, set its limits, turn it off."""

from __future__ import annotations

from labeltui.actions.model import Action, Danger, Param
from labeltui.domain.rules import conditions

GUARD_ACTIONS: tuple[Action, ...] = (
    Action(
        "guard.status", "Guard", "what the guard saw last, and when it stops the pod",
        command=("guard", "status"),
    ),
    Action(
        "guard.keep", "Keep the pod alive", "reset the guard's countdown", key="k", leader="p",
        danger=Danger.CHANGE, command=("guard", "keep"), disabled=conditions.no_guard,
        params=(Param("minutes", "keep it alive at least that long, used or not", "float"),),
    ),
    Action(
        "guard.set", "Set the guard", "other limits until the pod stops; turns the guard on",
        danger=Danger.CHANGE, command=("guard", "set"), disabled=conditions.guard_not_expected,
        params=(
            Param("idle", "stop after so many idle minutes; 0: never", "float"),
            Param("budget", "stop once the pod has cost so many dollars since its start; 0: no limit", "float"),
            Param("copies", "wait until labels are copied to a desk, or ignore them", "choice",
                  choices=("wait", "ignore")),
        ),
    ),
    Action(
        "guard.off", "Guard off", "let the pod run, and cost, until you stop it",
        danger=Danger.DESTRUCTIVE, command=("guard", "off"), disabled=conditions.no_guard,
        question=conditions.ask_guard_off,
    ),
)  # fmt: skip
