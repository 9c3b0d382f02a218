"""``ssh-config``: which host, which keys, and where it is written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from labeltui.operations.ssh_config import keep_current
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


@pytest.fixture(autouse=True)
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's ~/.ssh, which does not exist yet."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home" / ".ssh"


def lines(it: Desk) -> list[str]:
    return [str(record["line"]).strip() for record in it.report.records]


def exists(path: Path) -> bool:
    return path.exists()


@in_virtual_time
async def test_the_host_is_shown_and_nothing_is_written(tmp_path: Path, ssh: Path) -> None:
    async with desk(tmp_path, start=False, ssh={"address": "ops@192.0.2.7:2222", "config": "none"}) as it:
        document = await it.run("ssh-config")
    assert (document["host"], document["address"], document["written"]) == (
        "labeltui-p", "ops@192.0.2.7:2222", False,
    )  # fmt: skip
    assert lines(it)[:4] == ["Host labeltui-p", "HostName 192.0.2.7", "Port 2222", "User ops"]
    assert "--write" in document["message"]
    assert not exists(ssh)


@in_virtual_time
async def test_it_is_written_with_its_key_and_jump_and_removed_again(tmp_path: Path, ssh: Path) -> None:
    section = {
        "address": "ops@192.0.2.7", "config": "none", "key": "~/.ssh/mine", "jump": "bastion",
        "known_hosts": str(tmp_path / "known"),
    }  # fmt: skip
    async with desk(tmp_path, start=False, ssh=section) as it:
        document = await it.run("ssh-config", write=True)
        text = (ssh / "labeltui.conf").read_text()
        removed = await it.run("ssh-config", remove=True)
        nothing = await it.run("ssh-config", remove=True)
    assert document["written"]
    assert "`ssh labeltui-p` works; so do scp, rsync and editors." in document["message"]
    assert f"IdentityFile {ssh / 'mine'}" in text
    assert "IdentitiesOnly yes" in text
    assert "ProxyJump bastion" in text
    assert str(tmp_path / "known") in text
    assert removed["message"] == "Its Host is removed from ssh's configuration."
    assert nothing["message"] == "There was no Host of this profile."


@in_virtual_time
async def test_this_machine_needs_no_ssh(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False, host="local", ssh=None) as it:
        error = await it.failing("ssh-config")
    assert (error.problem.code, error.exit_code) == ("no_ssh", 2)


@pytest.mark.parametrize("params", [{"write": True}, {"remove": True}])
@in_virtual_time
async def test_a_read_only_session_changes_no_file_of_ssh(
    tmp_path: Path, ssh: Path, params: dict[str, bool]
) -> None:
    async with desk(tmp_path, start=False, read_only=True) as it:
        error = await it.failing("ssh-config", **params)
    assert error.problem.code == "read_only"
    assert not exists(ssh)


@in_virtual_time
async def test_a_pod_is_named_by_its_pinned_key_and_followed_to_its_next_address(
    tmp_path: Path, ssh: Path
) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        await it.session.link.ready()
        known = it.pin(pod_id)
        first = await it.run("ssh-config", write=True)
        text = (ssh / "labeltui.conf").read_text()
        it.elsewhere(pod_id, "stop")
        await it.run("pod.start")
        it.host.drop()
        await asyncio.sleep(60)
        await it.session.link.ready()
        it.pin(pod_id)
        await keep_current(it.session)
        moved = (ssh / "labeltui.conf").read_text()
    assert f"IdentityFile {tmp_path / 'key'}" in text
    assert str(known) in text
    assert first["address"].rpartition(":")[2] in text
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
async def test_a_host_that_was_never_written_is_not_kept_and_a_failure_is_an_alert(
    tmp_path: Path, ssh: Path
) -> None:
    async with desk(tmp_path, start=False, ssh={"address": "ops@192.0.2.7", "config": "none"}) as it:
        await keep_current(it.session)
        assert not exists(ssh)
        await it.run("ssh-config", write=True)
        own = ssh / "labeltui.conf"
        own.write_text(own.read_text().replace("192.0.2.7", "192.0.2.8"))
        await keep_current(it.session)
        assert "192.0.2.7" in own.read_text()
    async with desk(tmp_path, rents=True, start=False) as it:
        await keep_current(it.session)
        (alert,) = it.session.store.state.alerts
    assert alert.message.startswith("ssh's own Host is out of date: ")
    assert "ssh-config --write" in alert.hint
