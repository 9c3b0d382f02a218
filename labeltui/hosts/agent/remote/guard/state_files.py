"""The guard's folder: ``FOLDER/guard/POD/``. Each pod has its own, even on a shared network volume.

``wish.json`` the desired settings from consoles; the agent writes it under ``door.lock`` ``copied.json`` the
labels that were copied; the agent writes it under ``door.lock`` ``state.json`` activity and decision; the guard
writes it and holds ``guard.lock`` ``guard.log`` the guard's log, without keys

A pod has one guard, even if profiles use several folders on it. ``claim``, a file in the system's temporary folder,
names the folder of that guard.
"""

from __future__ import annotations

import os
import re
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from labeltui.domain.guard.wire import AGENT_LOCK_FILE, DESIRED_FILE
from labeltui.hosts.agent.remote.files import read_json, read_text, write_json

ENVIRONMENT = "/etc/rp_environment"
ENVIRONMENT_ELSEWHERE = "LABELTUI_RP_ENVIRONMENT"
LOG_BYTES = 1 << 18


def pod_environment(environ: dict[str, str] | None = None) -> dict[str, str]:
    """Return RunPod's environment variables.

    They come from this process, from the file that RunPod's start script writes, or from the container's first
    process; the first of these that has a variable decides. An SSH session has none of its own. Values in the
    file that contain shell syntax are skipped, because the script does not escape them.
    """
    own = dict(os.environ) if environ is None else environ
    found: dict[str, str] = {}
    for text, form in (
        (read_text("/proc/1/environ").replace("\0", "\n"), r"(?m)^(RUNPOD_\w+)=(.*)$"),
        (read_text(own.get(ENVIRONMENT_ELSEWHERE, ENVIRONMENT)), r'(?m)^export (RUNPOD_\w+)="([^"$`\\]*)"$'),
        ("\n".join(f"{name}={value}" for name, value in own.items()), r"(?m)^(RUNPOD_\w+)=(.*)$"),
    ):
        found.update((name, value) for name, value in re.findall(form, text) if value)
    return found


class GuardFiles:
    """The paths of the guard's files for this pod."""

    def __init__(self, folder: Path, pod: str = "") -> None:
        name = pod or pod_environment().get("RUNPOD_POD_ID") or socket.gethostname()
        self.jobs = folder / "jobs"
        self.folder = folder / "guard" / (re.sub(r"[^A-Za-z0-9_-]", "_", name) or "_")
        self.desired = self.folder / DESIRED_FILE
        self.state, self.copied = self.folder / "state.json", self.folder / "copied.json"
        self.log_file = self.folder / "guard.log"
        self.claim = Path(tempfile.gettempdir(), f"labeltui-guard-{os.getuid()}-{self.folder.name}")
        self.lock, self.agent_lock = self.folder / "guard.lock", self.folder / AGENT_LOCK_FILE

    def make(self) -> None:
        """Make the folder, accessible to its owner only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, path: Path) -> dict[str, Any]:
        """Read a JSON object. Empty if the file is missing or invalid."""
        return read_json(path)

    def write(self, path: Path, document: dict[str, Any]) -> None:
        """Replace a JSON file in one step."""
        self.make()
        write_json(path, document)

    def say(self, text: str) -> None:
        """Append one line to the guard's log. A log over 256 KiB is first renamed to ``guard.log.1``."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        with suppress(OSError):
            if self.log_file.stat().st_size > LOG_BYTES:
                self.log_file.replace(self.log_file.with_name("guard.log.1"))
        with suppress(OSError), self.log_file.open("a", encoding="utf-8", errors="replace") as log:
            line = text.replace("\n", " ")
            log.write(f"{stamp} {line}\n")  # a full disk must not stop the guard
