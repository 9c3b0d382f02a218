"""Copied labels are submitted to a server that lacks them, and deleted studies come back."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from labeltui.actions import BY_ID
from labeltui.domain.problems import Refused
from labeltui.domain.rules.pace import pace
from labeltui.domain.state import Identity, SessionState
from labeltui.operations.labels.offer import report_restorable
from labeltui.operations.run import command_line
from labeltui.session.labels.deleted import deletions, open_deletions
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.labels.restored_datastore import Datastore
from tests.virtual_time import in_virtual_time

ALICE = {"ts": 5, "name": "s1.nii.gz", "client_id": "alice", "label_info": [{"name": "spleen", "idx": 1}]}
BOB = {"ts": 5, "client_id": "bob"}


@asynccontextmanager
async def annotated(
    folder: Path, *, serves: bool = True, **settings: Any
) -> AsyncIterator[tuple[Desk, Datastore]]:
    """A server with two labelled studies, whose labels are copied. ``serves``: labeltui has started it."""
    labels = {"folder": str(folder / "labels"), "copy": False}
    async with desk(folder, serves=serves, labels=labels, **settings) as it:
        it.server.up = True
        store = Datastore(it)
        store.add("s1", {"strategy": {"random": {"client_id": "alice"}}})
        store.add("s2")
        store.label("s1", b"of alice", ALICE)
        store.label("s2", b"of bob", BOB)
        await it.run("labels.pull")
        yield it, store


@in_virtual_time
async def test_an_empty_server_gets_every_label_with_its_document(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        store.lose_labels()
        document = await it.run("labels.restore")
        again = await it.run("labels.restore")
    assert [row["who"] for row in document["restored"]] == ["alice", "bob"]
    assert (store.file("s1"), store.file("s2")) == (b"of alice", b"of bob")
    stored = store.objects["s1"]["labels"]["final"]["info"]
    assert stored == {**ALICE, "ts": stored["ts"], "submitted_ts": 5}
    assert (again["restored"], again["same"]) == ([], 2)


@in_virtual_time
async def test_queue_and_report_count_a_label_when_it_was_submitted_and_not_when_it_came_back(
    tmp_path: Path,
) -> None:
    async with annotated(tmp_path) as (it, store):
        await asyncio.sleep(700)
        at = store.now()
        store.label("s1", b"of this session", {**ALICE, "ts": at})
        for lost in (False, True, True):
            if lost:
                await asyncio.sleep(700)
                store.lose_labels()
                await it.run("labels.restore")
            await it.run("labels.pull")
            await it.session.pollers.queue.poll()
            state = it.session.store.state
            going = pace(state, it.session.clock())
            assert state.queue.value is not None
            times = {study.id: study.tags["final"].timestamp() for study in state.queue.value.studies}
            assert times == {"s1": at, "s2": 5}
            report = await it.run("report")
            assert going is not None
            assert (going.labels, report["labels"], report["studies"]) == (1, 1, 1)
            assert report["labels_by"] == {"alice": 1}
        shutil.rmtree(
            tmp_path / "labels"
        )  # another desk, whose copies are as new as the labels that came back
        await it.run("labels.pull")
        elsewhere = await it.run("report")
    assert (elsewhere["labels"], elsewhere["studies"], elsewhere["labels_by"]) == (1, 1, {"alice": 1})


@in_virtual_time
async def test_the_start_of_a_server_offers_the_labels_that_only_this_machine_has(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        await report_restorable(it.session, "/studies", it.report)
        assert not it.session.store.state.alerts
        store.lose_labels()
        await it.session.pollers.queue.poll()
        await report_restorable(it.session, "http://dicom/dicom-web", it.report)
        assert not it.session.store.state.alerts
        await report_restorable(it.session, "/studies", it.report)
        (alert,) = it.session.store.state.alerts
        assert alert.message == "2 studies have a final label on this machine, but not on the host."
        assert it.report.lines[-1].startswith(alert.message)
        await it.run("labels.restore")
        assert not it.session.store.state.alerts


@in_virtual_time
async def test_another_version_is_replaced_only_if_asked_and_copied_first(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        store.label("s1", b"newer", BOB)
        refused = await it.failing("labels.restore", studies=("s1",))
        left = await it.run("labels.restore")
        assert store.file("s1") == b"newer"
        await it.run("labels.restore", studies=("s1",), replace=True)
        assert store.file("s1") == b"of alice"
        listed = await it.run("labels.list")
    assert isinstance(refused, Refused)
    assert refused.problem.message == "The server has another version of final/s1.nii.gz."
    assert "--replace" in refused.problem.hint
    assert ([row["study"] for row in left["left"]], left["same"]) == (["s1"], 1)
    assert b"newer" in {path.read_bytes() for path in (tmp_path / "labels").rglob("*.nii.gz")}
    assert next(row for row in listed["labels"] if row["study"] == "s1")["versions"] == 2


@in_virtual_time
async def test_an_older_version_is_named_by_its_checksum(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        first = (await it.run("labels.list"))["labels"][0]["sha256"]
        store.label("s1", b"newer", BOB)
        await it.run("labels.pull")
        versions = (await it.run("labels.list", study="s1"))["labels"]
        misused = await it.failing("labels.restore", version=first[:8])
        await it.run("labels.restore", studies=("s1",), version=first[:8], replace=True)
    assert [(row["who"], row["present"]) for row in versions] == [("alice", True), ("bob", True)]
    assert versions[0]["sha256"] == first
    assert misused.problem.code == "bad_parameter"
    assert store.file("s1") == b"of alice"
    assert store.objects["s1"]["labels"]["final"]["info"]["client_id"] == "alice"


@in_virtual_time
async def test_what_can_not_be_submitted_is_named_and_stops_no_other(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        store.add("s3")
        store.label("s3", b"third", BOB)
        await it.run("labels.pull")
        store.lose_labels()
        (tmp_path / "labels/final/s1.nii.gz").write_bytes(b"painted over")
        store.refuses.add("s2")
        error = await it.failing("labels.restore")
    assert error.document is not None
    assert {row["study"]: row["why"] for row in error.document["failed"]} == {
        "s1": "its copy was changed on this machine",
        "s2": "The server failed while it answered PUT /datastore/label.",
    }
    assert [row["study"] for row in error.document["restored"]] == ["s3"]


@in_virtual_time
async def test_a_deleted_study_comes_back_with_its_labels(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        before = json.loads(json.dumps(store.objects))
        store.label("s1", b"newest", ALICE)  # not copied yet
        deleted = await it.run("studies.delete", study="s1")
        assert set(store.objects) == {"s2"}
        gone = await it.failing("studies.show", study="s1")
        back = await it.run("studies.restore", study="s1")
        unknown = await it.failing("studies.restore", study="s2")
    assert deleted["labels"].keys() == {"final"}
    assert "`labeltui studies restore s1` brings it back" in gone.problem.hint
    assert store.file("s1") == b"newest"
    assert store.objects["s1"]["image"] == before["s1"]["image"]
    assert store.files.get("~/studies/s1.nii.gz").data == b"image s1"
    assert back["message"].startswith("s1 is back: 1 labels submitted")
    assert unknown.problem.code == "not_found"


@in_virtual_time
async def test_one_label_is_deleted_and_comes_back(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        store.label("s1", b"of a model", {}, "original")
        await it.run("studies.delete", study="s1", label="original")
        assert store.objects["s1"]["labels"].keys() == {"final"}
        none = await it.failing("studies.delete", study="s1", label="original")
        await it.run("studies.restore", study="s1")
    assert store.file("s1", "original") == b"of a model"
    assert none.problem.message == "The server has no label original of s1."


@in_virtual_time
async def test_a_server_that_labeltui_did_not_start_is_deleted_from_and_restored_through_its_api(
    tmp_path: Path,
) -> None:
    async with annotated(tmp_path, serves=False) as (it, store):
        assert it.session.labels.on_host
        assert not (await it.run("status"))["labels"]["by_checksum"]
        store.label("s1", b"newest", {**ALICE, "ts": 6})  # not copied yet
        it.server.documents["GET", "/datastore/label"] = 500
        unread = await it.failing("studies.delete", study="s1")
        assert "s1" in store.objects
        store.serve(it)
        await it.run("studies.delete", study="s1", label="final")
        assert store.objects["s1"]["labels"] == {}
        back = await it.run("studies.restore", study="s1")
        assert store.file("s1") == b"newest"
        await it.run("studies.delete", study="s1")
        assert "s1" not in store.objects
        assert not it.host.agent.requests("read")
        await it.run("studies.restore", study="s1")
    assert unread.problem.code in ("not_copied", "server_error")
    assert back["message"].startswith("Labels of s1 are back: 1 labels submitted")
    assert (store.file("s1"), store.files.read("~/studies/s1.nii.gz")) == (b"newest", b"image s1")


@in_virtual_time
async def test_a_label_comes_back_although_the_server_still_lists_it_without_its_file(tmp_path: Path) -> None:
    async with annotated(tmp_path, serves=False) as (it, store):
        listed = store.objects["s1"]["labels"]["final"]
        await it.run("studies.delete", study="s1", label="final")
        store.objects["s1"]["labels"]["final"] = listed
        it.server.documents["GET", "/datastore/label"] = lambda asked: (
            store.file(asked.url.params["label"], asked.url.params["tag"]) or 404
        )
        root, queue = it.session.labels.folder.root, it.session.pollers.queue
        await queue.poll()
        still_open = open_deletions(root, it.session.store.state.queue.value)
        back = await it.run("studies.restore", study="s1")
        await queue.poll()
        closed = open_deletions(root, it.session.store.state.queue.value)
    assert [(one.study, list(one.labels)) for one in still_open] == [("s1", ["final"])]
    assert closed == []
    assert back["message"].startswith("Labels of s1 are back: 1 labels submitted")
    assert store.file("s1") == b"of alice"


@in_virtual_time
async def test_each_of_several_deletions_of_a_study_can_be_undone(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        store.label("s1", b"of a model", {}, "original")
        await it.run("studies.delete", study="s1", label="original")
        await it.run("studies.delete", study="s1", label="final")
        root = it.session.labels.folder.root
        last, first = deletions(root)
        await it.session.pollers.queue.poll()
        assert open_deletions(root, it.session.store.state.queue.value) == [last, first]
        wrong = await it.failing("studies.restore", study="s1", at="yesterday")
        await it.run("studies.restore", study="s1", at=first.at)
        await it.session.pollers.queue.poll()
        assert open_deletions(root, it.session.store.state.queue.value) == [last]
        await it.run("studies.restore", study="s1")
    assert (store.file("s1", "original"), store.file("s1")) == (b"of a model", b"of alice")
    assert wrong.problem.code == "not_found"
    assert (last.at in wrong.problem.hint, first.at in wrong.problem.hint) == (True, True)


@in_virtual_time
async def test_a_study_is_not_called_back_when_the_server_has_it_already(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        store.add("s9")
        await it.run("studies.delete", study="s9")
        store.add("s9")
        there = await it.run("studies.restore", study="s9")
    assert there["message"] == "Nothing of s9 was brought back: the server has its image."


@in_virtual_time
async def test_a_label_that_another_one_has_replaced_does_not_come_back_and_that_fails(
    tmp_path: Path,
) -> None:
    async with annotated(tmp_path) as (it, store):
        await it.run("studies.delete", study="s1", label="final")
        store.label("s1", b"another", BOB)
        error = await it.failing("studies.restore", study="s1")
    assert (error.exit_code, error.problem.code) == (1, "labels_differ")
    assert error.problem.message.startswith("Nothing of s1 was brought back: 1 differs on the server")
    assert "labels restore s1 --tag final --version " in error.problem.hint
    assert store.file("s1") == b"another"


@in_virtual_time
async def test_nothing_is_deleted_that_can_not_be_copied(tmp_path: Path) -> None:
    async with annotated(tmp_path) as (it, store):
        store.label("s1", b"newest", ALICE)
        it.host.agent.label_problems["final", "s1.nii.gz"] = "the host can't read it"
        error = await it.failing("studies.delete", study="s1")
    assert error.problem.code == "not_copied"
    assert "s1" in store.objects
    assert not (tmp_path / "labels/deleted").exists()


@in_virtual_time
async def test_neither_image_nor_final_label_is_deleted_from_a_dicom_server(tmp_path: Path) -> None:
    async with desk(tmp_path, server={"studies": "http://127.0.0.1:8042/dicom-web"}) as it:
        it.serve(studies="http://127.0.0.1:8042/dicom-web")
        image = await it.failing("studies.delete", study="1.2")
        label = await it.failing("studies.delete", study="1.2", label="final")
        other = await it.failing("studies.delete", study="1.2", label="original")
    assert (image.problem.code, label.problem.code) == ("not_permitted", "not_permitted")
    assert (
        image.problem.message
        == "The image of 1.2 is on the DICOM server, from which MONAI Label can't delete."
    )
    assert "delete the SEG series of the label with" in label.problem.hint
    assert other.problem.code == "not_found"  # it would be a file on the host


@pytest.mark.parametrize(
    ("given", "question", "command"),
    [
        (
            {"studies": ("a b", "c")},
            "Submit the copied labels of a b, c that",
            "labeltui labels restore 'a b' c --yes",
        ),
        ({}, "Submit the copied labels of every study that", "labeltui labels restore --yes"),
    ],
)
def test_the_question_names_the_studies(given: dict[str, Any], question: str, command: str) -> None:
    action = BY_ID["labels.restore"]
    assert (action.ask(SessionState(Identity("p")), given) or "").startswith(question)
    assert command_line(action, action.takes.of(given)) == command
