"""``ssh-config``: which host, which keys, where it is written, and when it is written again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.ssh.config_file import BACKUP
from labeltui.operations.ssh_config import keep_current
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

THEIRS = "Host box\n    HostName 192.0.2.9\n    User anna\n    Port 2222\n    ProxyJump gate\n"


@pytest.fixture(autouse=True)
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's ~/.ssh, with a configuration and one key."""
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    (folder / "config").write_text(THEIRS)
    (folder / "id_ed25519").write_text("private")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def shown(it: Desk) -> list[str]:
    """The lines of the Host that was shown last, without its name."""
    lines = [str(record["line"]).strip() for record in it.report.records]
    return lines[len(lines) - lines[::-1].index("Host labeltui-p") :]


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        ({"address": "box"}, [
            "HostName 192.0.2.9", "Port 2222", "User anna", "IdentityFile {ssh}/id_ed25519",
            "UserKnownHostsFile {state}/known_hosts {ssh}/known_hosts", "StrictHostKeyChecking yes", "ProxyJump gate",
        ]),
        ({"address": "eve@box:2200", "key": "~/.ssh/pod", "jump": "other", "known_hosts": "~/keys"}, [
            "HostName 192.0.2.9", "Port 2200", "User eve", "IdentityFile {ssh}/pod", "IdentitiesOnly yes",
            "UserKnownHostsFile {state}/known_hosts {home}/keys", "StrictHostKeyChecking yes", "ProxyJump other",
        ]),
        ({"address": "eve@box", "config": "none"}, [
            "HostName box", "Port 22", "User eve", "IdentityFile {ssh}/id_ed25519",
            "UserKnownHostsFile {state}/known_hosts {ssh}/known_hosts", "StrictHostKeyChecking yes",
        ]),
        ({"address": "eve@box", "config": "~/.ssh/other"}, [
            "HostName 192.0.2.10", "Port 22", "User eve", "IdentityFile {ssh}/id_ed25519",
            "UserKnownHostsFile {state}/known_hosts {ssh}/known_hosts", "HostKeyAlias lab",
            "StrictHostKeyChecking yes",
        ]),
    ],
)  # fmt: skip
@in_virtual_time
async def test_a_host_of_the_profile_as_ssh_itself_would_reach_it(
    tmp_path: Path, ssh: Path, section: dict[str, Any], lines: list[str]
) -> None:
    (ssh / "other").write_text("Host box\n    HostName 192.0.2.10\n    HostKeyAlias lab\n")
    before = contents(ssh)
    async with desk(tmp_path, start=False, ssh=section) as it:
        document = await it.run("ssh-config")
        places = {"ssh": ssh, "home": ssh.parent, "state": it.session.state_folder.known_hosts.parent}
    assert shown(it) == [line.format(**places) for line in lines]
    assert (document["host"], document["written"]) == ("labeltui-p", False)
    assert document["path"] == str(ssh / "labeltui.conf")
    assert "--write" in document["message"]
    assert it.host.connects == 0
    assert contents(ssh) == before


@in_virtual_time
async def test_it_is_written_beside_the_configuration_and_removed_again(tmp_path: Path, ssh: Path) -> None:
    async with desk(tmp_path, start=False, ssh={"address": "box"}) as it:
        written = await it.run("ssh-config", write=True)
        there = contents(ssh)
        again = await it.run("ssh-config", write=True)
        removed = await it.run("ssh-config", remove=True)
        absent = await it.run("ssh-config", remove=True)
    assert (written["address"], written["written"]) == ("anna@192.0.2.9:2222", True)
    assert written["message"].startswith("`ssh labeltui-p` works now, and so do scp, rsync and editors.")
    assert BACKUP in written["message"]
    assert BACKUP not in again["message"]
    assert there["config"] == f"Include {ssh / 'labeltui.conf'}\n\n{THEIRS}"
    assert "Host labeltui-p\n    HostName 192.0.2.9\n" in there["labeltui.conf"]
    assert removed["message"] == "Removed the profile's Host block from ssh's configuration."
    assert absent["message"] == "ssh's configuration had no Host block of this profile."
    assert contents(ssh) == {"config": THEIRS, "id_ed25519": "private", BACKUP: THEIRS}
    assert it.report.lines[-1] == absent["message"]


@in_virtual_time
async def test_this_machine_needs_no_ssh(tmp_path: Path, ssh: Path) -> None:
    before = contents(ssh)
    async with desk(tmp_path, start=False, host="local", ssh=None) as it:
        error = await it.failing("ssh-config", write=True)
    assert (error.problem.code, error.exit_code) == ("no_ssh", 2)
    assert contents(ssh) == before


