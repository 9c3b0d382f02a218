"""The end of the day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, switch, text
from labeltui.domain.state import SessionState


class EveningEndParams(Params):
    """Parameters of ``evening end``."""

    terminate: str | None = text("the pod's name, to terminate the pod instead of stopping it")
    keep_pod: bool = switch("let the pod run")
    stop_training: bool = switch("stop a running training instead of waiting for its end")


def _plan(state: SessionState, params: Mapping[str, Any]) -> str:
    """What the action does, as the rest of its question."""
    training = "stop a running training" if params.get("stop_training") else "wait for a running training"
    if not state.identity.rents or params.get("keep_pod"):
        pod = ""
    elif name := params.get("terminate"):
        pod = f", then TERMINATE the pod {name} with everything on it; this cannot be undone"
    else:
        pod = ", then stop the pod; its files outside the volume are lost"
    return (
        f"copy labels and models to this machine, {training}, stop the server{pod}."
        " It ends at the first step that fails."
    )


EVENING = Command(
    "evening", "End of the day", "show whether labels and models are here, and what still runs or costs money",
    command=("evening",), needs_host=False, takes=NoParams,
)  # fmt: skip
EVENING_END = Command(
    "evening.end", "End the day", "copy labels and models here, then stop training, server and pod, in a safe order",
    danger=Danger.DESTRUCTIVE, command=("evening", "end"), needs_host=False,
    question=lambda _state: "End the day: {}", naming=_plan, takes=EveningEndParams,
)  # fmt: skip

EVENING_ACTIONS: tuple[Action, ...] = (
    EVENING,
    EVENING_END,
    Action(
        "evening.show", "End of the day", "labels and models here? training, server and pod ended? then end the day",
        key="D", needs_host=False, console="evening",
    ),
    Action(
        "evening.options", "End the day with options", "choose whether to terminate the pod, or to stop a training",
        danger=Danger.CHANGE, needs_host=False, console="form('evening.end')",
    ),
)  # fmt: skip
