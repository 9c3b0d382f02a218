"""Where annotators connect to: the address that the operator's ssh uses, with every pinned key."""

from __future__ import annotations

from pathlib import Path

from labeltui.domain.invitations import Invitations
from labeltui.hosts.ssh.config_file import SshEntry
from labeltui.operations.invitations.place import _pinned, _warnings, place_of
from labeltui.operations.invitations.text import Place
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

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


@in_virtual_time
async def test_this_machine_is_named_by_its_own_name_with_both_warnings(tmp_path: Path) -> None:
    async with desk(tmp_path, host="local", ssh=None) as it:
        place, warnings = await place_of(it.session, Invitations(ssh_port=2222))
        hello = (await it.session.link.ready()).hello
    assert place == Place(hello.user, hello.hostname, 2222)
    assert f"the text says {hello.hostname}" in warnings[0]
    assert "no host key" in warnings[1]


@in_virtual_time
async def test_the_proxy_of_the_operators_ssh_is_a_warning(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host liver\n  HostName 192.0.2.7\n  ProxyCommand nc %h %p\n")
    async with desk(tmp_path, start=False, ssh={"address": "liver", "config": str(config)}) as it:
        _, warnings = await place_of(it.session, Invitations(ssh_port=22))
    assert "through nc" in warnings[0]
