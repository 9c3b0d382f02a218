"""Actions on trainings: start, stop, show progress."""

from __future__ import annotations

from collections.abc import Mapping

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, pairs, switch, text, whole
from labeltui.domain.rules import conditions


class TrainStartParams(Params):
    """Parameters of ``train start``. The texts in ``param`` are converted to the type of the trainer's default."""

    model: str | None = text("trainer to run; the profile's first model when left out", positional=True)
    max_epochs: int | None = whole("epochs to train")
    param: Mapping[str, str] = pairs("more parameters of the trainer")
    enqueue: bool = switch("queue behind a running training, instead of being refused")
    follow: bool = switch("report each epoch until the end")


class TrainStatusParams(Params):
    """Parameters of ``train status``."""

    follow: bool = switch("report each epoch until the end")


TRAIN_START = Command(
    "train.start", "Start training", "fine-tune a model on the submitted labels",
    key="s", leader="t", danger=Danger.CHANGE, command=("train", "start"),
    disabled=conditions.cannot_train, footer=True, takes=TrainStartParams,
)  # fmt: skip
TRAIN_STOP = Command(
    "train.stop", "Stop training", "stop the running training; an orphaned one too",
    key="x", leader="t", danger=Danger.DESTRUCTIVE, command=("train", "stop"),
    disabled=conditions.nothing_trains, question=conditions.ask_train_stop, takes=NoParams,
)  # fmt: skip
TRAIN_STATUS = Command(
    "train.status", "Training status", "state, epoch, best, time left",
    command=("train", "status"), takes=TrainStatusParams,
)  # fmt: skip

TRAIN_HISTORY = Command(
    "train.history", "Earlier trainings", "every training that is known, with options, epochs, best and model file",
    command=("train", "history"), needs_host=False, takes=NoParams,
)  # fmt: skip

TRAIN_ACTIONS: tuple[Action, ...] = (TRAIN_START, TRAIN_STOP, TRAIN_STATUS, TRAIN_HISTORY)
