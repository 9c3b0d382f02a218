"""The receiver of uploads: parts, locks and names, on every Python of a host."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.package import build_package
from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.uploads import receive, staging
from labeltui.hosts.agent.remote.uploads.receive import Input, Part, Receiver
from labeltui.hosts.agent.remote.uploads.staging import compare, make_staging, part_name, tidy
from tests.unit.hosts.agent_process import pythons

AT = 1_700_000_000_123_000_000


def put(name: str, data: bytes, *, at: int = 0, replace: bool = False, digest: str = "") -> bytes:
    ask = {"op": "put", "name": name, "size": len(data), "mtime_ns": AT, "at": at, "replace": replace}
    whole = digest or hashlib.sha256(data).hexdigest()
    return json.dumps(ask).encode() + b"\n" + data[at:] + whole.encode()


def received(studies: Path, *messages: bytes) -> list[dict[str, Any]]:
    """The answers to these messages, in this process."""
    source, target = studies.parent / "messages", studies.parent / "answers"
    source.write_bytes(b"".join(messages))
    with source.open("rb") as reading, target.open("wb") as writing:
        Receiver(studies, reading.fileno(), writing.fileno()).run()
    return [json.loads(line) for line in target.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.8", "3.11", "3.12"])
def test_files_arrive_over_pipes_on_every_python(tmp_path: Path, version: str) -> None:
    program = tmp_path / "agent.zip"
    program.write_bytes(build_package().source)
    python = pythons()[version]
    studies = tmp_path / "my studies"
    messages = (
        put("a.nii", b"x" * 300_000) + b'{"op": "idle"}\n' + put("b.nii", b"") + put("c.nii", b"cut")[:-70]
    )
    done = subprocess.run(
        [python, str(program), "receive", "--studies", str(studies)],
        input=messages,
        capture_output=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [{"ready": True}, {"name": "a.nii", "error": None}, {"name": "b.nii", "error": None}]
    assert sorted(path.name for path in studies.iterdir()) == ["a.nii", "b.nii"]
    assert (studies / "a.nii").stat().st_mtime_ns == AT
    assert compare(str(studies), [], [["c.nii", 3, AT]])["parts"] == [0]


@pytest.mark.skipif(sys.platform != "linux", reason="other pipes have a fixed size")
def test_the_pipe_from_sshd_becomes_large_enough_for_few_reads(tmp_path: Path) -> None:
    code = f"import pathlib, sys\nfrom {receive.__name__} import receive\nreceive(pathlib.Path(sys.argv[1]))"
    argv = [sys.executable, "-c", code, str(tmp_path / "studies")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"ready": True}
        assert fcntl.fcntl(process.stdin, fcntl.F_GETPIPE_SZ) == 1 << 20
        process.stdin.close()


@pytest.mark.timeout(5)
def test_short_lines_of_one_large_read_are_not_copied_again_and_again() -> None:
    class Prepared(Input):
        def more(self) -> bytes:
            return b"123\n" * (receive.BLOCK // 4)

    source = Prepared(-1, lambda: None)
    for _ in range(receive.BLOCK // 8):
        assert source.line() == b"123"
        assert source.exactly(4) == b"123\n"


def test_a_file_of_other_bytes_and_one_that_is_there_are_not_stored(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    (studies / "there.nii").write_bytes(b"old")
    answers = received(
        studies, put("wrong.nii", b"abc", digest="0" * 64), put("there.nii", b"new"), put("good.nii", b"abc")
    )
    assert [answer["error"] and answer["error"]["code"] for answer in answers] == ["checksum", "exists", None]
    assert {path.name: path.read_bytes() for path in studies.iterdir()} == {
        "there.nii": b"old",
        "good.nii": b"abc",
    }
    assert list(make_staging(studies).iterdir()) == []  # nothing would continue the refused ones
    assert received(studies, put("there.nii", b"new", replace=True))[0]["error"] is None
    assert (studies / "there.nii").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["../evil.nii", "/evil.nii", ".hidden.nii", "a\0b.nii"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    answers = received(tmp_path / "studies", put(name, b"abc"))
    assert answers[0]["error"]["code"] == "bad_request"
    assert not (tmp_path / "evil.nii").exists()


def test_a_part_continues_only_as_what_the_console_was_told(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    part = make_staging(studies) / part_name("a.nii", 6, AT)
    part.write_bytes(b"abc")
    ask = json.dumps({"op": "part", "name": "a.nii", "size": 6, "mtime_ns": AT}).encode() + b"\n"
    answers = received(studies, ask, put("a.nii", b"abcdef", at=3))
    assert answers == [
        {"name": "a.nii", "at": 3, "sha256": hashlib.sha256(b"abc").hexdigest()},
        {"name": "a.nii", "error": None},
    ]
    assert (studies / "a.nii").read_bytes() == b"abcdef"
    assert received(studies, put("b.nii", b"abcdef", at=3))[0]["error"]["code"] == "file_changed"


def test_a_part_that_another_receiver_writes_is_refused_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "LOCKED_S", 0.0)
    path = tmp_path / "a.part"
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Problem) as caught:
            Part(path)
    assert caught.value.document["code"] == "locked"
    Part(path).close()


def test_a_part_is_made_although_another_upload_has_deleted_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "staging" / "a.part"
    Part(path).close()
    assert path.exists()


def test_a_part_that_has_its_final_name_already_is_never_written_again(tmp_path: Path) -> None:
    final, path = tmp_path / "a.nii", tmp_path / "a.part"
    final.write_bytes(b"whole")
    os.link(final, path)  # the receiver was killed before it removed the part's name
    part = Part(path)
    part.write(b"other")
    part.close()
    assert final.read_bytes() == b"whole"


def test_a_silent_console_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "SILENCE_S", 0.0)
    reading, writing = os.pipe()
    try:
        Receiver(tmp_path / "studies", reading, writing).run()  # returns
    finally:
        os.close(reading)
        os.close(writing)


def test_parts_are_beside_the_studies_or_inside_if_files_can_not_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = tmp_path / "studies"
    assert make_staging(studies) == tmp_path / ".studies.labeltui-upload"
    tidy(str(studies))
    assert list(tmp_path.iterdir()) == [studies]
    monkeypatch.setattr(staging, "can_move", lambda _source, _target: False)
    assert make_staging(studies) == studies / ".labeltui-upload"
    monkeypatch.undo()
    assert make_staging(studies) == studies / ".labeltui-upload"  # a part that was begun there goes on there
    assert received(studies, put("a.nii", b"abc"))[0]["error"] is None
    (studies / ".labeltui-upload" / "old.part").write_bytes(b"x")
    os.utime(studies / ".labeltui-upload" / "old.part", (1, 1))
    tidy(str(studies))
    assert [path.name for path in studies.iterdir()] == ["a.nii"]


def test_the_part_of_a_study_that_needs_no_upload_is_deleted(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    names = [part_name(name, 6, AT) for name in ("done.nii", "other.nii")]
    for name in names:
        (make_staging(studies) / name).write_bytes(b"abc")
    tidy(str(studies), done=[["done.nii", 6, AT]])
    assert [path.name for path in make_staging(studies).iterdir()] == names[1:]


def test_every_part_is_deleted_but_one_that_a_receiver_writes(tmp_path: Path) -> None:
    staging = make_staging(tmp_path / "model")
    written = Part(staging / "a.part")
    (staging / "b.part").write_bytes(b"left")
    tidy(str(tmp_path / "model"))
    assert len(list(staging.iterdir())) == 2
    tidy(str(tmp_path / "model"), every=True)
    assert [path.name for path in staging.iterdir()] == ["a.part"]
    written.close()
    tidy(str(tmp_path / "model"), every=True)
    assert not staging.exists()
