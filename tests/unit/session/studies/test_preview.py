"""The desk's end of a preview: requests replace each other, and every end of the program has a reason."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import psutil
import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Unreachable
from labeltui.domain.studies.preview import Plane, Segment, SliceRequest
from labeltui.hosts.base import Host
from labeltui.hosts.local import LocalHost
from labeltui.session.studies.preview import FETCHED_IDLE_S, StudyPreview
from labeltui.session.studies.preview_program import ALARM, LabelSource, PreviewSource
from tests.fakes.host import MemoryChannel, MemoryHost

FACTS = {
    "size": [4, 4, 3], "spacing": [1, 1, 2], "percentiles": [0, 90], "oblique": 0.0, "bytes": 0,
    "labels": [{"segments": [[1, 7]], "resampled": False, "fullest": {"axial": 1, "coronal": 2, "sagittal": 3}}],
}  # fmt: skip
SOURCE = PreviewSource(
    "case", "/venv/bin/python", "/s/case.nii", (LabelSource("final", path="/l", names={1: "a"}),)
)


class Program:
    """The program's end. It opens the study at once, and draws when a test says so."""

    def __init__(self) -> None:
        self.host, self.channels = MemoryHost(), list[MemoryChannel]()
        self.asked: list[dict[str, Any]] = []
        self.asks = asyncio.Event()
        self.facts: dict[str, Any] = FACTS
        self.host.programs["/venv/bin/python"] = self._start

    def _start(self, _command: str) -> MemoryChannel:
        channel = MemoryChannel()
        channel.line = self._line
        self.channels.append(channel)
        return channel

    def _line(self, line: bytes) -> None:
        if line.startswith(b'{"op": "open"'):
            self.channels[-1].send(self.facts)
        elif line.startswith(b'{"op"'):
            self.asked.append(json.loads(line))
            self.asks.set()

    def draw(self, request: dict[str, Any]) -> None:
        data = bytes([request["index"]]) * 4 + bytes(4)
        head = {"index": request["index"], "width": 2, "height": 2, "bytes": 8}
        self.channels[-1].print(json.dumps(head).encode() + b"\n" + data[:3])
        self.channels[-1].print(data[3:])

    async def until_asked(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.asked) < number:
                self.asks.clear()
                await self.asks.wait()

    async def connected(self) -> Host:
        return self.host


@pytest.fixture
async def program() -> Program:
    program = Program()
    await program.host.connect()
    return program


def request(index: int, plane: Plane = Plane.AXIAL) -> SliceRequest:
    return SliceRequest(plane, index, 0.0, 100.0, 2, 2)


async def test_the_progress_of_a_fetch_is_reported_and_the_login_goes_to_stdin_only(program: Program) -> None:
    login, reported = {"url": "http://pacs", "password": "s3cret"}, list[tuple[int, int | None]]()
    source = replace(SOURCE, image="", login=login)

    def start(command: str) -> MemoryChannel:
        assert "s3cret" not in command
        channel = program._start(command)

        def answer(line: bytes) -> None:
            if line.startswith(b'{"op": "open"'):
                program.asked.append(json.loads(line))
                channel.send({"progress": [1, 9], "bytes": 0})
                channel.send({"progress": [2, None], "bytes": 0})
                channel.send(FACTS)

        channel.line = answer
        return channel

    program.host.programs["/venv/bin/python"] = start
    async with await StudyPreview.open(
        program.connected, source, progress=lambda *counts: reported.append(counts)
    ) as preview:
        assert preview.volume.size == (4, 4, 3)
    assert reported == [(1, 9), (2, None)]
    assert program.asked[0]["series"] == {**login, "uid": "case"}
    assert program.asked[0]["idle_s"] == FETCHED_IDLE_S
    assert "s3cret" not in repr(source)


async def test_a_newer_request_replaces_the_one_that_waits(program: Program) -> None:
    async with await StudyPreview.open(program.connected, SOURCE) as preview:
        assert preview.volume.labels[0].segments == (Segment(1, "a", 7),)
        first = asyncio.create_task(preview.slice(request(0)))
        await program.until_asked(1)
        later = [asyncio.create_task(preview.slice(request(index))) for index in (1, 2, 3)]
        other = asyncio.create_task(preview.slice(request(9, Plane.CORONAL)))
        await program.until_asked(2)
        assert [one["index"] for one in program.asked] == [0, 9]
        for asked in list(program.asked):
            program.draw(asked)
        assert ((await first).index, (await other).index, (await other).plane) == (0, 9, Plane.CORONAL)
        await program.until_asked(3)
        program.draw(program.asked[2])
        slices = await asyncio.gather(*later)
        assert [one.index for one in slices] == [3, 3, 3]
        assert (slices[0].grey, slices[0].segments) == (b"\3\3\3\3", (bytes(4),))
        assert len(program.asked) == 3


async def test_a_caller_that_leaves_does_not_stop_the_others(program: Program) -> None:
    async with await StudyPreview.open(program.connected, SOURCE) as preview:
        first, second = (asyncio.create_task(preview.slice(request(1))) for _ in range(2))
        await program.until_asked(1)
        first.cancel()
        program.draw(program.asked[0])
        assert (await second).index == 1


