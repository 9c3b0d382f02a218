"""OpenSSH's sshd with AllowTcpForwarding no: the tunnel has failed, and the rest works."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.real.conftest import PORT, Bench, write_config
from tests.sshd import RealSshd


def test_it_is_named_as_ssh_names_it_and_nothing_is_said_to_be_stopped(tmp_path: Path) -> None:
    with RealSshd(tmp_path / "sshd", options=("AllowTcpForwarding no",)) as sshd:
        known_hosts, config, state = tmp_path / "known_hosts", tmp_path / "config.toml", tmp_path / "state"
        known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_public_key}\n")
        (sshd.home / "my studies").mkdir()
        write_config(config, sshd, known_hosts)
        theirs = subprocess.run(
            ["ssh", "-F", "none", "-i", str(sshd.client_key), "-p", str(sshd.port), "-o",
             f"UserKnownHostsFile={known_hosts}", "-W", f"127.0.0.1:{PORT}", f"{sshd.user}@127.0.0.1"],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
        assert "administratively prohibited" in theirs.stderr

        bench = Bench(sshd, sshd.home, config, state, {**os.environ, "LABELTUI_STATE": str(state)})
        server = bench.run("server", "status").document
        assert server["state"] == "unreachable"
        assert "administratively prohibited" in server["error"]["message"]
        document = bench.run("status").document
        assert document["tunnel"]["state"] == "failed"
        assert document["labels"]["total"] is None
        for command in (("studies", "list"), ("labels", "pull"), ("server", "start"), ("tunnel",)):
            ran = bench.run(*command)
            assert ran.code != 0, command
            assert "administratively prohibited" in ran.document["error"]["message"], command
        argv = bench.argv("shell", "--json", "--", "echo in")
        shell = subprocess.run(
            argv, env=bench.environment, capture_output=True, text=True, check=True, timeout=60
        )
        assert json.loads(shell.stdout)["output"] == "in\n"
