"""Whether a process runs."""

from __future__ import annotations

import os
import subprocess
import sys

from labeltui.support.processes import runs


def test_a_process_runs_until_it_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert runs(child.pid)
    finally:
        child.communicate()
    assert not runs(child.pid)
    assert runs(os.getpid())
    assert not runs(10**30), "no process has such an id"
