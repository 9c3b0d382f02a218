"""The guard's folder: ``FOLDER/guard/POD/``, one for each pod, also where pods share a network volume.

``wish.json``    what consoles want; written for consoles, under ``door.lock``
``copied.json``  which labels a desk has; written for consoles, under ``door.lock``
``state.json``   what the guard sees and decides; written by the guard, which holds ``guard.lock``
``operator.key`` the operator's API key, 0600, only where the profile allows it
``guard.log``    what it did, without keys

A pod has one guard, also where profiles use several folders on it: ``claim``, outside of them, tells which has it.
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

from labeltui.hosts.agent.remote.files import read_json, read_text, write_json

ENVIRONMENT = "/etc/rp_environment"
ENVIRONMENT_ELSEWHERE = "LABELTUI_RP_ENVIRONMENT"
LOG_BYTES = 1 << 18


def pod_environment(environ: dict[str, str] | None = None) -> dict[str, str]:
    """RunPod's variables: of this process, of the start script's export, of the container's first process.

    An ssh session has none of them itself. Of the export only plain values are taken: it is written naively.
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
    """Where the guard of this pod keeps things."""

    def __init__(self, folder: Path, pod: str = "") -> None:
        name = pod or pod_environment().get("RUNPOD_POD_ID") or socket.gethostname()
        self.jobs = folder / "jobs"
        self.folder = folder / "guard" / (re.sub(r"[^A-Za-z0-9_-]", "_", name) or "_")
        self.wish, self.state, self.copied = (
            self.folder / f"{name}.json" for name in ("wish", "state", "copied")
        )
        self.key, self.log_file = self.folder / "operator.key", self.folder / "guard.log"
        self.claim = Path(tempfile.gettempdir(), f"labeltui-guard-{os.getuid()}-{self.folder.name}")
        self.lock, self.door_lock = self.folder / "guard.lock", self.folder / "door.lock"

    def make(self) -> None:
        """Make the folder, for its owner only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, path: Path) -> dict[str, Any]:
        """A document; empty when it is absent or broken."""
        return read_json(path)

    def write(self, path: Path, document: dict[str, Any]) -> None:
        """Replace a document whole."""
        self.make()
        write_json(path, document)

    def say(self, text: str) -> None:
        """One line in the guard's log; the log before it is kept once."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        with suppress(OSError):
            if self.log_file.stat().st_size > LOG_BYTES:
                self.log_file.replace(self.log_file.with_name("guard.log.1"))
        with suppress(OSError), self.log_file.open("a", encoding="utf-8", errors="replace") as log:
            line = text.replace("\n", " ")
            log.write(f"{stamp} {line}\n")  # a full disk stops no guard