@pytest.mark.parametrize(
    ("code", "stderr", "words"),
    [
        (1, b"Traceback\nValueError: [b]odd\x1b[2J\n", "ValueError"),
        (-9, b"", "memory may be full"),
        (-7, b"", "changed while it was read"),
        (135, b"", "changed while it was read"),
        (127, b"sh: not found", "can't be run"),
    ],
)
async def test_the_end_of_the_program_has_a_reason(
    program: Program, code: int, stderr: bytes, words: str
) -> None:
    async with await StudyPreview.open(program.connected, SOURCE) as preview:
        drawing = asyncio.create_task(preview.slice(request(1)))
        await program.until_asked(1)
        program.channels[-1].stderr = stderr
        program.channels[-1].end(code)
        for attempt in (drawing, preview.slice(request(2)), preview.dice()):
            with pytest.raises(Failed) as caught:
                await attempt
            assert caught.value.problem.code == Code.PROGRAM_FAILED
            assert words in caught.value.problem.message
            assert "\x1b" not in caught.value.problem.message


async def test_a_lost_connection_is_said_as_such(program: Program) -> None:
    async with await StudyPreview.open(program.connected, SOURCE) as preview:
        drawing = asyncio.create_task(preview.slice(request(1)))
        await program.until_asked(1)
        program.channels[-1].end(-1, Unreachable(Code.CONNECTION_LOST, "The connection was lost."))
        with pytest.raises(Unreachable):
            await drawing


async def test_a_program_that_ended_idle_is_started_again(program: Program) -> None:
    async with await StudyPreview.open(program.connected, SOURCE) as preview:
        program.channels[-1].end(ALARM)
        drawing = asyncio.create_task(preview.slice(request(2)))
        await program.until_asked(1)
        program.draw(program.asked[-1])
        assert (await drawing).index == 2
        assert len(program.channels) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"Welcome to the host\n", b"[]\n", b'{"bytes": -1}\n', b'{"bytes": 1e99}\n', b'{"bytes": 999999999999}\n',
        b'{"bytes": 4, "index": 0, "width": 2, "height": 2}\n1234', b'{"bytes": 0}\n', b"x" * 2_000_000,
        b'{"bytes": 0, "index": 0, "width": -1, "height": -1}\n',
    ],
)  # fmt: skip
async def test_an_unexpected_answer_is_a_failure(program: Program, answer: bytes) -> None:
    async with await StudyPreview.open(program.connected, SOURCE) as preview:
        drawing = asyncio.create_task(preview.slice(request(1)))
        await program.until_asked(1)
        program.channels[-1].print(answer)
        with pytest.raises(Failed, match="unexpected answer"):
            await drawing


async def test_a_study_that_cannot_be_shown_is_refused_with_the_reason(program: Program) -> None:
    program.facts = {"error": "it has 4 dimensions\n[red]", "bytes": 0}
    with pytest.raises(Failed) as caught:
        await StudyPreview.open(program.connected, SOURCE)
    assert caught.value.problem.message == "case can't be shown: it has 4 dimensions [red]."
    with pytest.raises(Unreachable):
        await program.channels[-1].write(b"")  # it was ended


# ---- the program itself, on this machine


@pytest.fixture
async def host() -> AsyncIterator[LocalHost]:
    host = LocalHost()
    await host.connect()
    yield host
    await host.close()


@pytest.fixture
def source(tmp_path: Path) -> PreviewSource:
    folder = tmp_path / "it's [b] $(x)"
    folder.mkdir()
    library: Any = nibabel
    data = np.arange(60, dtype=np.int16).reshape(5, 4, 3)
    library.save(library.Nifti1Image(data, np.diag([-1, -1, 1, 1])), folder / "case.nii.gz")
    label = library.Nifti1Image((data % 3).astype(np.uint8), np.diag([-1, -1, 1, 1])).to_bytes()
    return PreviewSource(
        "case",
        sys.executable,
        str(folder / "case.nii.gz"),
        (LabelSource("old", "ab", content=label, suffix=".nii"),),
    )


def programs() -> list[psutil.Process]:
    """The programs that run. One that has ended is a zombie until the event loop has read its exit code."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # or a zombie
            if "preview" in " ".join(one.cmdline()):
                found.append(one)
    return found


def wait_until_ended() -> None:
    """Wait until no program runs. psutil's own wait would take the exit code from the event loop."""
    end = time.monotonic() + 20
    while programs():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
async def test_a_real_program_draws_and_ends_with_its_preview(host: LocalHost, source: PreviewSource) -> None:
    async def connected() -> Host:
        return host

    async with await StudyPreview.open(connected, source) as preview:
        drawn = await preview.slice(SliceRequest(Plane.AXIAL, 1, 0, 60, 5, 4))
        assert list(drawn.segments[0]) == [(x * 12 + y * 3 + 1) % 3 for y in range(4) for x in range(5)]
        (running,) = programs()
    assert not running.is_running()
    with pytest.raises(Failed, match="closed"):
        await preview.slice(request(0))


@pytest.mark.slow
async def test_a_real_program_ends_when_idle_when_killed_and_with_its_input(
    host: LocalHost, source: PreviewSource
) -> None:
    async def connected() -> Host:
        return host

    async with await StudyPreview.open(connected, source, idle_s=1) as preview:
        assert len(programs()) == 1
        await asyncio.to_thread(wait_until_ended)
        assert (await preview.slice(request(1))).index == 1
        os.kill(programs()[0].pid, signal.SIGKILL)
        await asyncio.to_thread(wait_until_ended)
        with pytest.raises(Failed, match="memory may be full"):
            await preview.slice(request(1))
    preview = await StudyPreview.open(connected, source)
    (running,) = programs()
    limit = running.rlimit(psutil.RLIMIT_DATA)[0]
    assert 0 < limit < running.memory_info().data + (1 << 30)
    await preview.close()
