"""A tmux of a test's own, and its end: nothing of it outlives the test."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

WITHIN_S = 10.0
PATH = "/usr/bin:/bin:/usr/local/bin"


def tmux_of(folder: Path) -> list[int]:
    """Processes of tmux, servers and clients, whose ``TMUX_TMPDIR`` is that folder; empty where there is no /proc."""
    mark = f"TMUX_TMPDIR={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if not (process / "comm").read_text().startswith("tmux"):
                continue
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def end_tmux(folder: Path) -> None:
    """End the server there with its shells, and a client that is only about to make one: it would come after."""
    subprocess.run(
        ["tmux", "-L", "labeltui", "kill-server"],
        env={"TMUX_TMPDIR": str(folder), "PATH": PATH}, check=False, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + WITHIN_S
    while left := tmux_of(folder):
        assert time.monotonic() < end, f"tmux goes on in {folder}: {left}"
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
