"""Find and end every process that was started inside a pod, including detached ones."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "LABELTUI_DEMO_POD"
"""Environment variable that every process of a pod has; its value is the pod's token."""


def of_pod(token: str) -> list[int]:
    """Return the ids of running processes whose environment names this pod. Empty on systems other than Linux.

    The token ``T`` also matches tokens ``T.anything``, so one sweep ends all pods of an account.
    """
    needle = f"{MARK}={token}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if any(entry == needle or entry.startswith(needle + b".") for entry in environment.split(b"\0")):
            found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def _job_groups(folder: Path) -> Iterator[int]:
    """Yield the process groups in the agent's job files, to find detached jobs on systems without /proc."""
    for path in folder.glob("jobs/*.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            group = json.loads(path.read_text()).get("pgid")
            if isinstance(group, int) and group > 1:
                yield group


def sweep(token: str, folder: Path, *, patience: float = 5.0) -> list[int]:
    """Kill the pod's processes. Returns the ids of processes that still run after ``patience`` seconds."""
    if not Path("/proc/self/environ").exists():
        for group in _job_groups(folder):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        return []
    deadline = time.monotonic() + patience
    while (left := of_pod(token)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return left
