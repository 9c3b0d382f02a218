"""Exports of labels: what is chosen, and that a destination is whole or absent."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.studies.review import META
from labeltui.operations.export import files
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

ANNA, BEN = "anna", "ben"


def put(it: Desk, name: str, data: bytes, *, tag: str = "final", who: str = "", status: str = "") -> None:
    """Add a label on the host, and the server's document of it."""
    it.host.files.write(f"~/studies/labels/{tag}/{name}", data)
    study = name.partition(".")[0]
    infos = it.server.documents.setdefault(("GET", "/datastore/label/info"), InfoAnswers())
    infos.by_label[study, tag] = {"client_id": who, META: {"status": status}}


class InfoAnswers:
    """The server's documents of labels, by (study, tag)."""

    def __init__(self) -> None:
        self.by_label: dict[tuple[str, str], dict[str, Any]] = {}

    def __call__(self, request: Any) -> Any:
        asked = request.url.params
        return self.by_label.get((asked.get("label") or asked.get("image"), asked.get("tag")), 404)


def names_in(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def only(place: Path) -> list[str]:
    return sorted(one.name for one in place.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["all", "all.zip"])
@in_virtual_time
async def test_labels_in_nrrd_keep_their_bytes_and_endings(tmp_path: Path, place: Path, name: str) -> None:
    labels = {"s1.nrrd": b"of s1", "s2.seg.nrrd": b"of s2", "s3.nii.gz": b"of s3"}
    async with desk(tmp_path, serves=True) as it:
        for label, data in labels.items():
            put(it, label, data)
        await it.run("labels.export", dest=str(place / name))
    if name.endswith(".zip"):
        with zipfile.ZipFile(place / name) as packed:
            found = {label: packed.read(f"final/{label}") for label in labels}
    else:
        found = {label: (place / name / "final" / label).read_bytes() for label in labels}
    assert found == labels


@in_virtual_time
async def test_a_folder_has_the_newest_versions_and_a_list_of_them(tmp_path: Path, place: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"first")
        await it.run("labels.pull")
        put(it, "s1.nii.gz", b"second version", who=ANNA)
        put(it, "s2.nii.gz", b"two", tag="original")
        document = await it.run("labels.export", dest=str(place / "out"), tag=["all"])
    assert names_in(place / "out") == ["final/s1.nii.gz", "labels.json", "original/s2.nii.gz"]
    assert (place / "out/final/s1.nii.gz").read_bytes() == b"second version"
    listed = json.loads((place / "out/labels.json").read_text())
    assert listed["labels"] == document["exported"]
    assert [(one["study"], one["tag"], one["who"]) for one in listed["labels"]] == [
        ("s1", "final", ANNA), ("s2", "original", None),
    ]  # fmt: skip
    assert document["message"] == f"2 labels exported to {place / 'out'}"
    assert document["missing"] is None
    assert only(place) == ["out"]
    assert (place / "out").stat().st_mode & 0o077 == 0


@in_virtual_time
async def test_every_version_lies_below_versions(tmp_path: Path, place: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"first")
        await it.run("labels.pull")
        put(it, "s1.nii.gz", b"second version")
        both = await it.run("labels.export", dest=str(place / "both"), version=["all"])
        digest = both["exported"][0]["sha256"]
        one = await it.run("labels.export", dest=str(place / "one"), version=[digest[:8]])
    assert [Path(one["file"]).parts[0] for one in both["exported"]] == ["versions", "final"]
    assert (place / "one" / one["exported"][0]["file"]).read_bytes() == b"first"


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"tag": ["original"]}, ["s2"]),
        ({"annotator": [BEN]}, ["s3"]),
        ({"review": ["approved"]}, ["s1"]),
        ({"review": ["none", "flagged"]}, ["s3"]),
        ({}, ["s1", "s3"]),
        ({"tag": ["all"]}, ["s1", "s2", "s3"]),
        ({"study": ["s1", "s3"], "annotator": [ANNA, BEN]}, ["s1", "s3"]),
    ],
)
@in_virtual_time
async def test_labels_are_chosen(tmp_path: Path, place: Path, chosen: Any, found: list[str]) -> None:
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"one", who=ANNA)
        put(it, "s2.nii.gz", b"two", tag="original")
        put(it, "s3.nii.gz", b"three", who=BEN, status="flagged")
        await it.run("labels.pull")
        # A review after the copy counts too.
        it.server.documents["GET", "/datastore/label/info"].by_label["s1", "final"][META] = {
            "status": "approved"
        }
        document = await it.run("labels.export", dest=str(place / "out"), **chosen)
    assert [one["study"] for one in document["exported"]] == found


@in_virtual_time
async def test_an_unknown_annotator_is_not_taken_for_another(tmp_path: Path, place: Path) -> None:
    async with desk(tmp_path) as it:
        put(it, "s1.nii.gz", b"one", who=ANNA)
        error = await it.failing("labels.export", dest=str(place / "out"), annotator=[ANNA])
        assert "does not know who submitted 1 label" in error.problem.message
        assert "labeltui server start" in error.problem.hint
        it.serve()
        await it.run("labels.pull")
        it.server.up = False
        put(it, "s2.nii.gz", b"two", who=ANNA)
        document = await it.run("labels.export", dest=str(place / "out"), annotator=[ANNA])
    assert [one["study"] for one in document["exported"]] == ["s1"]
    assert "does not know who submitted 1 label, so" in document["message"]


