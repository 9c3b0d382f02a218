"""The copies of the labels from the command line: copied, compared, listed."""

from __future__ import annotations

from pathlib import Path

from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

OFF = {"copy": False}


@in_virtual_time
async def test_pull_copies_what_is_not_here_even_where_the_profile_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    async with desk(tmp_path, serves=True, labels={**OFF, "folder": str(folder)}) as it:
        it.put_label("s1.nii.gz", b"one")
        it.put_label("s2.nii.gz", b"two")
        document = await it.run("labels.pull")
        again = await it.run("labels.pull")
    assert sorted(document["copied"]) == ["final/s1.nii.gz", "final/s2.nii.gz"]
    assert document["message"] == f"2 copied, 2 of 2 labels are in {folder}"
    assert again["message"] == f"2 of 2 labels are in {folder}"
    assert [(folder / "final" / name).read_bytes() for name in ("s1.nii.gz", "s2.nii.gz")] == [b"one", b"two"]
    assert "is copied, 2 of 2" in it.report.lines[-1]
    assert not it.session.journal.entries  # it changes nothing that could be lost


@in_virtual_time
async def test_pull_fails_with_its_document_where_a_label_can_not_be_copied(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, labels={**OFF, "folder": str(tmp_path / "labels")}) as it:
        it.put_label("s1.nii.gz")
        (tmp_path / "labels").mkdir()
        (tmp_path / "labels" / "final").write_text("a file where the folder should be")
        error = await it.failing("labels.pull")
    assert error.problem.code == "labels_not_copied"
    assert error.problem.message.startswith("1 label is not on this machine: ")
    assert error.document is not None
    assert error.document["copied"] == []


@in_virtual_time
async def test_verify_says_what_is_missing_differs_and_is_older(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    async with desk(tmp_path, serves=True, labels={**OFF, "folder": str(folder)}) as it:
        for name in ("same", "touched", "again", "gone", "deleted"):
            it.put_label(f"{name}.nii.gz", name.encode())
        await it.run("labels.pull")
        same = await it.run("labels.verify")
        it.put_label("again.nii.gz", b"a newer one")
        await it.run("labels.pull")
        (folder / "final" / "touched.nii.gz").write_bytes(b"painted over")
        it.host.files.remove("~/studies/labels/final/gone.nii.gz")
        (folder / "final" / "deleted.nii.gz").unlink()
        it.put_label("new.nii.gz", b"new")
        error = await it.failing("labels.verify")
        await it.run("labels.pull")
        older = [path.read_bytes() for path in (folder / "versions").rglob("*.nii.gz")]
    assert (same["same"], same["error"]) == (5, None)
    document = error.document
    assert document is not None
    rows = {(row["file"], row["state"]) for row in document["labels"]}
    assert ("new.nii.gz", "missing") in rows
    assert ("deleted.nii.gz", "missing") in rows
    assert ("gone.nii.gz", "only_here") in rows
    assert ("again.nii.gz", "older") in rows
    assert ("touched.nii.gz", "differs") in rows
    assert error.problem.code == "labels_differ"
    assert b"painted over" in older  # what a person made of a copy is not thrown away
    assert error.problem.message.startswith("2 labels are missing here, and 1 differ")


@in_virtual_time
async def test_the_list_needs_no_host_and_counts_versions(tmp_path: Path) -> None:
    labels = {**OFF, "folder": str(tmp_path / "labels")}
    async with desk(tmp_path, serves=True, labels=labels) as it:
        it.put_label("s1.nii.gz", b"one")
        await it.run("labels.pull")
        it.put_label("s1.nii.gz", b"one again")
        it.put_label("s2.nii.gz", b"two")
        await it.run("labels.pull")
    (tmp_path / "labels" / "final" / "s2.nii.gz").unlink()
    async with desk(tmp_path, start=False, labels=labels) as it:
        document = await it.run("labels.list")
    rows = {row["file"]: row for row in document["labels"]}
    assert document["total"] == 2
    assert (rows["final/s1.nii.gz"]["versions"], rows["final/s1.nii.gz"]["present"]) == (2, True)
    assert (rows["final/s2.nii.gz"]["versions"], rows["final/s2.nii.gz"]["present"]) == (1, False)
    assert rows["final/s1.nii.gz"]["tag"] == "final"
