"""Find and end the tmux processes that a test started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

WITHIN_S = 10.0
PATH = "/usr/bin:/bin:/usr/local/bin"


def tmux_processes(folder: Path) -> list[int]:
    """Ids of tmux servers and clients whose ``TMUX_TMPDIR`` is ``folder``; empty on systems without /proc."""
    mark = f"TMUX_TMPDIR={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if not (process / "comm").read_text().startswith("tmux"):
                continue
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def kill_tmux(folder: Path) -> None:
    """End the server with its shells, and any client that is about to start a new server."""
    subprocess.run(
        ["tmux", "-L", "labeltui", "kill-server"],
        env={"TMUX_TMPDIR": str(folder), "PATH": PATH}, check=False, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + WITHIN_S
    while left := tmux_processes(folder):
        assert time.monotonic() < end, f"tmux is still running in {folder}: {left}"
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
