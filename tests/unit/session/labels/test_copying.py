"""A submitted label is on this machine within a second, whatever the server does meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from labeltui.session.labels.transports import READ_AT_ONCE
from labeltui.session.session import Session
from tests.actions import run_confirmed
from tests.fakes.agent import Run
from tests.fakes.host import MemoryHost
from tests.fakes.monailabel import FakeMonaiLabel
from tests.fakes.session import memory_session
from tests.virtual_time import in_virtual_time

INFO = {"ts": 1, "client_id": "ana", "label_info": [{"name": "spleen", "idx": 1}]}
SAVED = (
    "[2026-11-23 17:08:17,116] [1] [T] [INFO] (monailabel.datastore.local:300) - Saving Label for Image: s1;"
    " Tag: final; Info: {'client_id': 'ana'}\n"
)
STORED = (
    "[2026-11-23 17:08:17,118] [1] [T] [INFO] (monailabel.datastore.local:318) - Label Info: {'client_id': 'ana',"
    " 'ts': 1795453697, 'name': 's1.nii.gz'}\n"
)


def serving(host: MemoryHost) -> Run:
    host.files.folders.add("/root/studies")
    job = host.agent.start("server", meta={"app": "radiology", "studies": "/root/studies"})
    job.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
    return job


async def is_copied(session: Session, copied: Callable[[], bool]) -> float:
    """Wait for a copy. Returns the seconds that it took."""
    began = asyncio.get_running_loop().time()
    await session.store.wait_for(lambda _state: copied(), 30)
    return asyncio.get_running_loop().time() - began


@in_virtual_time
async def test_a_label_of_some_megabytes_is_here_within_a_second(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    job, data = serving(host), os.urandom(3 * READ_AT_ONCE + 5)
    server.documents[("GET", "/datastore/label/info")] = INFO
    server.delays_s["/datastore/label/info"] = 8.0  # it runs an inference
    copy = tmp_path / "labels/final/s1.nii.gz"
    async with memory_session(tmp_path, host=host, server=server) as session:
        await session.store.wait_for(lambda s: s.labels.value is not None, 30)
        await asyncio.sleep(5)
        host.files.write("~/studies/labels/final/s1.nii.gz", data)
        job.print(SAVED)
        spent = await is_copied(session, copy.exists)
        assert spent <= 1.0
        await session.store.wait_for(
            lambda s: s.labels.value is not None and s.labels.value.last_by == "ana", 20
        )
        listed = await run_confirmed(session, "labels.list")
    assert copy.read_bytes() == data
    assert len(host.agent.requests("read")) == 4
    assert [row["who"] for row in listed["labels"]] == ["ana"]
    (document,) = (tmp_path / "labels/info").rglob("*.json")
    assert json.loads(document.read_text()) == INFO


@pytest.mark.parametrize("late_s", [0.0, 0.05, 0.15, 0.29], ids=lambda late_s: f"{late_s * 1000:.0f} ms late")
@in_virtual_time
async def test_a_label_is_copied_as_soon_as_it_is_old_enough(tmp_path: Path, late_s: float) -> None:
    """The host's log comes late, but no label waits longer than it must."""
    host = MemoryHost()
    job = serving(host)
    async with memory_session(tmp_path, host=host) as session:
        await session.store.wait_for(lambda s: s.labels.value is not None, 30)
        await asyncio.sleep(5)
        host.files.write("~/studies/labels/final/s1.nii.gz", b"label")
        await asyncio.sleep(late_s)
        job.print(SAVED)
        spent = late_s + await is_copied(session, (tmp_path / "labels/final/s1.nii.gz").exists)
    assert 0.29 <= spent <= 0.36


@in_virtual_time
async def test_a_label_that_the_server_has_stored_is_copied_at_once(tmp_path: Path) -> None:
    host = MemoryHost()
    job, copy = serving(host), tmp_path / "labels/final/s1.nii.gz"
    async with memory_session(tmp_path, host=host) as session:
        await session.store.wait_for(lambda s: s.labels.value is not None, 30)
        await asyncio.sleep(5)
        before = len(host.agent.requests("labels.list"))
        for content in (b"first", b"second"):
            host.files.write("~/studies/labels/final/s1.nii.gz", content)
            job.print(SAVED)
            job.print(STORED)
            spent = await is_copied(session, lambda c=content: copy.exists() and copy.read_bytes() == c)
            assert spent <= 0.05
            await asyncio.sleep(1)
        assert len(host.agent.requests("labels.list")) - before <= 6


