"""Gives the models of a server the operator's own labels.

An app's model sets its labels and then builds its network from their number, both in ``init``. So the labels are
replaced at the moment when the model sets them. MONAI Label trains in another process, which needs the same change.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

VARIABLE = "LABELTUI_LABELS"
"""The environment variable with the names, as a JSON list. The training process inherits it."""
TASK = "monailabel.interfaces.utils.app"
OUR_TASK = "labeltui.monailabel.serving.task"
BACKGROUND = "background"


def names_of(text: str) -> tuple[str, ...]:
    """Read the environment variable. Raises ValueError or TypeError if it is malformed."""
    return tuple(str(name) for name in json.loads(text))


def replaced(given: Any, names: Sequence[str]) -> Any:
    """Return the names in the form of the model's own labels: indices by name, or a list.

    If the model's labels include the background, it stays: DeepEdit counts it as a label, segmentation does
    not.
    """
    if isinstance(given, dict):
        background = {BACKGROUND: 0} if BACKGROUND in given else {}
        return {**{name: index for index, name in enumerate(names, start=1)}, **background}
    if isinstance(given, list | tuple):
        return [*names, BACKGROUND] if BACKGROUND in given else [*names]
    return given


def change_models(config_class: Any, names: Sequence[str]) -> None:
    """Replace the labels of each model that is configured by ``config_class`` or a class derived from it."""

    def get(self: Any) -> Any:
        return self.__dict__.get("labels")

    def put(self: Any, given: Any) -> None:
        self.__dict__["labels"] = replaced(given, names)

    config_class.labels = property(get, put)


def change_tasks(module: Any) -> None:
    """Let the tasks that ``module`` starts as processes go through ``OUR_TASK``."""

    def start(command: Sequence[str], *arguments: Any, **named: Any) -> Any:
        return subprocess.Popen(task_command(command), *arguments, **named)

    module.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": start})


def task_command(command: Sequence[str]) -> list[str]:
    """Return the command that runs a task through ``OUR_TASK``.

    It still contains ``TASK``, because labeltui recognises trainings by it.
    """
    if TASK not in command:
        return [*command]
    at = list(command).index(TASK)
    return [*command[:at], OUR_TASK, *command[at:]]
