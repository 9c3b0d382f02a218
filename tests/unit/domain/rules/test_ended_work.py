"""The running training and the trained models that end or are lost with a pod."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.reading import Reading
from labeltui.domain.rules.conditions import ask_pod_restart, ask_pod_stop, ask_pod_terminate
from labeltui.domain.rules.pod import about_pod
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.record import TrainingRecord
from labeltui.domain.training.training import Best, TrainStatus

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
POD = Pod(
    "i1", "annot", PodStatus.RUNNING, NOW, volume_disk_gb=20, volume_path="/workspace",
    created_at=NOW - timedelta(days=1),
)  # fmt: skip
RUNS = TrainStatus(TrainState.RUNNING, "deepedit", epoch=12, total_epochs=50)
FILE = "/workspace/labeltui/apps/radiology/model/deepedit.pt"
TRAINED = TrainingRecord(
    "deepedit",
    NOW - timedelta(hours=2),
    TrainState.DONE,
    best=Best("val_mean_dice", 0.779, 9),
    model_file=FILE,
)


def state(pod: Pod = POD, training: TrainStatus | None = None, *trainings: TrainingRecord) -> SessionState:
    known: Reading[TrainStatus] = Reading(training, NOW) if training is not None else Reading()
    return SessionState(Identity("p"), pod=Reading(pod, NOW), training=known, trainings=trainings)


@pytest.mark.parametrize("ask", [ask_pod_stop, ask_pod_restart, ask_pod_terminate])
@pytest.mark.parametrize(
    ("training", "said"),
    [
        (RUNS, "The training of deepedit (epoch 12 of 50) ends"),
        (replace(RUNS, queued=2), "Queued trainings are lost too (2)"),
        (
            replace(RUNS, state=TrainState.QUEUED, epoch=None, total_epochs=None),
            "The training of deepedit ends",
        ),
        (replace(RUNS, state=TrainState.ORPHANED, model=None, epoch=None), "A training ends"),
    ],
)
def test_a_training_that_runs_is_named_with_what_is_lost(ask: Any, training: TrainStatus, said: str) -> None:
    question = ask(state(POD, training)) or ""
    assert said in question
    assert "current epoch is lost" in question or "everything it has learned is lost" in question


@pytest.mark.parametrize("ask", [ask_pod_stop, ask_pod_restart, ask_pod_terminate])
def test_no_training_is_named_where_none_runs(ask: Any) -> None:
    assert "training of" not in (ask(state(POD, replace(RUNS, state=TrainState.DONE))) or "")
    assert "training of" not in (ask(state()) or "")


def test_terminating_loses_what_a_training_has_learned_unless_it_is_on_a_network_volume() -> None:
    assert "everything it has learned is lost" in (ask_pod_terminate(state(POD, RUNS)) or "")
    kept = replace(POD, volume_disk_gb=0, network_volume_id="v")
    assert "its current epoch is lost" in (ask_pod_terminate(state(kept, RUNS)) or "")


def test_terminating_names_the_models_that_were_trained_on_the_pod() -> None:
    old = replace(
        TRAINED, model="segmentation", started_at=NOW - timedelta(days=2), model_file="/workspace/s.pt"
    )
    question = ask_pod_terminate(state(POD, None, old, TRAINED, replace(TRAINED, started_at=NOW))) or ""
    assert f"deepedit (val_mean_dice 0.779, {FILE})" in question
    assert question.count("deepedit.pt") == 1
    assert "segmentation" not in question  # of another pod
    assert "not on this machine" in question


@pytest.mark.parametrize(
    ("pod", "path", "stop", "terminate"),
    [
        (POD, FILE, False, True),
        (POD, "/root/deepedit.pt", True, True),
        (replace(POD, volume_disk_gb=0), FILE, True, True),
        (replace(POD, volume_disk_gb=0, network_volume_id="v"), FILE, False, False),
        (replace(POD, created_at=None), FILE, False, True),
    ],
)
def test_only_models_that_are_lost_are_named(pod: Pod, path: str, stop: bool, terminate: bool) -> None:
    seen = state(pod, None, replace(TRAINED, model_file=path))
    assert (path in (ask_pod_stop(seen) or "")) == stop
    assert (path in (ask_pod_restart(seen) or "")) == stop
    assert (path in (ask_pod_terminate(seen) or "")) == terminate


def test_another_pod_has_no_training_of_this_one() -> None:
    other = about_pod(state(POD, RUNS, TRAINED), replace(POD, id="i2", name="other"))
    assert "training of" not in (ask_pod_stop(other) or "")
    assert FILE not in (ask_pod_terminate(other) or "")