@in_virtual_time
async def test_labels_of_models_alone_are_named_by_their_tag(tmp_path: Path, place: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"one", tag="original")
        error = await it.failing("labels.export", dest=str(place / "out"))
        ben = await it.failing("labels.export", dest=str(place / "out"), annotator=[BEN])
        put(it, "s2.nii.gz", b"two", who=ANNA)
        await it.run("labels.pull")
        document = await it.run("labels.export", dest=str(place / "out"), study=["s1", "s2", "nosuch"])
    assert "original" in error.problem.message
    assert "--tag all" in error.problem.hint
    assert "tag" not in ben.problem.message  # no label of Ben has another tag either
    assert [one["study"] for one in document["exported"]] == ["s2"]
    assert document["missing"] == "no label of nosuch, s1 matches"


@in_virtual_time
@pytest.mark.posix
async def test_a_zip_file_has_the_same_content(tmp_path: Path, place: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"one")
        put(it, "\x1bs2.nrrd", b"two")
        document = await it.run("labels.export", dest=str(place / "out.zip"))
    with zipfile.ZipFile(place / "out.zip") as packed:
        assert packed.testzip() is None
        assert sorted(packed.namelist()) == ["final/%1Bs2.nrrd", "final/s1.nii.gz", "labels.json"]
    assert document["format"] == "zip"
    assert only(place) == ["out.zip"]
    assert (place / "out.zip").stat().st_mode & 0o077 == 0


@in_virtual_time
async def test_an_earlier_export_is_replaced_only_when_asked(tmp_path: Path, place: Path) -> None:
    dest = str(place / "out")
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"one")
        await it.run("labels.export", dest=dest)
        put(it, "s2.nii.gz", b"two")
        error = await it.failing("labels.export", dest=dest)
        before = names_in(place / "out")
        await it.run("labels.export", dest=dest, replace=True, tag=["final"], study=["s2"])
    assert error.problem.code == "exists"
    assert error.problem.offers == ("export.replace",)
    assert before == ["final/s1.nii.gz", "labels.json"]
    assert names_in(place / "out") == ["final/s2.nii.gz", "labels.json"]
    assert only(place) == ["out"]


@pytest.mark.parametrize("name", ["folder", "file.zip", "link"])
@in_virtual_time
async def test_what_labeltui_has_not_made_is_never_replaced(tmp_path: Path, place: Path, name: str) -> None:
    (place / "folder").mkdir()
    (place / "folder" / "thesis.tex").write_text("years of work")
    (place / "file.zip").write_text("not even a zip file")
    (place / "link").symlink_to(place / "folder")
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"one")
        error = await it.failing("labels.export", dest=str(place / name), replace=True)
    assert "no export of labeltui" in error.problem.message
    assert (place / "folder" / "thesis.tex").exists()
    assert only(place) == ["file.zip", "folder", "link"]


@in_virtual_time
async def test_changed_and_missing_copies_are_left_out_and_named(tmp_path: Path, place: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        for name in ("s1", "s2", "s3"):
            put(it, f"{name}.nii.gz", name.encode())
        await it.run("labels.pull")
        await it.session.close()
        folder = it.session.labels.folder.root / "final"
        (folder / "s1.nii.gz").write_bytes(b"edited")
        (folder / "s2.nii.gz").unlink()
        document = await it.run("labels.export", dest=str(place / "out.zip"))
        (folder / "s3.nii.gz").unlink()
        error = await it.failing("labels.export", dest=str(place / "none"))
    assert [one["study"] for one in document["exported"]] == ["s3"]
    assert {one["study"]: one["why"] for one in document["left_out"]} == {
        "s1": "its copy was changed on this machine", "s2": "its copy is missing on this machine",
    }  # fmt: skip
    assert "only copies on this machine" in document["missing"]
    assert error.problem.code == "studies_left_out"
    assert "labels verify" in error.problem.hint
    assert only(place) == ["out.zip"]


@pytest.mark.parametrize("name", ["out", "out.zip"])
@in_virtual_time
async def test_a_failed_export_leaves_nothing(
    tmp_path: Path, place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"one")

        def full(*_: Any) -> str:
            raise OSError(28, "No space left on device", str(place / name))

        monkeypatch.setattr(files, "contents", full)
        error = await it.failing("labels.export", dest=str(place / name))
    assert "the disk is full" in error.problem.message
    assert only(place) == []


@in_virtual_time
async def test_wrong_parameters_are_refused(tmp_path: Path, place: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        put(it, "s1.nii.gz", b"one")
        state = await it.failing("labels.export", dest=str(place / "out"), review=["good"])
        parent = await it.failing("labels.export", dest=str(place / "no" / "out"))
        none = await it.failing("labels.export", dest=str(place / "out"), study=["other"])
        kind = await it.failing("labels.export", dest=str(place / "out"), format="zip")
    assert "approved, flagged, none" in state.problem.hint
    assert "There is no folder" in parent.problem.message
    assert none.problem.code == "not_found"
    assert "must end in .zip" in kind.problem.message
    assert only(place) == []
