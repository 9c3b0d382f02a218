"""Uploads of many files, to every kind of host."""

# ruff: noqa: ASYNC240 (small files, and nothing else runs meanwhile)
from __future__ import annotations

import os
from pathlib import Path

import pytest

from labeltui.domain.problems import Problem
from labeltui.hosts.agent.remote.uploads.staging import make_staging, part_name
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.base import Host
from labeltui.hosts.uploading import Outgoing, Uploader
from labeltui.operations.models.transfer import Target, send_file
from tests.services.hosts.test_hosts_alike import WICKED


@pytest.mark.slow
async def test_many_files_are_uploaded_over_several_channels(host: Host, tmp_path: Path) -> None:
    source, target = tmp_path / "scans", tmp_path / "home" / WICKED.replace("/", "_")
    source.mkdir()
    for number, size in enumerate([0, 10, 70_000, 3_000_000, 1_500_000, *range(1000, 1300)]):
        (source / f"é {number}.nii").write_bytes(os.urandom(size))
    stats = [(path, path.stat()) for path in sorted(source.iterdir())]
    files = [Outgoing(path, path.name, found.st_size, found.st_mtime_ns) for path, found in stats]
    agent = await start_agent(host, "~/pod")
    folder, counted, answers = f"~/{target.name}", list[int](), list[Problem | None]()
    await Uploader(
        host, agent.program, folder, files, counted.append, lambda _file, why: answers.append(why)
    ).run()
    assert sum(counted) == sum(file.size for file in files)
    assert answers == [None] * len(files)
    found = await agent.compare_upload(folder, [file.name for file in files])
    assert found.there == {file.name: (file.size, file.mtime_ns) for file in files}
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }
    await agent.tidy_upload(folder)
    assert not list((tmp_path / "home").glob(".*labeltui-upload"))
    assert not list(tmp_path.rglob("pwned"))
    await agent.close()


async def test_one_file_replaces_another_and_continues_after_what_is_there(
    host: Host, tmp_path: Path
) -> None:
    source, folder = tmp_path / "new.pt", tmp_path / "home" / WICKED.replace("/", "_")
    source.write_bytes(os.urandom(3_000_000))
    folder.mkdir()
    (folder / "a.pt").write_bytes(b"old")
    found = source.stat()
    part = make_staging(folder) / part_name("a.pt", found.st_size, found.st_mtime_ns)
    part.write_bytes(source.read_bytes()[:2_000_000])
    counts: list[tuple[int, int]] = []
    agent = await start_agent(host, "~/pod")
    target = Target.of(f"{folder}/a.pt")
    await send_file(host, agent, source, target, lambda done, size: counts.append((done, size)))
    assert [path.name for path in folder.iterdir()] == ["a.pt"]
    assert (folder / "a.pt").read_bytes() == source.read_bytes()
    assert (2_000_000, 3_000_000) in counts
    assert counts[-1] == (3_000_000, 3_000_000)
    assert not part.exists()
    await agent.close()
