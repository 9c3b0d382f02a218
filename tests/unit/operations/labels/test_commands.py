"""The copies of the labels from the command line: copied, compared, listed."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.checks import Verdict
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.operations.doctor.host import labels_check
from labeltui.session.labels.transports import FileTransport
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
async def test_labels_of_models_are_counted_apart_from_the_peoples(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    settings = {**OFF, "folder": str(folder)}
    async with desk(tmp_path, serves=True, labels=settings) as it:
        it.put_label("s1.nii.gz", b"one")
        for name in ("s1.nii.gz", "s2.nii.gz"):
            it.host.files.write(f"~/studies/labels/original/{name}", b"by a model")
        document = await it.run("labels.pull")
    assert document["message"].endswith(f"1 of 1 labels and 2 of 2 that models made are in {folder}")
    assert (document["total"], document["by_models"], document["by_models_here"]) == (3, 2, 2)
    async with desk(tmp_path, start=False, labels=settings) as it:  # the counts of the session before
        stored = it.session.store.state.labels.value
        assert stored is not None
        assert (stored.people_here, stored.people) == (1, 1)


@in_virtual_time
async def test_pull_connects_again_and_copies_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "labels"
    async with desk(tmp_path, serves=True, labels={**OFF, "folder": str(folder)}) as it:
        for number in range(20):
            it.put_label(f"s{number:02}.nii.gz", b"label %d" % number)
        fetch, count = FileTransport.fetch, 0

        async def cut(*given: Any) -> None:
            nonlocal count
            count += 1
            if count in (5, 15):
                it.host.drop()
                raise Unreachable(Code.CONNECTION_LOST, "The connection was lost.")
            await fetch(*given)

        monkeypatch.setattr(FileTransport, "fetch", cut)
        document = await it.run("labels.pull")
    lost = "The connection was lost. labeltui connects again and copies the rest."
    assert it.report.lines.count(lost) == 2
    assert (document["here"], len(set(document["copied"])), len(document["copied"])) == (20, 20, 20)


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


CUT = gzip.compress(bytes(range(256)) * 40)[:-20]
"""What a disk leaves of a label that filled up while the server wrote it."""


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "the file is empty"), (CUT, "the file ends too early")], ids=["empty", "cut"]
)
@in_virtual_time
async def test_a_damaged_label_is_copied_but_is_not_counted_as_here(
    tmp_path: Path, content: bytes, why: str
) -> None:
    folder = tmp_path / "labels"
    async with desk(tmp_path, serves=True, labels={**OFF, "folder": str(folder)}) as it:
        it.put_label("good.nii.gz", gzip.compress(b"good"))
        it.put_label("bad.nii.gz", content)
        error = await it.failing("labels.pull")
        lines = (folder / "index.jsonl").read_text().splitlines()
        again = await it.failing("labels.pull")
        listed = await it.run("labels.list")
        alerts = [alert.message for alert in it.session.store.state.alerts if alert.key == "labels"]
    assert error.problem.message == again.problem.message
    assert f"final/bad.nii.gz: {why}" in error.problem.message
    assert "Slicer" in error.problem.hint
    assert error.document is not None
    assert (error.document["total"], error.document["here"]) == (2, 1)
    assert (folder / "final" / "bad.nii.gz").read_bytes() == content  # a part of a label is better than none
    assert (folder / "index.jsonl").read_text().splitlines() == lines  # it is not fetched again and again
    assert {row["study"]: row["damage"] for row in listed["labels"]} == {"good": None, "bad": why}
    assert len(alerts) == 1
    assert why in alerts[0]


@in_virtual_time
async def test_a_damaged_label_that_is_submitted_again_counts(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, labels={**OFF, "folder": str(tmp_path / "labels")}) as it:
        it.put_label("s1.nii.gz", b"")
        await it.failing("labels.pull")
        it.put_label("s1.nii.gz", gzip.compress(b"whole"))
        document = await it.run("labels.pull")
    assert (document["total"], document["here"], document["reason"]) == (1, 1, None)


@in_virtual_time
async def test_an_empty_label_is_noticed_where_labels_are_only_counted(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, labels=OFF) as it:
        it.put_label("s1.nii.gz", b"")
        state = await it.session.store.wait_for(lambda s: bool(s.labels.value and s.labels.value.reason))
    copies = state.labels.value
    assert copies is not None
    assert "final/s1.nii.gz: the file is empty" in copies.reason
    assert copies.damaged == {("final", "s1")}


@in_virtual_time
async def test_what_the_host_skips_or_cannot_read_is_reported(tmp_path: Path) -> None:
    pipe = {"tag": "final", "name": "pipe.nii.gz", "problem": "it is a pipe"}
    async with desk(tmp_path, serves=True, labels={**OFF, "folder": str(tmp_path / "labels")}) as it:
        it.put_label("s1.nii.gz", b"one")
        it.put_label("out.nii.gz", b"elsewhere")
        it.host.agent.label_problems["final", "out.nii.gz"] = "it is a link out"
        it.host.agent.skipped_labels.append(pipe)
        error = await it.failing("labels.pull")
        it.host.files.remove("~/studies/labels/final/out.nii.gz")
        document = await it.run("labels.pull")
        check = labels_check(it.session.store.state)
    assert error.document is not None
    assert error.document["skipped"] == ["final/pipe.nii.gz: it is a pipe"]
    assert (error.document["total"], error.document["here"]) == (2, 1)
    assert "final/out.nii.gz: it is a link out" in error.problem.message
    assert document["message"].endswith("not a label: final/pipe.nii.gz: it is a pipe")
    assert check.verdict is Verdict.WARNING
    assert "final/pipe.nii.gz: it is a pipe" in check.message


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
    assert error.problem.message.startswith("2 labels are missing on this machine, and 1 differ")


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
