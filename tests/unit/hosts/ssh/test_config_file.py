"""The file for ssh: what stands in it, what may not, and that it can be removed without a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.problems import Failed, Misused
from labeltui.hosts.ssh.config_file import BACKUP, HEAD, SshEntry, SshFiles, path, word

THEIRS = "Host *\n    User somebody\n\nHost own\n    HostName 192.0.2.1\n"
ENTRY = SshEntry("liver ct", "203.0.113.7", 40022, "root", (Path("/state/a b/known_hosts-x"),), "runpod-x",
                 (Path("/keys/my key%h"),), identities_only=True)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> SshFiles:
    made = SshFiles(tmp_path / "dot-ssh")
    made.folder.mkdir()
    made.config.write_text(THEIRS)
    return made


def contents(files: SshFiles) -> dict[str, str]:
    return {file.name: file.read_text() for file in files.folder.iterdir()}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, [
            "HostName 203.0.113.7", "Port 40022", "User root", 'IdentityFile "/keys/my key%%h"', "IdentitiesOnly yes",
            'UserKnownHostsFile "/state/a b/known_hosts-x"', "HostKeyAlias runpod-x", "StrictHostKeyChecking yes",
        ]),
        ({"user": "", "key_alias": "", "identities": (), "identities_only": False, "host": "fe80::1%eth0"}, [
            "HostName fe80::1%%eth0", "Port 40022", 'UserKnownHostsFile "/state/a b/known_hosts-x"',
            "StrictHostKeyChecking yes",
        ]),
        ({"jump": "ops@bastion:2222,second", "identities": (Path("/a"), Path("/b")), "known_hosts":
          (Path("/ours"), Path("/theirs"))}, [
            "HostName 203.0.113.7", "Port 40022", "User root", "IdentityFile /a", "IdentityFile /b",
            "IdentitiesOnly yes", "UserKnownHostsFile /ours /theirs", "HostKeyAlias runpod-x",
            "StrictHostKeyChecking yes", "ProxyJump ops@bastion:2222,second",
        ]),
        ({"user": "", "key_alias": "", "identities": (), "identities_only": False, "rented": True}, [
            "HostName 203.0.113.7", "Port 40022", 'UserKnownHostsFile "/state/a b/known_hosts-x"',
            "StrictHostKeyChecking yes", "ForwardAgent no",
        ]),
    ],
)  # fmt: skip
def test_the_lines_of_a_host(changes: dict[str, Any], lines: list[str]) -> None:
    head, *rest = replace(ENTRY, **changes).text().splitlines()
    assert head == "Host labeltui-liver-ct"
    assert rest == [f"    {line}" for line in lines]


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("liver", "labeltui-liver"), ("liver ct", "labeltui-liver-ct"), ("*", "labeltui-profile"),
        ("*\nHost *\n    ProxyCommand evil", "labeltui-Host-ProxyCommand-evil"), ("a!?b", "labeltui-a-b"),
    ],
)  # fmt: skip
def test_the_name_of_a_profile_is_no_pattern_and_no_line(files: SshFiles, profile: str, name: str) -> None:
    entry = replace(ENTRY, profile=profile)
    assert entry.name == name
    files.put(entry)
    lines = files.own.read_text().splitlines()
    assert [line for line in lines if not line.startswith(("#", "    ")) and line] == [f"Host {name}"]
    assert files.holds(profile)
    assert files.take_away(profile)


@pytest.mark.parametrize("text", ["", 'a"b', "a\nProxyCommand evil", "a\\b", "a\x1b[31m", "a\rb"])
def test_a_value_that_could_become_another_line_is_refused(text: str) -> None:
    with pytest.raises(Misused) as refused:
        word(text)
    assert refused.value.problem.code == "ssh_config_value"
    assert repr(text) in refused.value.problem.message


def test_the_name_of_a_file_is_not_expanded_by_ssh() -> None:
    assert path(Path("/a/%d")) == "/a/%%d"
    with pytest.raises(Misused, match="would expand"):
        path(Path("/a/${HOME}"))


def test_a_host_is_written_once_and_replaced_when_it_changes(files: SshFiles) -> None:
    other = replace(ENTRY, profile="other")
    assert (files.put(ENTRY), files.put(ENTRY), files.put(other)) == (True, False, True)
    assert files.put(replace(ENTRY, port=41000))
    text = files.own.read_text()
    assert text.startswith(HEAD)
    assert text.count("Host labeltui-liver-ct\n") == text.count("Host labeltui-other\n") == 1
    assert "Port 41000" in text
    assert files.holds("liver ct")
    assert files.holds("other")
    assert not files.holds("third")


def test_the_line_stands_at_the_top_once_and_the_file_as_it_was_beside_it(files: SshFiles) -> None:
    assert files.include()
    first = files.config.read_text()
    assert not files.include()
    assert files.config.read_text() == first == f"Include {files.own}\n\n{THEIRS}"
    assert (files.folder / BACKUP).read_text() == THEIRS


def test_the_first_copy_of_the_configuration_stays(files: SshFiles) -> None:
    (files.folder / BACKUP).write_text("as it was years ago")
    files.include()
    assert (files.folder / BACKUP).read_text() == "as it was years ago"


def test_what_is_removed_leaves_no_trace(files: SshFiles) -> None:
    files.put(ENTRY)
    files.put(replace(ENTRY, profile="other"))
    files.include()
    assert files.take_away("liver ct")
    assert not files.holds("liver ct")
    assert "Include" in files.config.read_text()
    assert files.take_away("other")
    assert not files.take_away("other")
    assert contents(files) == {"config": THEIRS, BACKUP: THEIRS}


def test_a_line_that_a_person_moved_is_removed_where_it_stands(files: SshFiles) -> None:
    files.put(ENTRY)
    files.config.write_text(f"{THEIRS}Include {files.own}\n")
    files.take_away("liver ct")
    assert files.config.read_text() == THEIRS


def test_without_a_folder_both_files_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    files = SshFiles(tmp_path / "none")
    files.put(ENTRY)
    assert files.include()
    assert files.config.read_text() == f"Include {files.own}\n"
    assert not (files.folder / BACKUP).exists()
    modes = {one.name: one.stat().st_mode & 0o777 for one in (files.folder, files.own, files.config)}
    assert modes == {"none": 0o700, "labeltui.conf": 0o600, "config": 0o600}


def test_a_configuration_that_is_a_link_stays_one(files: SshFiles, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles-config"
    files.config.rename(real)
    files.config.symlink_to(real)
    files.include()
    assert files.config.is_symlink()
    assert real.read_text().endswith(THEIRS)


def test_bytes_that_are_no_text_survive(files: SshFiles) -> None:
    files.config.write_bytes(b"# caf\xe9\n")
    files.include()
    assert files.config.read_bytes().endswith(b"# caf\xe9\n")


def test_a_file_that_cannot_be_read_or_written_is_a_failure_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match=r"labeltui.conf can't be read: Not a directory\.") as unread:
        SshFiles(tmp_path / "file").put(ENTRY)
    files = SshFiles(tmp_path / "folder")
    files.folder.mkdir()
    files.own.symlink_to("/proc/none/labeltui.conf")
    with pytest.raises(Failed, match=r"/proc/none/labeltui.conf can't be written: ") as unwritten:
        files.put(ENTRY)
    assert unread.value.problem.code == unwritten.value.problem.code == "ssh_config"
