"""Thousands of labels are copied to the last one over a real sshd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.real.conftest import PROFILE, write_config
from tests.sshd import RealSshd, free_port

COUNT = 2000


def test_a_long_copy_goes_to_its_end(tmp_path: Path) -> None:
    sshd = RealSshd(tmp_path / "sshd")
    final = sshd.home / "my studies" / "labels" / "final"
    final.mkdir(parents=True)
    for number in range(COUNT):
        (final / f"case_{number:04}.nii.gz").write_bytes(b"label %d" % number)
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_public_key}\n")
    config = tmp_path / "config.toml"
    write_config(config, sshd, known_hosts, port=free_port())  # no server of another test
    copies = tmp_path / "copies"
    config.write_text(
        config.read_text() + f"[profiles.{PROFILE}.labels]\nfolder = {json.dumps(str(copies))}\n"
    )
    with sshd:
        done = subprocess.run(
            [sys.executable, "-m", "labeltui", "--config", str(config), "labels", "pull", "--json"],
            env={**os.environ, "LABELTUI_STATE": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert (document["total"], document["here"]) == (COUNT, COUNT)
    assert len(list((copies / "final").iterdir())) == COUNT
