"""The folder of copies: nothing overwritten, and an index that survives what cuts it short."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from labeltui.session.labels.folder import LabelFolder
from labeltui.session.labels.index import Entry, LabelIndex
from labeltui.support.atomic import replacing


def folder(tmp_path: Path) -> LabelFolder:
    made = LabelFolder(tmp_path / "desk")
    made.ready()
    return made


def put(into: LabelFolder, content: bytes, name: str = "a.nii.gz", at: int = 1_000_000_000) -> Entry:
    key = ("final", name)
    arrived = into.incoming(*key)
    arrived.write_bytes(content)
    study = name.removesuffix(".nii.gz")
    entry = Entry(
        *key, study, into.index.file_for(key), len(content), sha256(content).hexdigest(), at, "host", "now"
    )
    into.place(arrived, entry)
    return entry


def contents(of: LabelFolder) -> dict[str, bytes]:
    files = (p for p in of.root.rglob("*") if p.is_file() and p.name not in ("index.jsonl", ".lock"))
    return {p.relative_to(of.root).as_posix(): p.read_bytes() for p in files}


def test_a_new_version_takes_the_name_and_the_old_ones_stay(tmp_path: Path) -> None:
    desk = folder(tmp_path)
    for number, content in enumerate((b"one", b"two", b"three")):
        put(desk, content, at=number * 1_000_000_000)
    assert desk.root.joinpath("final/a.nii.gz").read_bytes() == b"three"
    assert sorted(contents(desk).values()) == [b"one", b"three", b"two"]
    assert [(c.state, c.entry.sha256) for c in desk.check()] == [
        ("same", sha256(text).hexdigest()) for text in (b"one", b"two", b"three")
    ]


def test_a_copy_that_a_person_changed_is_not_replaced(tmp_path: Path) -> None:
    desk = folder(tmp_path)
    put(desk, b"one")
    desk.root.joinpath("final/a.nii.gz").write_bytes(b"edited here")
    assert [c.state for c in desk.check()] == ["changed"]
    put(desk, b"two", at=2_000_000_000)
    assert sorted(contents(desk).values()) == [b"edited here", b"two"]


def test_back_to_an_older_version_loses_none(tmp_path: Path) -> None:
    desk = folder(tmp_path)
    for number, content in enumerate((b"one", b"two", b"one")):
        put(desk, content, at=number * 1_000_000_000)
    assert desk.root.joinpath("final/a.nii.gz").read_bytes() == b"one"
    assert set(contents(desk).values()) == {b"one", b"two"}


def test_names_that_differ_in_case_are_two_files(tmp_path: Path) -> None:
    desk = folder(tmp_path)
    one, other = put(desk, b"one", "Liver.nii.gz"), put(desk, b"two", "liver.nii.gz")
    assert one.file.casefold() != other.file.casefold()
    assert sorted(contents(desk).values()) == [b"one", b"two"]


@pytest.mark.parametrize("torn", [b'{"tag": "fi', b"\xff\xfe\n", b"[]\n", b'{"tag": 1}\n', b"\n"])
def test_an_index_cut_short_is_read_and_written_on(tmp_path: Path, torn: bytes) -> None:
    desk = folder(tmp_path)
    put(desk, b"one")
    with desk.index.path.open("ab") as file:
        file.write(torn)
    again = LabelFolder(desk.root)
    again.index.refresh()
    put(again, b"two", "b.nii.gz")
    index = LabelIndex(desk.index.path)
    index.refresh()
    assert {entry.name for entry, _ in index.versions()} == {"a.nii.gz", "b.nii.gz"}


def test_an_index_can_not_point_outside(tmp_path: Path) -> None:
    desk = folder(tmp_path)
    put(desk, b"one")
    text = desk.index.path.read_text()
    desk.index.path.write_text(text.replace("final/a.nii.gz", "../../a.nii.gz"))
    index = LabelIndex(desk.index.path)
    index.refresh()
    assert index.versions() == []


async def test_only_one_writes_at_a_time(tmp_path: Path) -> None:
    one, other = folder(tmp_path), folder(tmp_path)
    waited = asyncio.Event()
    async with one.locked():
        second = asyncio.create_task(_hold(other, waited))
        await waited.wait()
        assert not second.done()
    await asyncio.wait_for(second, 5)


async def _hold(desk: LabelFolder, waited: asyncio.Event) -> None:
    async with desk.locked(waited.set):
        return


async def test_what_a_killed_copy_left_goes_when_the_next_one_begins(tmp_path: Path) -> None:
    desk = folder(tmp_path)
    desk.ready()
    killed = replacing(desk.incoming("final", "a.nii.gz"))
    killed.__enter__().write(b"half a lab")
    async with desk.locked():
        assert list((desk.root / "incoming").iterdir()) == []