@in_virtual_time
async def test_a_label_that_is_half_written_is_taken_once_it_is_whole(tmp_path: Path) -> None:
    host = MemoryHost()
    job, data = serving(host), gzip.compress(os.urandom(5000))
    copy = tmp_path / "labels/final/s1.nii.gz"
    async with memory_session(tmp_path, host=host) as session:
        await session.store.wait_for(lambda s: s.labels.value is not None, 30)
        await asyncio.sleep(5)
        host.files.write("~/studies/labels/final/s1.nii.gz", data[:3000])
        job.print(SAVED)
        await asyncio.sleep(0.7)
        assert not copy.exists()
        host.files.write("~/studies/labels/final/s1.nii.gz", data)
        await is_copied(session, copy.exists)
    assert copy.read_bytes() == data
    assert not (tmp_path / "labels/versions").exists()


@pytest.mark.parametrize("part", [0, 3000], ids=["empty", "cut off"])
@pytest.mark.parametrize("ahead_s", [0, 2], ids=["dated", "dated after the listing"])
@in_virtual_time
async def test_a_label_that_is_slowly_overwritten_is_not_called_damaged(
    tmp_path: Path, part: int, ahead_s: int
) -> None:
    host, first, data = MemoryHost(), gzip.compress(b"first"), gzip.compress(os.urandom(5000))
    job = serving(host)
    path, copy = "~/studies/labels/final/s1.nii.gz", tmp_path / "labels/final/s1.nii.gz"
    messages: list[str] = []
    async with memory_session(tmp_path, host=host) as session:
        host.files.write(path, first)
        await is_copied(session, copy.exists)
        session.store.subscribe(lambda state, _: messages.extend(a.message for a in state.alerts))
        await asyncio.sleep(5)
        host.files.write(path, data[:part])
        file = host.files.get(path)
        assert file is not None
        file.mtime_ns += ahead_s * 10**9
        job.print(SAVED)
        await asyncio.sleep(2.5)
        host.files.write(path, data)
        await is_copied(session, lambda: copy.read_bytes() == data)
        assert messages == []
        host.files.write(path, b"")
        job.print(SAVED)
        await session.store.wait_for(lambda s: any("is empty" in a.message for a in s.alerts), 30)
        host.files.write(path, data)
        job.print(SAVED)
        await session.store.wait_for(
            lambda s: not s.alerts and bool(s.labels.value and s.labels.value.safe), 30
        )


@in_virtual_time
async def test_what_the_server_says_of_a_newer_label_is_not_stored_with_the_older(tmp_path: Path) -> None:
    host, server = MemoryHost(), FakeMonaiLabel()
    serving(host)
    server.documents[("GET", "/datastore/label/info")] = {**INFO, "ts": 4_000_000_000}
    host.files.write("~/studies/labels/final/s1.nii.gz", b"label")
    async with memory_session(tmp_path, host=host, server=server) as session:
        await run_confirmed(session, "labels.pull")
        listed = await run_confirmed(session, "labels.list")
    assert [row["who"] for row in listed["labels"]] == [None]
    assert not (tmp_path / "labels/info").exists()


@in_virtual_time
async def test_a_copy_that_is_removed_here_counts_no_more_and_is_made_again(tmp_path: Path) -> None:
    host = MemoryHost()
    serving(host)
    host.files.write("~/studies/labels/final/s1.nii.gz", b"label")
    copy, counts = tmp_path / "labels/final/s1.nii.gz", list[int]()
    async with memory_session(tmp_path, host=host) as session:
        await is_copied(session, copy.exists)
        await asyncio.sleep(30)  # the listings at the start are over
        session.store.subscribe(lambda s, _: counts.append(s.labels.value.here if s.labels.value else 0))
        copy.unlink()
        assert await is_copied(session, copy.exists) <= 11.0
        await session.store.wait_for(lambda s: s.labels.value is not None and s.labels.value.safe, 30)
    assert 0 in counts
