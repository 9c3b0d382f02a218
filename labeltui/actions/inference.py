"""Work on many studies: batch inference and scoring."""

from __future__ import annotations

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, choice, required_text, switch, text, texts
from labeltui.domain.rules import conditions


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
    new: bool = switch("leave out studies that have a label original, as after a stop or a failure")


class ScoreParams(Params):
    """Parameters of ``score``."""

    method: str = required_text("scoring method, such as dice, sum or epistemic")


INFER = Command(
    "infer", "Infer a study", "let a model label one study; the label gets the tag original",
    danger=Danger.CHANGE, command=("infer",), disabled=conditions.no_server, takes=InferParams,
)  # fmt: skip
INFER_BATCH = Command(
    "infer.batch", "Infer studies", "let a model label many studies; the labels get the tag original",
    danger=Danger.CHANGE, command=("infer", "batch"), disabled=conditions.no_server, takes=InferBatchParams,
)  # fmt: skip
INFER_STATUS = Command(
    "infer.status", "Batch inference status", "show how many studies are inferred, the time left, or why it failed",
    command=("infer", "status"), disabled=conditions.no_server, takes=NoParams,
)  # fmt: skip
INFER_STOP = Command(
    "infer.stop", "Stop the batch inference", "stop the batch inference; labels that it has stored stay",
    key="X", leader="Q", danger=Danger.DESTRUCTIVE, command=("infer", "stop"), disabled=conditions.no_server,
    takes=NoParams,
)  # fmt: skip
SCORE = Command(
    "score", "Score studies", "let the server compute a score of each study",
    danger=Danger.CHANGE, command=("score",), disabled=conditions.no_server, takes=ScoreParams,
)  # fmt: skip
SCORE_STATUS = Command(
    "score.status", "Scoring status", "show the state of the newest scoring, and its results",
    command=("score", "status"), disabled=conditions.no_server, takes=NoParams,
)  # fmt: skip
SCORE_STOP = Command(
    "score.stop", "Stop the scoring", "stop the running scoring; scores that it has stored stay",
    danger=Danger.DESTRUCTIVE, command=("score", "stop"), disabled=conditions.no_server, takes=NoParams,
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
        key="s", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_server, console="form('score')",
    ),
)  # fmt: skip
