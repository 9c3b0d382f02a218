"""Actions on trainings: start, stop, show progress."""

from __future__ import annotations

from collections.abc import Mapping

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, pairs, switch, text, whole
from labeltui.domain.rules import conditions


class TrainStartParams(Params):
    """Parameters of ``train start``. The texts in ``param`` are converted to the type of the trainer's default."""

    model: str | None = text("model to train; default: the profile's first model", positional=True)
    max_epochs: int | None = whole("number of epochs")
    param: Mapping[str, str] = pairs("further parameters of the training")
    enqueue: bool = switch("if a training runs, queue this one behind it")
    follow: bool = switch("report each epoch until the training ends")
    damaged_labels: bool = switch("train although labels are damaged, which usually ends the training")


class TrainStatusParams(Params):
    """Parameters of ``train status``."""

    follow: bool = switch("report each epoch until the training ends")


TRAIN_START = Command(
    "train.start", "Start training", "fine-tune a model on the submitted labels",
    key="s", leader="t", danger=Danger.CHANGE, command=("train", "start"),
    disabled=conditions.cannot_train, footer=True, exclusive=True, takes=TrainStartParams,
)  # fmt: skip
TRAIN_STOP = Command(
    "train.stop", "Stop training", "stop the running training, even if its server has ended",
    key="x", leader="t", danger=Danger.DESTRUCTIVE, command=("train", "stop"),
    disabled=conditions.nothing_trains, question=conditions.ask_train_stop, exclusive=True, takes=NoParams,
    reads_first="command",
)  # fmt: skip
TRAIN_STATUS = Command(
    "train.status", "Training status", "show the training's state, epoch, best metric and time left",
    command=("train", "status"), takes=TrainStatusParams,
)  # fmt: skip

TRAIN_HISTORY = Command(
    "train.history", "Earlier trainings", "list all trainings with their options, epochs, best metric and model file",
    command=("train", "history"), needs_host=False, takes=NoParams,
)  # fmt: skip

TRAIN_ACTIONS: tuple[Action, ...] = (TRAIN_START, TRAIN_STOP, TRAIN_STATUS, TRAIN_HISTORY)
