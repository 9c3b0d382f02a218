"""Commands and console on a desk with a state folder on a real file system that is read-only or full."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.pty_program import on_terminal
from tests.paths import ROOT

PROFILE = """
[profiles.here]
host = "local"
[profiles.here.server]
folder = "{folder}/server"
studies = "{folder}/studies"
[profiles.here.labels]
folder = "{folder}/copies"
"""
MAKE = {
    "the file system is read-only": "mount -t tmpfs -o ro tmpfs {place}",
    "the disk is full": "mount -t tmpfs -o size=4k tmpfs {place}; head -c 9999 /dev/zero > {place}/filler 2>/dev/null",
}


def namespaces_work() -> bool:
    done = (
        subprocess.run(["unshare", "-rm", "true"], check=False, stderr=subprocess.DEVNULL)
        if shutil.which("unshare")
        else None
    )
    return done is not None and done.returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or not namespaces_work(), reason="needs mounts of its own"),
]


def on_bad_disk(tmp_path: Path, why: str, *arguments: str) -> list[str]:
    """The argv that runs labeltui with a state folder where nothing can be written."""
    place = tmp_path / "state"
    place.mkdir()
    config = tmp_path / "config.toml"
    config.write_text(PROFILE.format(folder=tmp_path))
    command = shlex.join([sys.executable, "-m", "labeltui", "--config", str(config), *arguments])
    make = MAKE[why].format(place=shlex.quote(str(place)))
    return ["unshare", "-rm", "sh", "-c", f"{make}; LABELTUI_STATE={shlex.quote(str(place))} exec {command}"]


@pytest.mark.parametrize("why", MAKE)
def test_a_command_names_it_in_one_sentence_and_works(tmp_path: Path, why: str) -> None:
    argv = on_bad_disk(tmp_path, why, "status", "--json")
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["host"]["state"] == "connected"
    assert done.stderr.splitlines() == [f"{tmp_path}/state/profiles/here can't be used: {why}."]


@pytest.mark.parametrize("why", MAKE)
def test_the_console_says_what_it_cannot_keep_and_works(tmp_path: Path, why: str) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    argv = on_bad_disk(tmp_path, why)
    with on_terminal(argv, {"TEXTUAL_ANIMATIONS": "none", "TMPDIR": str(temporary)}) as program:
        program.wait_for(b"connected", 40)
        program.wait_for(b"1 alert", 40)
        os.write(program.terminal, b"a")
        program.wait_for(why[-8:].encode(), 60)
        assert list(temporary.glob("labeltui-state-*"))
        program.process.terminate()
        program.drain()
        assert program.process.wait(20) == 128 + signal.SIGTERM
    assert not list(temporary.glob("labeltui-state-*"))
