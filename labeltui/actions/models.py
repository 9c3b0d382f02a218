"""Actions on the models' weights, on the host and on this machine."""

from __future__ import annotations

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, required_text, switch, text
from labeltui.domain.rules import conditions, models


class ModelsPullParams(Params):
    """Parameters of ``models pull``."""

    model: str | None = text("model to copy; default: every trained model of the server", positional=True)


class ModelsPushParams(Params):
    """Parameters of ``models push``."""

    model: str = required_text("model that gets the weights, such as deepedit")
    version: str | None = text("first digits of a version's SHA-256, see `models list`; default: the newest")
    file: str | None = text("a file of weights on this machine, in place of a version")
    pretrained: bool = switch("download the weights that the app would use to this machine, and send them")
    sha256: str | None = text("SHA-256 that the file must have")


class ModelsRollbackParams(Params):
    """Parameters of ``models rollback``."""

    model: str = required_text("model to bring back, such as deepedit")


MODELS_LIST = Command(
    "models.list", "List the models", "list the models on the host, what they were trained with, and the copies here",
    command=("models", "list"), needs_host=False, takes=NoParams,
)  # fmt: skip
MODELS_PULL = Command(
    "models.pull", "Copy the models here", "copy trained models that are not on this machine yet",
    key="p", leader="t", command=("models", "pull"), disabled=conditions.not_connected, takes=ModelsPullParams,
)  # fmt: skip
MODELS_PUSH = Command(
    "models.push", "Send a model", "send weights from this machine to the host, where the server loads them",
    danger=Danger.DESTRUCTIVE, command=("models", "push"), disabled=conditions.not_connected,
    question=models.ask_push, naming=models.what_is_sent, takes=ModelsPushParams,
)  # fmt: skip
MODELS_ROLLBACK = Command(
    "models.rollback", "Bring back a model", "send the version before the host's present one",
    danger=Danger.DESTRUCTIVE, command=("models", "rollback"), disabled=conditions.not_connected,
    question=models.ask_rollback, about="model", takes=ModelsRollbackParams,
)  # fmt: skip

MODEL_ACTIONS: tuple[Action, ...] = (
    MODELS_LIST, MODELS_PULL, MODELS_PUSH, MODELS_ROLLBACK,
    Action(
        "models", "Models", "list the models' versions on this machine; enter sends one to the host",
        key="m", leader="t", needs_host=False, console="models",
    ),
    Action(
        "models.options", "Send weights", "send weights to the host: a version, a file, or pretrained ones",
        key="w", leader="t", danger=Danger.CHANGE, disabled=conditions.not_connected, console="form('models.push')",
    ),
    Action(
        "models.back", "Bring back a model", "send the version before the host's present one",
        key="b", leader="t", danger=Danger.CHANGE, disabled=conditions.not_connected, console="form('models.rollback')",
    ),
)  # fmt: skip
