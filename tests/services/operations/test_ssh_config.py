"""The Host that labeltui writes for ssh: read by the real ssh, and used by the real ssh and scp."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.ssh.config_file import SshEntry, SshFiles
from tests.sshd import RealSshd

THEIRS = "Host *\n    User somebody\n\nHost own\n    HostName 192.0.2.1\n"
ENTRY = SshEntry("liver ct", "203.0.113.7", 40022, "root", (Path("/state/a b/known_hosts-x"),), "runpod-x",
                 (Path("/keys/my key%h"),), identities_only=True)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> SshFiles:
    return SshFiles(tmp_path / "dot ssh")


def asked(files: SshFiles, host: str) -> dict[str, str]:
    """What the real ssh makes of our configuration."""
    answer = subprocess.run(
        ["ssh", "-F", str(files.config), "-G", host], capture_output=True, text=True, check=True
    )
    return dict(line.split(" ", 1) for line in answer.stdout.splitlines() if " " in line)


def test_ssh_reads_what_was_meant(files: SshFiles) -> None:
    files.folder.mkdir()
    files.config.write_text(THEIRS)
    files.put(replace(ENTRY, jump="ops@bastion:2222,second"))
    assert files.include()
    options = asked(files, "labeltui-liver-ct")
    assert (options["hostname"], options["port"], options["user"]) == ("203.0.113.7", "40022", "root")
    assert options["userknownhostsfile"].strip('"') == "/state/a b/known_hosts-x"
    assert options["hostkeyalias"] == "runpod-x"
    assert options["identityfile"] in ("/keys/my key%%h", "/keys/my key%h")
    assert options["identitiesonly"] == "yes"
    assert options["stricthostkeychecking"] in ("true", "yes")
    assert options["proxyjump"] == "ops@bastion:2222,second"
    assert asked(files, "own")["hostname"] == "192.0.2.1"
    assert asked(files, "other")["user"] == "somebody"


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[RealSshd]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    with RealSshd(folder) as server:
        yield server


def entry_for(sshd: RealSshd, known: Path) -> SshEntry:
    return SshEntry("real", "127.0.0.1", sshd.port, sshd.user, (known,), "runpod-abc", (sshd.client_key,),
                    identities_only=True)  # fmt: skip


def run(*argv: str) -> Any:
    return subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20, check=False
    )


def test_ssh_and_scp_reach_the_host_by_our_pin_and_no_other(
    files: SshFiles, sshd: RealSshd, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts-abc"
    known.write_text(f"runpod-abc {sshd.host_public_key}\n")
    files.put(entry_for(sshd, known))
    files.include()
    said = run("ssh", "-F", str(files.config), "-o", "BatchMode=yes", "labeltui-real", "echo here")
    assert (said.returncode, said.stdout) == (0, "here\n"), said.stderr
    source = tmp_path / "label.nii"
    source.write_text("voxels")
    copied = run(
        "scp",
        "-F",
        str(files.config),
        "-o",
        "BatchMode=yes",
        str(source),
        f"labeltui-real:{tmp_path}/there.nii",
    )
    assert copied.returncode == 0, copied.stderr
    assert (tmp_path / "there.nii").read_text() == "voxels"

    sshd.make_key(sshd.host_key)
    sshd.restart()
    refused = run("ssh", "-F", str(files.config), "-o", "BatchMode=yes", "labeltui-real", "echo here")
    assert refused.returncode == 255
    assert "here" not in refused.stdout
