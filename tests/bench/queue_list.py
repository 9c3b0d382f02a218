"""The list of 100,000 studies, from the datastore's file on the host to the session's store on this machine.

The peer is the list that labeltui asks of a server through its API, with the same studies. The time of the server (3 s
for MONAI Label 0.8.5) and of the transport are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import Row
from tests.bench.queue_reading import Figures

NAME = "queue list"
COUNT, QUICK_COUNT = 100_000, 10_000
LIMIT_S = 180.0
PEER = "the API"


def run(quick: bool) -> list[Row]:
    """Run one program after the other; they don't disturb each other."""
    count = QUICK_COUNT if quick else COUNT
    ours, theirs = read("file", count), read("api", count)
    pairs = (
        (f"{count:,} studies, file to store", "s", "first_s", ""),
        ("CPU of this process for that", "s", "first_cpu_s", ""),
        ("longest stall of the loop", "ms", "stall_ms", "at most 50 ms"),
        ("CPU of its event loop in that time", "ms", "stall_cpu_ms", ""),
        ("one study changed, file to store", "s", "change_s", ""),
        ("longest stall at a change", "ms", "change_stall_ms", "at most 50 ms"),
        ("other requests of the agent, slowest", "ms", "ping_ms", ""),
        ("sent, all studies", "kB", "sent_kb", ""),
    )
    return [
        Row(NAME, what, unit, getattr(ours, field), PEER, getattr(theirs, field), limit)
        for what, unit, field, limit in pairs
    ]


def read(source: str, count: int) -> Figures:
    """Read the list in a process of its own. Raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "tests.bench.queue_reading", source, str(count), folder, str(answer)]
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
        if not answer.is_file():
            raise RuntimeError(f"{source} failed: {done.stderr.decode(errors='replace')[-2000:]}")
        return Figures(**json.loads(answer.read_text()))