@pytest.mark.parametrize("params", [{"write": True}, {"remove": True}])
@in_virtual_time
async def test_a_read_only_session_changes_no_file_of_ssh(
    tmp_path: Path, ssh: Path, params: dict[str, bool]
) -> None:
    before = contents(ssh)
    async with desk(tmp_path, start=False, read_only=True) as it:
        await it.run("ssh-config")
        error = await it.failing("ssh-config", **params)
    assert (error.problem.code, error.exit_code) == ("read_only", 3)
    assert shown(it)
    assert contents(ssh) == before


@in_virtual_time
async def test_a_pod_is_named_by_its_pinned_key_and_followed_to_its_next_address(
    tmp_path: Path, ssh: Path
) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        await it.session.link.ready()
        known = it.pin(pod_id)
        first = await it.run("ssh-config", write=True)
        pod = await it.session.account.find()
        text = (ssh / "labeltui.conf").read_text()
        it.elsewhere(pod_id, "stop")
        await it.run("pod.start")
        it.host.drop()
        await asyncio.sleep(60)
        await it.session.link.ready()
        it.pin(pod_id)
        await keep_current(it.session)
        moved = (ssh / "labeltui.conf").read_text()
    assert pod.ssh is not None
    assert shown(it) == [
        f"HostName {pod.ssh.host}", f"Port {pod.ssh.port}", "User root", f"IdentityFile {tmp_path / 'key'}",
        "IdentitiesOnly yes", f"UserKnownHostsFile {known}", f"HostKeyAlias runpod-{pod_id}",
        "StrictHostKeyChecking yes", "ForwardAgent no",
    ]  # fmt: skip
    assert first["address"] == f"root@{pod.ssh.host}:{pod.ssh.port}"
    assert all(line in text for line in shown(it))
    assert moved != text
    assert not it.session.store.state.alerts


@in_virtual_time
async def test_a_pod_that_was_never_reached_is_connected_to_first(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        pod_id = await it.rent()
        error = await it.failing("ssh-config")
        assert it.host.connects == 1
        it.pin(pod_id)
        document = await it.run("ssh-config")
    assert (error.problem.code, error.exit_code) == ("pod_starting", 4)
    assert document["host"] == "labeltui-p"


@in_virtual_time
async def test_a_host_that_was_never_written_is_not_updated_and_a_failure_is_an_alert(
    tmp_path: Path, ssh: Path
) -> None:
    async with desk(tmp_path, start=False, ssh={"address": "ops@192.0.2.7", "config": "none"}) as it:
        await keep_current(it.session)
        assert not (ssh / "labeltui.conf").exists()
        await it.run("ssh-config", write=True)
        own = ssh / "labeltui.conf"
        own.write_text(own.read_text().replace("192.0.2.7", "192.0.2.8"))
        await keep_current(it.session)
        assert "192.0.2.7" in own.read_text()
    async with desk(tmp_path, rents=True, start=False) as it:
        await keep_current(it.session)
        (alert,) = it.session.store.state.alerts
    assert alert.message.startswith("The Host block in ~/.ssh is out of date: ")
    assert "ssh-config --write" in alert.hint


@in_virtual_time
async def test_a_pod_without_a_key_of_its_own_leaves_the_choice_to_ssh(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, runpod={"pod": "annot"}) as it:
        pod_id = await it.rent()
        await it.session.link.ready()
        it.pin(pod_id)
        await it.run("ssh-config")
    assert not [line for line in shown(it) if line.startswith("Identit")]


@in_virtual_time
async def test_a_pod_without_an_address_has_no_host_for_ssh(tmp_path: Path, ssh: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        await it.session.link.ready()
        it.pin(pod_id)
        it.elsewhere(pod_id, "stop")
        error = await it.failing("ssh-config", write=True)
    assert (error.problem.code, error.exit_code) == ("pod_starting", 4)
    assert "annot has no ssh address now" in error.problem.message
    assert not (ssh / "labeltui.conf").exists()


@in_virtual_time
async def test_a_read_only_session_lets_an_old_address_stand(tmp_path: Path, ssh: Path) -> None:
    async with desk(tmp_path, start=False, ssh={"address": "box"}) as it:
        await it.run("ssh-config", write=True)
    before = contents(ssh)
    async with desk(tmp_path, start=False, read_only=True, ssh={"address": "eve@other"}) as it:
        await keep_current(it.session)
    assert contents(ssh) == before
    async with desk(tmp_path, start=False, ssh={"address": "eve@other"}) as it:
        await keep_current(it.session)
    assert "HostName other" in (ssh / "labeltui.conf").read_text()
