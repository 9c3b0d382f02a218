"""A training that is known to fail is refused before a request is sent to the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import desk
from tests.unit.operations.training.recorded_training import body
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_the_profiles_first_model_is_trained_with_the_trainers_defaults(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, server={"models": ["deepedit"]}) as it:
        document = await it.run("train.start")
        entry = it.session.journal.entries[-1]
    sent = body(it)
    assert (document["state"], document["model"]) == ("running", "deepedit")
    assert sent["path"] == "/train/deepedit"
    assert (sent["dataset"], sent["dataloader"], sent["tracking"]) == ("Dataset", "DataLoader", "None")
    assert (entry.command, entry.outcome) == ("labeltui train start", "done")


@in_virtual_time
async def test_a_model_that_the_running_server_can_train_is_chosen(tmp_path: Path) -> None:
    info = recorded("info")
    info["trainers"] = {"deepedit": info["trainers"]["deepedit"]}
    for models in (["segmentation", "deepedit"], ["segmentation"], ["all"]):
        async with desk(tmp_path, serves=True, server={"models": models}) as it:
            it.server.documents["GET", "/info/"] = info
            document = await it.run("train.start")
        assert document["model"] == "deepedit"


@in_virtual_time
async def test_what_is_asked_for_this_once_is_sent_in_its_type(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.run(
            "train.start", model="deepedit", max_epochs=2, param={"val_split": "0.5", "pretrained": "no"}
        )
        entry = it.session.journal.entries[-1]
    sent = body(it)
    assert (sent["max_epochs"], sent["val_split"], sent["pretrained"]) == (2, 0.5, False)
    assert entry.command == (
        "labeltui train start deepedit --max-epochs 2 --param val_split 0.5 --param pretrained no"
    )


@in_virtual_time
async def test_a_training_that_runs_is_not_disturbed_unless_it_may_queue(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.run("train.start", model="deepedit")
        refused = await it.failing("train.start", model="deepedit")
        it.server.documents["POST", "/train/*"] = lambda request: (
            {
                **recorded("train_post"),
                "id": "queued",
            }
            if request.url.params.get("enqueue") == "true"
            else 429
        )
        it.server.tasks.append({**recorded("train_post"), "id": "queued", "details": []})
        queued = await it.run("train.start", model="deepedit", enqueue=True)
    assert refused.problem.code == "already_training"
    assert queued["state"] == "running"


@in_virtual_time
async def test_damaged_labels_are_named_before_a_training_and_trained_on_only_if_asked(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.put_label("sound.nii.gz")
        it.put_label("case_04.nii.gz", b"")
        await it.session.store.wait_for(lambda s: bool(s.labels.value and s.labels.value.damaged), 20)
        error = await it.failing("train.start", model="deepedit")
        assert not it.server.tasks
        document = await it.run("train.start", model="deepedit", damaged_labels=True)
    assert error.problem.code == "labels_damaged"
    assert error.problem.message == "1 final label is empty or cut off: case_04."
    assert document["state"] == "running"


@pytest.mark.parametrize(
    ("info", "params", "code"),
    [
        ({}, {"model": "unheard_of"}, "unknown_model"),
        ({"trainers": {}}, {}, "unknown_model"),
        ({"datastore": {"total": 3, "completed": 0}}, {"model": "deepedit"}, "no_labels"),
        ({}, {"model": "deepedit", "param": {"val_split": "half"}}, "bad_parameter"),
    ],
)
@in_virtual_time
async def test_what_can_not_work_is_refused_before_the_server_is_asked(
    tmp_path: Path, info: dict[str, Any], params: dict[str, Any], code: str
) -> None:
    async with desk(tmp_path, serves=True) as it:
        it.server.documents["GET", "/info/"] = {**recorded("info"), **info}
        error = await it.failing("train.start", **params)
    assert error.problem.code == code
    assert not it.server.tasks


@pytest.mark.parametrize(("fit", "refused"), [(0, True), (1, True), (2, False)])
@in_virtual_time
async def test_a_detection_bundle_starts_only_on_boxes(tmp_path: Path, fit: int, refused: bool) -> None:
    async with desk(tmp_path, serves=True) as it:
        info = recorded("info")
        it.server.documents["GET", "/info/"] = {
            **info,
            "trainers": {"lung_nodule_ct_detection": info["trainers"]["deepedit"]},
        }
        labels = ["a.json" if at < fit else "a.nii.gz" for at in range(2)]
        listed = [
            {"image": f"/s/{at}.nii.gz", "label": f"/s/labels/final/{name}"} for at, name in enumerate(labels)
        ]
        it.server.documents["GET", "/datastore/"] = lambda request: (
            listed if request.url.params.get("output") == "train" else recorded("datastore_stats")
        )
        if not refused:
            await it.run("train.start", model="lung_nodule_ct_detection")
            return
        error = await it.failing("train.start", model="lung_nodule_ct_detection")
    assert error.problem.code == "labels_not_boxes"
    assert f"{fit} of 2 final labels" in error.problem.message
    assert "JSON" in error.problem.message
    assert not it.server.tasks


@in_virtual_time
async def test_without_a_model_in_the_profile_the_first_trainer_is_used(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, server={"models": []}) as it:
        document = await it.run("train.start")
    assert document["model"] == next(iter(recorded("info")["trainers"]))


@in_virtual_time
async def test_without_a_server_nothing_is_trained(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        error = await it.failing("train.start")
    assert (error.problem.code, error.exit_code) == ("server_down", 4)
