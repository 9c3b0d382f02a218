"""Invitations in authorized_keys: every other line keeps its bytes, and no request can add another kind of line."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.invited import keys, sshd

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43
OPTIONS = 'restrict,port-forwarding,permitopen="127.0.0.1:8000",permitlisten="NONE:1",command="exit 1"'
THEIRS = b"# mine\r\nssh-rsa AAAA me@desk\n\n\xff not text"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "authorized_keys"
    path.write_bytes(THEIRS)
    path.chmod(0o640)
    return path


def connection(pid: int, since: float | None) -> sshd.Connection:
    return sshd.Connection(pid, (pid,), since)


def test_a_key_is_added_below_the_other_lines_which_keep_their_bytes(file: Path) -> None:
    keys.add(file, "anna", KEY, 8000)
    added = file.read_bytes().removeprefix(THEIRS + b"\n").decode().splitlines()
    assert added[0].startswith("# labeltui invitation of anna since ")
    assert added[1:] == [f"{OPTIONS} {KEY} labeltui-invitation:anna"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["authorized_keys"]
    (one,) = keys.read(file)
    assert (one.name, one.key, one.port) == ("anna", KEY, 8000)
    keys.revoke(file, "anna", None, None)
    assert file.read_bytes() == THEIRS + b"\n"


def test_a_second_key_of_a_name_takes_the_place_of_the_first(file: Path) -> None:
    keys.add(file, "anna", KEY, 8000)
    keys.add(file, "ann", OTHER, 8000)
    keys.add(file, "anna", OTHER, 8001)
    assert [(one.name, one.key, one.port) for one in keys.read(file)] == [
        ("ann", OTHER, 8000),
        ("anna", OTHER, 8001),
    ]


def test_a_new_file_and_its_folder_are_private_and_a_link_stays_a_link(tmp_path: Path) -> None:
    new = tmp_path / "home/.ssh/authorized_keys"
    keys.add(new, "anna", KEY, 8000)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (new.parent, new)] == [0o700, 0o600]
    link = tmp_path / "link"
    link.symlink_to(new)
    keys.add(link, "ben", OTHER, 8000)
    assert link.is_symlink()
    assert [one.name for one in keys.read(new)] == ["anna", "ben"]


@pytest.mark.parametrize(
    ("name", "key", "port"),
    [
        ("anna\nssh-rsa AAAA", KEY, 8000),
        ('a" ', KEY, 8000),
        ("", KEY, 8000),
        ("a" * 33, KEY, 8000),
        ("anna", KEY + "\nssh-rsa AAAA", 8000),
        ("anna", "ssh-rsa AAAA", 8000),
        ("anna", KEY, 0),
        ("anna", KEY, 65536),
    ],
)
def test_a_hostile_request_writes_nothing(file: Path, name: str, key: str, port: int) -> None:
    with pytest.raises(Problem):
        keys.add(file, name, key, port)
    assert file.read_bytes() == THEIRS


def test_a_revoked_key_is_gone_wherever_it_stands(file: Path) -> None:
    keys.add(file, "anna", KEY, 8000)
    lines = file.read_bytes().splitlines(keepends=True)
    lines.remove(next(one for one in lines if one.startswith(b"# labeltui")))
    renamed = f"{OPTIONS} {KEY} labeltui-invitation:eve\n{KEY} by hand\n".encode()
    file.write_bytes(b"".join(lines) + renamed)
    assert keys.revoke(file, "anna", KEY, None)["removed"] == 2
    assert KEY.split()[1].encode() not in file.read_bytes()


def test_a_file_that_can_not_be_replaced_stays_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keys.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keys.add(file, "anna", KEY, 8000)
    assert [path.name for path in file.parent.iterdir()] == ["authorized_keys"]
    assert file.read_bytes() == THEIRS


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A host with these connections, by process and start, and this log. Ended connections are gone."""

    def has(connections: dict[int, float | None], log: dict[int, str]) -> None:
        def ended(those: Any) -> int:
            for one in list(those):
                del connections[one.pid]
            return 0

        monkeypatch.setattr(sshd, "logged_keys", lambda _text: log)
        monkeypatch.setattr(sshd, "log_text", str)
        monkeypatch.setattr(sshd, "end", ended)
        monkeypatch.setattr(keys, "LOGIN_S", 0)

    return has  # type: ignore[return-value]


def presences(*connections: sshd.Connection) -> list[bool | None]:
    invited = [keys.Invited("anna", KEY, 8000, 1000.0), keys.Invited("ben", OTHER, 8000, 2000.0)]
    return list(keys.presence(invited, connections))


def test_who_is_connected_is_known_from_the_log_or_unknown(host: Callable[..., None]) -> None:
    anna = keys.Invited("anna", KEY, 8000, 1000.0).fingerprint
    host({}, {1: anna, 2: ""})
    assert presences() == [False, False]
    assert presences(connection(1, 3000.0)) == [True, False]
    assert presences(connection(2, 3000.0)) == [False, False]  # it has a password
    assert presences(connection(3, 3000.0)) == [None, None]
    assert presences(connection(3, 1500.0)) == [None, False]  # it is older than ben's invitation
    assert presences(connection(1, 3000.0), connection(3, 3000.0)) == [True, None]
    assert list(keys.presence([keys.Invited("anna", KEY, 8000, None)], None)) == [None]


def test_a_key_that_sshd_exposes_is_known_without_a_log(host: Callable[..., None]) -> None:
    host({}, {})
    invited = [keys.Invited("anna", KEY, 8000, 0.0), keys.Invited("ben", OTHER, 8000, 0.0)]
    new, old = connection(3, time.time() - 60), connection(4, time.time() - 10 * 24 * 3600)
    assert list(keys.presence(invited, [new], frozenset({KEY}))) == [True, False]
    assert list(keys.presence(invited, [old], frozenset({KEY}))) == [
        True,
        None,
    ]  # ben's file may be cleaned away
    assert list(keys.presence(invited, [], frozenset({KEY}))) == [False, False]


def test_a_revocation_cuts_the_keys_connections_and_those_that_may_be(
    file: Path, host: Callable[..., None]
) -> None:
    keys.add(file, "anna", KEY, 8000)
    (anna,) = keys.read(file)
    assert anna.since is not None
    connections = {1: anna.since, 2: anna.since, 3: anna.since, 4: anna.since - 3600}
    host(connections, {1: anna.fingerprint, 2: "SHA256:somebody's"})

    def present() -> list[sshd.Connection]:
        return [connection(pid, since) for pid, since in connections.items()]

    answer = keys.revoke(file, "anna", None, present)
    assert connections.keys() == {2, 4}  # another key's, and one that is older than the invitation
    assert (answer["cut"], answer["unclear"], answer["left"]) == (2, 1, 0)
    assert keys.revoke(file, "anna", None, present)["cut"] == 0
    assert connections.keys() == {2, 4}
