"""The models that end with a pod are named unless they are on this machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from labeltui.actions.models import MODELS_PUSH
from labeltui.domain.models import HostModel, ModelCopy, ModelFile, Models
from labeltui.domain.reading import Reading
from labeltui.domain.rules.ended_work import work_note
from labeltui.domain.rules.pod import about_pod
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import TrainState
from labeltui.domain.training.record import TrainingRecord
from tests.ui.sample_pods import OWN

NOW = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)
ROOT = "/root/apps/radiology/model"
FILE = ModelFile("deepedit_dynunet.pt", 4, 0, "ab" * 32)
COPY = ModelCopy("deepedit", FILE.name, "ab" * 32, 4, NOW, NOW, "pod", "/desk/a.pt")
POD = replace(OWN, id="pod", created_at=NOW - timedelta(hours=2), volume_disk_gb=0, network_volume_id=None)


def state(*copies: ModelCopy, read_at: datetime = NOW, source: str = "pod") -> SessionState:
    model = HostModel("deepedit", FILE.name, FILE)
    models = Models(ROOT, source, "/desk", (model,), copies)
    return SessionState(Identity("p"), pod=Reading(POD, NOW), models=Reading(models, read_at))


def trained(at: datetime, file: str = FILE.name) -> TrainingRecord:
    return TrainingRecord(
        "deepedit", at - timedelta(hours=1), TrainState.DONE, ended_at=at, model_file=f"{ROOT}/{file}"
    )


def test_a_model_that_is_here_is_not_named() -> None:
    done = (trained(NOW - timedelta(minutes=5)),)
    assert "deepedit_dynunet.pt" in work_note(replace(state(), trainings=done), "terminate")
    assert work_note(replace(state(COPY), trainings=done), "terminate") == ""


def test_a_model_that_is_here_is_not_named_if_its_folder_is_reached_through_a_link() -> None:
    real = "/workspace/apps/radiology/model"
    done = (replace(trained(NOW - timedelta(minutes=5)), model_file=f"{real}/{FILE.name}"),)
    here = state(COPY)
    assert here.models.value is not None
    linked = replace(here, trainings=done, models=Reading(replace(here.models.value, real_root=real), NOW))
    assert work_note(linked, "terminate") == ""
    elsewhere = replace(done[0], model_file=f"{real}2/{FILE.name}")
    assert "not on this machine" in work_note(replace(linked, trainings=(elsewhere,)), "terminate")


def test_a_model_that_no_training_is_known_of_is_named() -> None:
    assert f"deepedit ({ROOT}/deepedit_dynunet.pt)" in work_note(state(), "terminate")


def test_a_training_after_the_last_reading_may_have_published_another() -> None:
    later = (trained(NOW + timedelta(minutes=5)),)
    assert "not on this machine" in work_note(replace(state(COPY), trainings=later), "terminate")


def test_the_models_of_another_host_say_nothing_of_this_pod() -> None:
    done = (trained(NOW - timedelta(minutes=5)),)
    assert "not on this machine" in work_note(
        replace(state(COPY, source="other"), trainings=done), "terminate"
    )
    other = replace(POD, id="other")
    assert work_note(about_pod(state(), other), "terminate") == ""


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        (state(COPY), "It replaces the published model, which is on this machine."),
        (state(), "It replaces the published model, which is copied to this machine first."),
        (
            SessionState(Identity("p")),
            "A trained model that it replaces there is copied to this machine first.",
        ),
    ],
)
def test_the_question_before_a_model_is_sent_names_what_it_replaces(
    asked: SessionState, question: str
) -> None:
    text = MODELS_PUSH.ask(asked, {"model": "deepedit", "version": "ab\x1b[31m"})
    assert text is not None
    assert text.startswith("Send version ab [31m to the host as deepedit?")
    assert text.endswith(question)


def test_nothing_is_replaced_on_a_host_without_a_trained_model() -> None:
    models = Models(ROOT, "pod", "/desk", (HostModel("deepedit", FILE.name),))
    text = MODELS_PUSH.ask(replace(state(), models=Reading(models, NOW)), {"model": "deepedit"})
    assert text == "Send the newest version on this machine to the host as deepedit?"
