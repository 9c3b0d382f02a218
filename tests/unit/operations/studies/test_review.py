"""Reviews as Slicer's Reviewer stores them, and everything that is known of one study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx

from labeltui.domain.studies.review import without_unreadable
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

INFO = "/datastore/label/info"


def stores_infos(it: Desk, infos: dict[tuple[str, str], dict[str, Any]]) -> None:
    """The server merges what is put into a label's info, as MONAI Label does."""

    def key(request: httpx.Request) -> tuple[str, str]:
        return request.url.params["label"], request.url.params["tag"]

    def put(request: httpx.Request) -> Any:
        infos[key(request)].update(json.loads(parse_qs(request.content.decode())["info"][0]))
        return httpx.Response(200, json=None)

    it.server.documents["GET", INFO] = lambda request: httpx.Response(200, json=infos.get(key(request), {}))
    it.server.documents["PUT", INFO] = put


@in_virtual_time
async def test_a_review_is_stored_as_the_reviewer_stores_it_and_can_be_taken_back(tmp_path: Path) -> None:
    former = {"status": "flagged", "approvedBy": "eve", "level": "easy", "comment": "rim", "editTime": 7}
    infos = {("a", "final"): {"client_id": "ana"}, ("b", "final"): {"segmentationMeta": dict(former)}}
    async with desk(tmp_path, serves=True) as it:
        stores_infos(it, infos)
        done = await it.run("studies.review", studies=("a", "b"), status="approved", level="hard")
        stored = {study: dict(info["segmentationMeta"]) for (study, _), info in infos.items()}  # type: ignore[call-overload]
        await it.run("studies.review", studies=("b",), comment="$(x) [b]; 'q'")
        comment = infos["b", "final"]["segmentationMeta"]["comment"]  # type: ignore[index]
        await it.run("studies.review", studies=("a",), undo=True)
        now = int(it.session.clock().timestamp())
    assert done["message"] == "2 labels reviewed"
    assert done["reviewed"][1]["before"] == former
    assert stored["a"] == {
        "status": "approved", "approvedBy": "labeltui", "level": "hard", "comment": "",
        "editTime": stored["a"]["editTime"],
    }  # fmt: skip
    assert 0 <= now - stored["a"]["editTime"] < 60
    assert (stored["b"]["status"], stored["b"]["level"], stored["b"]["comment"]) == (
        "approved",
        "hard",
        "rim",
    )
    assert comment == "$(x) [b]; 'q'"
    assert infos["a", "final"] == {"client_id": "ana", "segmentationMeta": {}}


@in_virtual_time
async def test_approving_a_label_withdraws_the_approval_of_the_studys_others(tmp_path: Path) -> None:
    datastore = recorded("datastore_all")
    study, entry = next((name, one) for name, one in datastore["objects"].items() if "final" in one["labels"])
    entry["labels"]["original"] = {"ext": ".nii.gz", "info": {}}
    infos: dict[tuple[str, str], dict[str, Any]] = {
        (study, "final"): {"ts": 1},
        (study, "original"): {"segmentationMeta": {"status": "approved", "comment": "c"}},
    }
    async with desk(tmp_path, serves=True) as it:
        it.server.datastore = datastore
        stores_infos(it, infos)
        await it.run("studies.list")
        it.session.pollers.queue.wake()
        await it.run("studies.review", studies=(study,), status="approved")
    assert infos[study, "final"]["segmentationMeta"]["status"] == "approved"
    assert infos[study, "original"]["segmentationMeta"] == {"status": "", "comment": "c"}


@in_virtual_time
async def test_what_can_not_be_reviewed_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    infos: dict[tuple[str, str], dict[str, Any]] = {("a", "final"): {"ts": 1}}
    async with desk(tmp_path, serves=True) as it:
        stores_infos(it, infos)
        nothing = await it.failing("studies.review", studies=("a",))
        never = await it.failing("studies.review", studies=("a",), undo=True)
        error = await it.failing("studies.review", studies=("x\x1b", "a"), status="flagged")
    assert (nothing.problem.code, nothing.exit_code) == ("bad_parameter", 2)
    assert "has not replaced a review" in never.problem.message
    assert error.problem.code == "not_reviewed"
    assert "no label final" in error.problem.message
    assert "\x1b" not in error.problem.message
    assert infos["a", "final"]["segmentationMeta"]["status"] == "flagged"


@in_virtual_time
async def test_a_label_whose_tag_the_reviewer_can_not_read_is_not_reviewed(tmp_path: Path) -> None:
    infos: dict[tuple[str, str], dict[str, Any]] = {
        ("a", "final_ana"): {"ts": 1},
        ("a", "version_2"): {"ts": 1},
    }
    async with desk(tmp_path, serves=True) as it:
        stores_infos(it, infos)
        error = await it.failing("studies.review", studies=("a",), label="final_ana", status="flagged")
        await it.run("studies.review", studies=("a",), label="version_2", status="flagged")
    assert "would open no study" in error.problem.message
    assert infos["a", "final_ana"] == {"ts": 1}
    assert infos["a", "version_2"]["segmentationMeta"]["status"] == "flagged"


def test_a_reading_that_is_stored_under_another_tag_has_no_review_that_the_reviewer_can_not_read() -> None:
    info = {"client_id": "ana", "segmentationMeta": {"status": "flagged"}}
    assert without_unreadable(info, "final_ana") == {"client_id": "ana"}
    assert without_unreadable(info, "final") == info


@in_virtual_time
async def test_a_study_is_shown_with_its_labels_copies_and_history(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        stores_infos(it, {("case_000", "final"): {"segmentationMeta": {"status": "approved"}}})
        it.server.documents["GET", "/datastore/image/info"] = {
            "path": "/root/studies/case_000.nii.gz",
            "ts": 1,
        }
        it.put_label("case_000.nii.gz", b"label of case 0")
        await it.run("labels.pull")
        document = await it.run("studies.show", study="case_000")
        unknown = await it.failing("studies.show", study="case_\x1bx")
    final = next(label for label in document["labels"] if label["tag"] == "final")
    assert document["state"] == "final"
    assert document["image"] == {"path": "/root/studies/case_000.nii.gz"}
    assert final["review"] == {"status": "approved"}
    assert [copy["size"] for copy in final["copies"]] == [15]
    assert (tmp_path / "labels" / final["copies"][0]["file"]).read_bytes() == b"label of case 0"
    assert {event["event"] for event in document["history"]} <= {"fetch", "label"}
    assert unknown.problem.code == "not_found"
    assert "\x1b" not in unknown.problem.message
