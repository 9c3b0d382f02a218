"""100,000 studies from the file on the host to the painted table, beside DataTable and textual-fastdatatable.

The host is this machine, with a real agent. All three tables are fed by the same list.

``pip install -e '.[bench]'`` installs the second peer.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.figures import Row

NAME = "queue"
COUNT, QUICK_COUNT = 100_000, 10_000
LIMIT_S = 180.0
PEERS = (("DataTable", "datatable", ""), ("fastdatatable", "fast", "textual_fastdatatable"))
STEPS = (
    ("load_ms", "file on the host to painted table", "600"),
    ("load_cpu_ms", "CPU of the console for that", ""),
    ("stall_ms", "longest stall of the loop", "50"),
    ("stall_cpu_ms", "CPU of the loop in that time", ""),
    ("sort_ms", "sort", "50"),
    ("filter_ms", "filter keystroke", "50"),
    ("change_ms", "one changed study", "50"),
)


def run(quick: bool) -> list[Row]:
    """Run one program after the other; they don't disturb each other."""
    count = QUICK_COUNT if quick else COUNT
    ours, rows = measure("ours", count), []
    for peer, which, module in PEERS:
        missing = bool(module) and importlib.util.find_spec(module) is None
        theirs = {} if missing else measure(which, count)
        note = "(the peer is not installed)" if missing else ""
        rows += [
            Row(NAME, f"{what}, {count:,}", "ms", ours[key], peer, theirs.get(key), limit, note)
            for key, what, limit in STEPS
        ]
    return rows


def measure(which: str, count: int) -> dict[str, Any]:
    """Run one table in its own process. Raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "tests.bench.queue_tables", which, str(count), str(answer)]
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
        if not answer.is_file():
            raise RuntimeError(f"{which} failed: {done.stderr.decode(errors='replace')[-500:]}")
        return dict(json.loads(answer.read_text()))
