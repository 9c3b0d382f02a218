"""The agent's answers about files of weights."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote import models
from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.models import ModelSums


def test_the_files_that_exist_with_the_checksums_that_were_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"a")
    (tmp_path / "b.pt").write_bytes(b"bb")
    (tmp_path / "folder.pt").mkdir()
    answer = ModelSums().find(str(tmp_path), ["a.pt", "b.pt", "none.pt", "folder.pt", "a.pt/x.pt"], ["a.pt"])
    facts = [(one["name"], one["size"], one["sha256"]) for one in answer["files"]]
    assert facts == [("a.pt", 1, hashlib.sha256(b"a").hexdigest()), ("b.pt", 2, None)]


def test_a_checksum_is_computed_once_per_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    sha256 = models.sha256
    monkeypatch.setattr(models, "sha256", lambda path: read.append(str(path)) or sha256(path))
    sums, file = ModelSums(), tmp_path / "a.pt"
    file.write_bytes(b"a")
    for _ in range(2):
        sums.find(str(tmp_path), ["a.pt"], ["a.pt"])
    file.write_bytes(b"other")
    (newest,) = sums.find(str(tmp_path), ["a.pt"], ["a.pt"])["files"]
    assert len(read) == 2
    assert newest["sha256"] == hashlib.sha256(b"other").hexdigest()


def test_a_file_that_changes_while_it_is_read_has_no_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.pt"
    file.write_bytes(b"a")

    def grown(path: Path) -> str:
        path.write_bytes(b"half of the next")
        return "0" * 64

    monkeypatch.setattr(models, "sha256", grown)
    (one,) = ModelSums().find(str(tmp_path), ["a.pt"], ["a.pt"])["files"]
    assert one["sha256"] is None


@pytest.mark.parametrize("name", ["../a.pt", "/etc/passwd", "x/../../a.pt"])
def test_no_file_outside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(Problem):
        ModelSums().find(str(tmp_path), [name], [])


def test_the_real_folder_is_the_one_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "volume")
    answer = ModelSums().find(str(tmp_path / "link"), [], [])
    assert (answer["root"], answer["real_root"]) == (
        str(tmp_path / "link"),
        os.path.realpath(tmp_path / "volume"),
    )
