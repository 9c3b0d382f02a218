"""Models: their copies here and on the host, the labels that they make, and scores."""

from __future__ import annotations

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, choice, required_text, switch, text, texts
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
    question=models.ask_push, naming=models.what_is_sent, reads_first="always", takes=ModelsPushParams,
)  # fmt: skip
MODELS_ROLLBACK = Command(
    "models.rollback", "Bring back a model", "send the version before the host's present one",
    danger=Danger.DESTRUCTIVE, command=("models", "rollback"), disabled=conditions.not_connected,
    question=models.ask_rollback, about="model", reads_first="always", takes=ModelsRollbackParams,
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


class InferParams(Params):
    """Parameters of ``infer``."""

    study: str = required_text("id of the study")
    model: str | None = text("model to apply; default: the first one that needs no clicks")


class InferBatchParams(Params):
    """Parameters of ``infer batch``."""

    images: str | None = choice(
        "studies to infer: without a final label (default), with one, all, or those that you name",
        *("unlabelled", "labelled", "all", "marked"),
        positional=True,
    )
    studies: tuple[str, ...] = texts("ids of the studies, after `marked`", positional=True)
    model: str | None = text("model to apply; default: the first one that needs no clicks")
    new: bool = switch("leave out studies that have a label original, however old it is")


class ScoreParams(Params):
    """Parameters of ``score``."""

    method: str = required_text("scoring method, such as dice, sum or epistemic")


INFER = Command(
    "infer", "Infer a study", "let a model label one study; the label gets the tag original",
    danger=Danger.CHANGE, command=("infer",), disabled=conditions.no_server, exclusive=True, takes=InferParams,
)  # fmt: skip
INFER_BATCH = Command(
    "infer.batch", "Infer studies", "let a model label many studies; the labels get the tag original",
    danger=Danger.CHANGE, command=("infer", "batch"), disabled=conditions.no_server, exclusive=True,
    takes=InferBatchParams,
)  # fmt: skip
INFER_STATUS = Command(
    "infer.status", "Batch inference status", "show how many studies are inferred, the time left, or why it failed",
    command=("infer", "status"), disabled=models.no_batch, takes=NoParams,
)  # fmt: skip
INFER_STOP = Command(
    "infer.stop", "Stop the batch inference", "stop the batch inference; labels that it has stored stay",
    key="X", leader="Q", danger=Danger.DESTRUCTIVE, command=("infer", "stop"), disabled=models.nothing_infers,
    exclusive=True, reads_first="command", takes=NoParams,
)  # fmt: skip
SCORE = Command(
    "score", "Score studies", "let the server compute a score of each study",
    danger=Danger.CHANGE, command=("score",), disabled=models.no_method, exclusive=True, takes=ScoreParams,
)  # fmt: skip
SCORE_STATUS = Command(
    "score.status", "Scoring status", "show the state of the newest scoring, and its results",
    command=("score", "status"), disabled=models.no_scoring, takes=NoParams,
)  # fmt: skip
SCORE_STOP = Command(
    "score.stop", "Stop the scoring", "stop the running scoring; scores that it has stored stay",
    key="S", leader="Q", danger=Danger.DESTRUCTIVE, command=("score", "stop"), disabled=models.no_scoring,
    exclusive=True, reads_first="always", takes=NoParams,
)  # fmt: skip
SESSIONS = Command(
    "sessions", "Sessions", "list the images that Slicer sent for an inference without adding them to the studies",
    command=("sessions",), disabled=conditions.not_connected, takes=NoParams,
)  # fmt: skip

INFERENCE_ACTIONS: tuple[Action, ...] = (
    INFER, INFER_BATCH, INFER_STATUS, INFER_STOP,
    Action(
        "queue.infer", "Infer", "let a model label the marked studies, or this one; the labels get the tag original",
        key="b", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_server, console="queue('infer')",
    ),
    SCORE, SCORE_STATUS, SCORE_STOP, SESSIONS,
    Action(
        "score.options", "Score", "let the server compute a score of each study, by which the queue can be sorted",
        key="s", leader="Q", danger=Danger.CHANGE, disabled=models.no_method, console="form('score')",
    ),
)  # fmt: skip
