"""The answers of the program that converts files, without the program."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from labeltui.monailabel.stow import Instance
from labeltui.operations import imaging
from labeltui.operations.studies.upload import conversion
from labeltui.operations.studies.upload.conversion import convert, prepare_dicom
from labeltui.operations.studies.upload.files import LeftOut, Source
from tests.actions import RecordingReport


class Stdin:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None:
        raise BrokenPipeError  # as of a program that ended early

    def close(self) -> None:
        pass


class FakeProgram:
    """Answers with ``answers``, then ends with ``code``; if ``code`` is None, it runs until it is killed."""

    def __init__(self, *answers: Any, errors: bytes = b"", code: int | None = 0) -> None:
        self.stdin, self.stdout, self.stderr = Stdin(), asyncio.StreamReader(), asyncio.StreamReader()
        self.stdout.feed_data(b"".join(json.dumps(answer).encode() + b"\n" for answer in answers))
        self.stderr.feed_data(errors)
        self.returncode: int | None = None
        self.code, self.environment = code, {}
        self.ended = asyncio.Event()
        if code is not None:
            self._end()

    def _end(self) -> None:
        self.stdout.feed_eof()
        self.stderr.feed_eof()
        self.ended.set()

    async def start(self, *_argv: str, env: dict[str, str], **_more: Any) -> FakeProgram:
        self.environment = env
        return self

    def kill(self) -> None:
        self.code = -9
        self._end()

    async def wait(self) -> int | None:
        await self.ended.wait()
        self.returncode = self.code
        return self.code


def runs(monkeypatch: pytest.MonkeyPatch, program: FakeProgram) -> FakeProgram:
    monkeypatch.setattr(conversion, "missing_extra", lambda: False)
    monkeypatch.setattr(imaging.asyncio, "create_subprocess_exec", program.start)
    return program


async def test_what_was_made_and_what_was_not_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.nii.gz").write_bytes(b"not gzip")
    monkeypatch.setenv("RUNPOD_API_KEY", "secret")
    made_answer = {"made": f"{tmp_path}/out.nii.gz", "name": "a b", "mtime_ns": 5, "source": "/a.mha"}
    program = runs(
        monkeypatch, FakeProgram({"progress": "1 of 2"}, made_answer, {"left": "/b", "why": "no image"})
    )
    report = RecordingReport()
    sources = [Source(Path("/a.mha"), "a b", False), Source(Path("/ct/1"), "ct", True)]
    made, left = await convert(sources, tmp_path, report)
    assert [(one.path.name, one.size, one.mtime_ns, one.source) for one in made] == [
        ("out.nii.gz", 8, 5, Path("/a.mha"))
    ]
    assert made[0].misread
    assert [(one.path, one.why) for one in left] == [(Path("/b"), "no image")]
    assert report.lines == ["Converting 2 files to NIfTI on this machine", "1 of 2"]
    assert json.loads(program.stdin.data) == {
        "work": str(tmp_path),
        "images": [{"path": "/a.mha", "name": "a b"}],
        "dicom": [{"path": "/ct/1", "name": "ct"}],
    }
    assert "PATH" in program.environment
    assert "RUNPOD_API_KEY" not in program.environment


@pytest.mark.parametrize(
    ("errors", "why"), [(b"Traceback\nKeyError: 1\n", "KeyError: 1"), (b"", "exit code 3")]
)
async def test_a_program_that_ends_early_is_named_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: bytes, why: str
) -> None:
    runs(monkeypatch, FakeProgram(errors=errors, code=3))
    made, left = await convert([Source(Path("/a.mha"), "a", False)], tmp_path, RecordingReport())
    assert made == []
    assert left[0].why == f"the program that converts ended early: {why}"


async def test_nothing_to_convert_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging.asyncio, "create_subprocess_exec", None)
    assert await convert([], tmp_path, RecordingReport()) == ([], [])


async def test_cancelling_kills_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = runs(monkeypatch, FakeProgram({"progress": "begun"}, code=None))
    report = RecordingReport()
    running = asyncio.create_task(convert([Source(Path("/a.mha"), "a", False)], tmp_path, report))
    await report.wait_for("begun")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert program.returncode == -9


async def test_dicom_files_are_prepared_and_their_headers_summed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"instance": "/w/1", "source": "/ct/1", "size": 9, "study": "1.2", "series": "1.3", "sop": "1.4"}
    answers = (sent, {"summary": {"names": 1}}, {"left": "/ct/2", "why": "no DICOM"})
    program = runs(monkeypatch, FakeProgram(*answers))
    instances: list[Instance] = []
    left: list[LeftOut] = []
    sources = [Source(Path("/ct/1"), "ct", True), Source(Path("/ct/2"), "ct", True)]
    summary = await prepare_dicom(sources, tmp_path, "s", instances, left, RecordingReport())
    assert summary == {"names": 1}
    assert instances == [Instance(Path("/w/1"), Path("/ct/1"), 9, "1.2", "1.3", "1.4")]
    assert [(one.path, one.why) for one in left] == [(Path("/ct/2"), "no DICOM")]
    assert json.loads(program.stdin.data).items() >= {"instances": True, "secret": "s"}.items()
