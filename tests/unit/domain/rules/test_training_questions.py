"""The question before a training is stopped claims nothing that is not known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from labeltui.domain.models import HostModel, ModelFile, Models
from labeltui.domain.reading import Reading
from labeltui.domain.rules.conditions import ask_server_stop, ask_train_stop
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import ServerState, TrainState
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


def test_no_earlier_model_is_promised_where_there_is_none() -> None:
    running = Reading(TrainStatus(TrainState.RUNNING, epoch=1), NOW)
    for published, said in ((None, False), (ModelFile("a.pt", 4, 0, "ab"), True)):
        models = Models("/model", "pod", "/desk", (HostModel("deepedit", "a.pt", published),))
        state = SessionState(Identity("liver"), training=running, models=Reading(models, NOW))
        assert ("the model before it stays" in (ask_train_stop(state) or "")) is said


@pytest.mark.parametrize("stopped", [ServerState.STOPPED, ServerState.CRASHED])
def test_the_stop_of_a_server_that_does_not_run_interrupts_nobody(stopped: ServerState) -> None:
    state = SessionState(Identity("liver"), server=Reading(ServerStatus(stopped), NOW))
    assert ask_server_stop(state) == "Stop the server? It does not run."
