"""The question before a training is stopped claims nothing that is not known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from labeltui.domain.reading import Reading
from labeltui.domain.rules.conditions import ask_train_stop
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.training import Best, TrainStatus

NOW = datetime(2026, 11, 23, 17, 2, 48, tzinfo=UTC)
BEST = Best("val_mean_dice", 0.7, 1)


@pytest.mark.parametrize(
    ("training", "said"),
    [
        (TrainStatus(TrainState.RUNNING, epoch=2, best=BEST), "The best model so far stays"),
        (TrainStatus(TrainState.RUNNING, epoch=1), "No epoch has ended, so this training leaves no model"),
        (TrainStatus(TrainState.RUNNING), "only if an epoch has ended"),
        (TrainStatus(TrainState.RUNNING, epoch=3), "Stop the training? The current epoch is lost."),
    ],
)
def test_a_best_model_is_promised_only_after_an_epoch_that_has_one(training: TrainStatus, said: str) -> None:
    question = ask_train_stop(SessionState(Identity("liver"), training=Reading(training, NOW)))
    assert said in question
    assert ("best model" in question) is (training.best is not None)
