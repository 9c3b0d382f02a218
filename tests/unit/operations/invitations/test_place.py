"""Where annotators connect to: the address that the operator's ssh uses, with every pinned key."""

from __future__ import annotations

from pathlib import Path

from labeltui.hosts.ssh.config_file import SshEntry
from labeltui.operations.invitations.place import _pinned, _warnings
from labeltui.operations.invitations.text import Place

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEY2vHLcQ4ZyvEn0Ht6mkVIbMMF2uAYKSrvFkbCpyLkj"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFY2vHLcQ4ZyvEn0Ht6mkVIbMMF2uAYKSrvFkbCpyLkj"


def entry(folder: Path, known: str, **more: str) -> SshEntry:
    (folder / "known").write_text(known)
    return SshEntry("liver", "192.0.2.7", 40022, "root", (folder / "known", folder / "missing"), **more)


def test_a_pods_key_is_found_by_its_id_and_written_for_its_address(tmp_path: Path) -> None:
    place = _pinned(entry(tmp_path, f"runpod-x {ED} comment\nother {OTHER}\n", key_alias="runpod-x"))
    assert place == Place("root", "192.0.2.7", 40022, (ED,))
    assert place.known_hosts == f"[192.0.2.7]:40022 {ED}"


def test_a_hosts_key_is_found_by_its_address_and_port(tmp_path: Path) -> None:
    place = _pinned(entry(tmp_path, f"[192.0.2.7]:40022 {ED}\n192.0.2.7 {OTHER}\n"))
    assert place.host_keys == (ED,)
    assert _pinned(entry(tmp_path, "")).host_keys == ()


def test_what_may_prevent_a_connection_is_named(tmp_path: Path) -> None:
    known = Place("root", "192.0.2.7", 22, (ED,))
    assert _warnings(entry(tmp_path, ""), known, "") == []
    assert "gate" in _warnings(entry(tmp_path, "", jump="gate"), known, "")[0]
    assert "nc %h" in _warnings(entry(tmp_path, ""), known, "nc %h")[0]
    unknown = _warnings(entry(tmp_path, ""), Place("root", "127.0.0.1", 22), "")
    assert [("nobody else" in one, "no key" in one) for one in unknown] == [(True, False), (False, True)]
