"""The state folder, and what takes its place where nothing can be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.domain.problems import Failed
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.support.file_errors import advice, reason, sentence


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABELTUI_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "state"


@pytest.fixture
def unwritable(
    root: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[StateFolder]:
    """A profile's folder with files of an earlier session, in which nothing can be written now."""
    before = StateFolder.of_profile("liver")
    before.write("tunnel", {"port": 8123})
    before.known_hosts.write_text("pinned")
    write_bytes = Path.write_bytes

    def refuse(path: Path, data: bytes) -> int:
        if path.is_relative_to(root):
            raise OSError(request.param, os.strerror(request.param), str(path))
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    state = StateFolder.of_profile("liver")
    yield state
    state.close()


def test_a_folder_that_can_be_written_is_used(root: Path) -> None:
    state = StateFolder.of_profile("liver")
    state.write("tunnel", {"port": 1})
    assert state.problem is None
    assert state.folder == root / "profiles" / "liver"
    assert [file.name for file in state.folder.iterdir()] == ["tunnel.json"]
    state.close()
    assert StateFolder.of_profile("liver").read("tunnel") == {"port": 1}


@pytest.mark.parametrize(
    ("unwritable", "why"),
    [
        (errno.EROFS, "the file system is read-only"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "permission denied"),
    ],
    indirect=["unwritable"],
)
def test_a_temporary_folder_with_the_same_files_takes_its_place(
    unwritable: StateFolder, root: Path, why: str
) -> None:
    assert unwritable.problem is not None
    assert unwritable.problem.message == f"{root / 'profiles' / 'liver'} can't be used: {why}."
    assert "are lost when labeltui ends" in unwritable.problem.hint
    assert unwritable.read("tunnel") == {"port": 8123}
    assert unwritable.known_hosts.read_text() == "pinned"  # a changed key is still noticed
    unwritable.write("tunnel", {"port": 9})
    assert unwritable.read("tunnel") == {"port": 9}
    assert unwritable.folder.stat().st_mode & 0o77 == 0
    unwritable.close()
    assert not unwritable.folder.exists()


@pytest.mark.parametrize("unwritable", [errno.EROFS], indirect=True)
def test_what_must_outlive_the_session_is_refused_there(unwritable: StateFolder) -> None:
    with pytest.raises(Failed, match="read-only"):
        unwritable.write("renting", {"name": "pod"}, durable=True)


@pytest.mark.parametrize("place", ["state", "state/profiles", "state/profiles/liver"])
def test_a_file_in_its_place_is_named(root: Path, place: str) -> None:
    file = root.parent / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    state = StateFolder.of_profile("liver")
    assert state.problem is not None
    assert "folder" in state.problem.message
    assert str(root) in state.problem.message
    state.write("tunnel", {"port": 9})
    state.close()


def test_a_disk_that_fills_up_later_costs_no_session(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = StateFolder.of_profile("liver")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("labeltui.session.runtime.state_folder.write_file", full)
        state.write("tunnel", {"port": 9})
        assert state.read("tunnel") == {"port": 9}
        with pytest.raises(Failed, match="the disk is full"):
            state.write("renting", {"name": "pod"}, durable=True)
    state.write("tunnel", {"port": 10})
    assert StateFolder.of_profile("liver").read("tunnel") == {"port": 10}


def test_a_folder_that_sudo_made_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {"/": 0, "/home": 0, "/home/ann": 1000, "/home/ann/.local": 1000, "/home/ann/.local/labeltui": 0}
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(Path, "stat", lambda path: SimpleNamespace(st_uid=owners[str(path)]))
    error, path = OSError(errno.EACCES, "Permission denied"), Path("/home/ann/.local/labeltui")
    assert reason(error, path) == "/home/ann/.local/labeltui belongs to root"
    assert (
        advice(error, path)
        == "If labeltui ran under sudo once, run `sudo chown -R 1000 /home/ann/.local/labeltui`."
    )


def test_only_an_error_of_a_named_file_is_the_desks() -> None:
    assert (
        sentence(OSError(errno.ENOSPC, "No space left on device", "/x/y"))
        == "/x/y can't be used: the disk is full."
    )
    assert sentence(OSError(errno.ENOSPC, "No space left on device")) is None
    assert sentence(ConnectionResetError(errno.ECONNRESET, "reset", "/x")) is None
    assert sentence(ValueError("x")) is None
