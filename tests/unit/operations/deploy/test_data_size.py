"""The size of a folder: files that count, files that do not, and the end of a cancelled count."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from labeltui.domain.problems import Misused
from labeltui.operations.deploy import data_size
from labeltui.operations.deploy.data_size import DataSize, measure


async def test_files_are_counted_through_links_to_files_but_not_to_folders(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "a.nii.gz").write_bytes(b"x" * 1000)
    studies = tmp_path / "studies"
    (studies / "deep" / "deeper").mkdir(parents=True)
    (studies / "deep" / "deeper" / "b.nii.gz").write_bytes(b"y" * 10)
    (studies / "linked.nii.gz").symlink_to(archive / "a.nii.gz")
    (studies / "loop").symlink_to(studies)
    (studies / "broken").symlink_to(tmp_path / "nowhere")
    assert await measure(str(studies)) == DataSize(files=2, bytes=1010)


async def test_what_can_not_be_read_is_counted_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a").write_bytes(b"x")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr("labeltui.operations.deploy.data_size.os.scandir", refuse)
    assert await measure(str(tmp_path)) == DataSize(files=1, bytes=1, unread=1)


async def test_no_folder_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(Misused) as missing:
        await measure(str(tmp_path / "nowhere"))
    assert missing.value.problem.code == "no_folder"


async def test_a_long_count_reports_how_far_it_is_and_ends_when_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_size, "REPORT_EVERY", 2)
    for number in range(6):
        (tmp_path / str(number)).write_bytes(b"xx")
    counts: list[DataSize] = []
    assert await measure(str(tmp_path), counts.append) == DataSize(6, 12)
    await asyncio.sleep(0)
    assert [count.files for count in counts] == [2, 4, 6]
    endless = asyncio.Event()

    def stop(_so_far: DataSize) -> None:
        counting.cancel()
        endless.set()

    counting = asyncio.create_task(measure(str(tmp_path), stop))
    with pytest.raises(asyncio.CancelledError):
        await counting
    assert endless.is_set()
