"""The cost of a connected, idle console, compared with a bare Textual application.

``LABELTUI_BENCH_IDLE_S`` sets the seconds of the measurement (60).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.cost import Cost
from tests.bench.figures import Row
from tests.bench.pty_program import on_terminal

NAME = "idle"
SECONDS, QUICK_SECONDS = 60.0, 10.0
MARGIN_S = 100.0


def run(quick: bool) -> list[Row]:
    """Measure CPU, memory and requests. The programs run one after the other and don't disturb each other."""
    from labeltui.session.server.pollers import QUEUE_S, WATCHED_S

    seconds = float(os.environ.get("LABELTUI_BENCH_IDLE_S", QUICK_SECONDS if quick else SECONDS))
    peer = measure("tests.bench.bare_app", seconds)
    ours = measure("tests.bench.idle_console", seconds)
    bare = "bare Textual app"
    rows = [
        Row(NAME, f"CPU of a core over {seconds:.0f} s", "%", ours.cpu_pct, bare, peer.cpu_pct, "below 2 %"),
        Row(NAME, "memory", "MiB", mib(ours.resident_kib), bare, mib(peer.resident_kib)),
        Row(NAME, "growth of memory", "MiB", mib(ours.growth_kib), bare, mib(peer.growth_kib), "none"),
    ]
    # One poll more than the interval allows may fall into the measured time.
    allowed = {"GET /info/": 60 / WATCHED_S, "GET /datastore/": 60 / QUEUE_S, "GET /train/": 60 / WATCHED_S}
    for endpoint in sorted(ours.requests.keys() | allowed.keys()):
        rate = allowed.get(endpoint)
        note = "" if rate is not None else "not in the design"
        figure = ours.requests.get(endpoint, 0.0)
        rows.append(Row(NAME, endpoint, "per min", figure, "the design's rate", rate, "no more", note))
    return rows


def mib(kib: int | None) -> float | None:
    """KiB as MiB."""
    return None if kib is None else kib / 1024


def measure(module: str, seconds: float) -> Cost:
    """Run ``python -m module SECONDS ANSWER`` on a PTY and return its answer. Raises RuntimeError without one."""
    with tempfile.TemporaryDirectory() as home:
        answer = Path(home) / "answer.json"
        argv = [sys.executable, "-m", module, str(seconds), str(answer)]
        with on_terminal(argv, {"LABELTUI_STATE": home, "LABELTUI_DEMO": ""}) as program:
            program.drain()
            deadline = time.monotonic() + seconds + MARGIN_S
            while not answer.exists() and program.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
        found = json.loads(answer.read_text()) if answer.exists() else {"error": f"{module} gave no answer"}
    if "error" in found:
        raise RuntimeError(found["error"])
    return Cost(**found)
