"""Many labels over a real sshd: copied to the last one, and whole although the copy is killed or cut off."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from labeltui.session.labels.folder import LabelFolder
from tests.real.conftest import KILLS, PROFILE, write_config
from tests.sshd import RealSshd, free_port

COUNT = 2000
CUT = 300  # labels of a copy that is cut off


@dataclass
class Desk:
    """A profile over an sshd without MONAI Label, and its folder of copies."""

    sshd: RealSshd
    final: Path
    copies: Path
    argv: list[str]
    environment: dict[str, str]

    def pull(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.argv, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    sshd = RealSshd(tmp_path / "sshd")
    final = sshd.home / "my studies" / "labels" / "final"
    final.mkdir(parents=True)
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_public_key}\n")
    config = tmp_path / "config.toml"
    write_config(config, sshd, known_hosts, port=free_port())  # no server of another test
    copies = tmp_path / "copies"
    config.write_text(
        config.read_text() + f"[profiles.{PROFILE}.labels]\nfolder = {json.dumps(str(copies))}\n"
    )
    argv = [sys.executable, "-m", "labeltui", "--config", str(config), "labels", "pull", "--json"]
    with sshd:
        yield Desk(sshd, final, copies, argv, {**os.environ, "LABELTUI_STATE": str(tmp_path / "state")})


def test_a_long_copy_goes_to_its_end(desk: Desk) -> None:
    for number in range(COUNT):
        (desk.final / f"case_{number:04}.nii.gz").write_bytes(b"label %d" % number)
    pull = desk.pull()
    stdout, stderr = pull.communicate(timeout=300)
    assert pull.returncode == 0, stdout + stderr
    document = json.loads(stdout)
    assert (document["total"], document["here"]) == (COUNT, COUNT)
    assert len(list((desk.copies / "final").iterdir())) == COUNT


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("how", ["kill", "cut"])
def test_a_copy_that_is_cut_off_at_any_moment_leaves_whole_labels(desk: Desk, how: str) -> None:
    """Kill the command, or cut its connection and then kill it, so that it does not connect again."""
    chance = random.Random(11)
    for number in range(CUT):
        (desk.final / f"case_{number:04}.nii.gz").write_bytes(chance.randbytes(chance.randrange(1, 300_000)))
    there = sums(desk.final)
    amounts = []
    for _ in range(KILLS):
        shutil.rmtree(desk.copies, ignore_errors=True)
        pull = desk.pull()
        cut_off(pull, chance, desk.sshd.drop_sessions if how == "cut" else pull.kill)
        checked = LabelFolder(desk.copies).check()
        assert all(one.state == "same" and one.entry.sha256 == there[one.entry.name] for one in checked)
        amounts.append(len(checked))
    print(f"{how}: {KILLS} times, with {min(amounts)} to {max(amounts)} of {CUT} labels here")
    assert sum(0 < amount < CUT for amount in amounts) > KILLS / 2
    last = desk.pull()
    stdout, stderr = last.communicate(timeout=120)
    assert last.returncode == 0, stdout + stderr
    assert sums(desk.copies / "final") == there
    assert not list((desk.copies / "incoming").iterdir())


def cut_off(pull: subprocess.Popen[str], chance: random.Random, cut: Callable[[], None]) -> None:
    """Call ``cut`` at a random moment of a running copy."""
    assert pull.stderr is not None
    after = chance.randrange(CUT)
    for number, _line in enumerate(line for line in pull.stderr if "is copied" in line):
        if number >= after:
            break
    time.sleep(chance.uniform(0, 0.02))
    cut()
    time.sleep(chance.uniform(0, 0.1))
    pull.kill()
    pull.communicate()


def test_a_copy_connects_again_and_copies_the_rest(desk: Desk) -> None:
    for number in range(CUT):
        (desk.final / f"case_{number:04}.nii.gz").write_bytes(os.urandom(1_000_000))
    pull = desk.pull()
    assert pull.stderr is not None
    said = []
    for line in pull.stderr:
        said.append(line)
        if f"is copied, {CUT // 10} of" in line:
            desk.sshd.drop_sessions()
    assert pull.wait(60) == 0, said[-10:]
    assert [line for line in said if "connects again and copies the rest" in line]
    assert sums(desk.copies / "final") == sums(desk.final)
