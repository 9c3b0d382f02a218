"""Adding profiles, and the checks of the answers that they are made from."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from labeltui.config import questions
from labeltui.config.adding import add_profile, answers_of, change_profile
from labeltui.config.load import load, select
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    path.write_text(PRIVATE)
    return path


def test_a_profile_is_made_from_the_command_that_a_page_copies(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    typed = f"ssh root@203.0.113.7 -p 12345 -i {key}"
    name = add_profile(path, "ssh", {"address": typed, "key": "", "studies": "~/scans"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert name == "203.0.113.7"
    profile = select(load(path), name)[1]
    assert profile.ssh is not None
    assert (profile.ssh.address, profile.ssh.key) == ("root@203.0.113.7:12345", str(key))
    assert profile.server.studies == "~/scans"


def test_a_profile_never_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    before = '# mine\n[profiles.local]\nhost = "local"\ntheme = "nord" # dark'
    path.write_text(before)
    assert add_profile(path, "local", {"studies": str(tmp_path)}) == "local-2"
    assert before in path.read_text()
    loaded = load(path)
    assert list(loaded.file.profiles) == ["local", "local-2"]
    assert select(loaded, None)[0] == "local", "the only profile before stays the one that opens"
    with pytest.raises(LabeltuiError) as caught:
        add_profile(path, "local", {}, "local")
    assert caught.value.problem.code is Code.EXISTS


@pytest.mark.parametrize("text", ['profiles = { a = { host = "local" } }\n', "[profiles\n", "what = 1\n"])
def test_a_file_that_can_not_take_another_table_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(LabeltuiError):
        add_profile(path, "local", {"studies": str(tmp_path)})
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (PRIVATE, "id", None),
        ("ssh-ed25519 AAAA me", "id.pub", "is the public half of a key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "id.ppk", "PuTTY's format"),
        ("hello", "id", "is not a private key"),
        (None, "id", "can't be read: No such file"),
    ],
)
def test_a_key_file_is_read(tmp_path: Path, content: str | None, name: str, said: str | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    if said is None:
        assert questions.check_key(str(path)) == "a private key"
        return
    with pytest.raises(LabeltuiError) as caught:
        questions.check_key(str(path))
    assert said in caught.value.problem.message


def test_a_folder_of_this_machine_must_exist(tmp_path: Path) -> None:
    assert "an empty folder" in questions.check_folder_here(str(tmp_path))
    (tmp_path / "spleen.nii.gz").write_text("")
    assert questions.check_folder_here(str(tmp_path)) == "a folder with 1 entry"
    for wrong in (
        "",
        str(tmp_path / "none"),
        str(tmp_path / "spleen.nii.gz"),
        "https://me:pw@pacs/dicom-web",
    ):
        with pytest.raises(LabeltuiError):
            questions.check_folder_here(wrong)
    with pytest.raises(LabeltuiError):
        questions.check_folder_there("scans")
    assert questions.check_folder_there("https://pacs/dicom-web") == "a DICOMweb server"


def test_the_note_says_how_an_address_is_understood(key: Path) -> None:
    assert questions.check_address(f"ssh root@1.2.3.4 -p 12345 -i {key}") == (
        f"1.2.3.4, port 12345, user root, key {key}"
    )
    assert "the user that ssh's configuration names" in questions.check_address("gpu-box")
    with pytest.raises(LabeltuiError):
        questions.check_address("root@1.2.3.4:99999")
    with pytest.raises(LabeltuiError):
        questions.checked("ssh", {"address": "ssh me@host -i /none"})


def test_only_changed_answers_are_written(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[profiles.a]\nhost = "ssh"\nssh = { address = "me@one" }\n'
        '[profiles.b]\nhost = "runpod" # rented\n[profiles.b.runpod]\npod = "x" # mine\n'
    )
    assert answers_of(select(load(path), "b")[1]) == {"pod": "x", "key": ""}
    before = path.read_text()
    assert not change_profile(path, "b", {"pod": "x", "key": ""})
    assert path.read_text() == before
    assert change_profile(path, "b", {"pod": "y", "key": str(key)})
    runpod = select(load(path), "b")[1].runpod
    assert runpod is not None
    assert (runpod.pod, runpod.key) == ("y", str(key))
    assert "# rented" in path.read_text()
    assert change_profile(path, "b", {"pod": "", "key": ""})
    before = path.read_text()
    for answers in ({"address": "me@two", "key": "", "studies": "~/studies"}, {"address": "not one"}):
        with pytest.raises(LabeltuiError):  # an inline table can't be edited, and a wrong address is refused
            change_profile(path, "a", answers)
    assert path.read_text() == before
