"""The guard's folder: ``FOLDER/guard/POD/``, one for each pod, also where pods share a network volume.

``wish.json``    what consoles want; written by the door, under ``door.lock``
``copied.json``  which labels a desk has; written by the door, under ``door.lock``
``state.json``   what the guard sees and decides; written by the guard, which holds ``guard.lock``
``operator.key`` the operator's API key, 0600, only where the profile allows it
``guard.log``    what it did, without keys

A pod has one guard, also where profiles use several folders on it: ``claim``, outside of them, tells which has it.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import time
from typing import Any

from labeltui.hosts.agent.agent import read_text, write_json

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
        ("\n".join("%s=%s" % pair for pair in own.items()), r"(?m)^(RUNPOD_\w+)=(.*)$"),
    ):
        found.update((name, value) for name, value in re.findall(form, text) if value)
    return found


class GuardFiles:
    """Where the guard of this pod keeps things."""

    def __init__(self, folder: str, pod: str = "") -> None:
        name = pod or pod_environment().get("RUNPOD_POD_ID") or socket.gethostname()
        self.jobs = os.path.join(folder, "jobs")
        self.folder = os.path.join(folder, "guard", re.sub(r"[^A-Za-z0-9_-]", "_", name) or "_")
        self.wish, self.state, self.copied = (self.path(n + ".json") for n in ("wish", "state", "copied"))
        self.key, self.log_file = self.path("operator.key"), self.path("guard.log")
        self.claim = os.path.join(
            tempfile.gettempdir(), "labeltui-guard-%d-%s" % (os.getuid(), os.path.basename(self.folder))
        )
        self.lock, self.door_lock = self.path("guard.lock"), self.path("door.lock")

    def path(self, name: str) -> str:
        """A file of the folder."""
        return os.path.join(self.folder, name)

    def make(self) -> None:
        """Make the folder, for its owner only."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)

    def read(self, path: str) -> dict[str, Any]:
        """A document; empty when it is absent or broken."""
        try:
            document = json.loads(read_text(path) or "{}")
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, path: str, document: dict[str, Any]) -> None:
        """Replace a document whole."""
        self.make()
        write_json(path, document)

    def say(self, text: str) -> None:
        """One line in the guard's log; the log before it is kept once."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        try:
            if os.path.getsize(self.log_file) > LOG_BYTES:
                os.replace(self.log_file, self.log_file + ".1")
        except OSError:
            pass
        try:
            with open(self.log_file, "a", encoding="utf-8", errors="replace") as log:
                log.write("%s %s\n" % (stamp, text.replace("\n", " ")))
        except OSError:
            pass  # a full disk stops no guard
