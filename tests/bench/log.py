"""The log pane under 10,000 lines a second with many held, beside Textual's Log and RichLog on the same lines.

``LABELTUI_BENCH_LOG_LINES`` sets how many are held (1,000,000). RichLog takes a minute for 300,000 and 4 kB for each,
so it holds 50,000 at most.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Row
from tests.bench.logpeers import RATE, Figures
from tests.bench.logread import Cost
from tests.bench.outer import on_terminal

NAME = "log"
LINES, QUICK_LINES, RICH_LINES = 1_000_000, 100_000, 50_000
SECONDS, QUICK_SECONDS = 10.0, 3.0
MARGIN_S = 120.0


def run(quick: bool) -> list[Row]:
    """One program after the other, so that none disturbs another."""
    held = int(os.environ.get("LABELTUI_BENCH_LOG_LINES", QUICK_LINES if quick else LINES))
    seconds = QUICK_SECONDS if quick else SECONDS
    ours = stream("ours", held, seconds)
    rows: list[Row] = []
    for peer, which, count in (("Log", "log", held), ("RichLog", "rich", min(held, RICH_LINES))):
        theirs = stream(which, count, seconds)
        note = "" if count == held else f"(peer holds {count:,})"
        rows += [
            Row(NAME, f"lines/s taken, {held:,} held", "/s", ours.rate, peer, theirs.rate, "10,000", note),
            Row(NAME, "CPU of a core", "%", ours.cpu_pct, peer, theirs.cpu_pct, "at most 15 %", note),
            Row(NAME, "loop lag, p99", "ms", ours.lag_p99_ms, peer, theirs.lag_p99_ms, "at most 5 ms", note),
            Row(NAME, "loop lag, most", "ms", ours.lag_max_ms, peer, theirs.lag_max_ms, "", note),
            Row(
                NAME,
                "memory per 1M lines",
                "MiB",
                ours.per_million,
                peer,
                theirs.per_million,
                "at most 100",
                note,
            ),
            Row(NAME, "lines held taken in", "s", ours.load_s, peer, theirs.load_s, "at most 1 s", note),
        ]
    none = "no such thing in Log"
    rows.append(Row(NAME, "regex over all lines", "ms", ours.regex_ms, none, None, "at most 100 ms"))
    rows.append(Row(NAME, "filter's first screen", "ms", ours.filter_ms, none, None, "at most 100 ms"))
    cost = reading(QUICK_LINES)
    cpu = cost.us * RATE / 1e6 * 100
    nobody = "reads nothing"
    rows.append(Row(NAME, f"CPU, both sources read and merged at {RATE:,}/s", "%", cpu, nobody, None, ""))
    rows.append(Row(NAME, "loop held by one delivery, p99", "ms", cost.held_p99_ms, nobody, None, ""))
    return rows


def reading(lines: int) -> Cost:
    """What goes before the widget: stdout and app.log, read for their meaning and merged."""
    with tempfile.TemporaryDirectory() as home:
        answer = Path(home) / "answer.json"
        argv = [sys.executable, "-m", "tests.bench.logread", str(lines), str(answer)]
        subprocess.run(argv, check=True, timeout=MARGIN_S)
        return Cost(**json.loads(answer.read_text()))


def stream(which: str, held: int, seconds: float) -> Figures:
    """Run one widget on a terminal of its own, and read its answer."""
    with tempfile.TemporaryDirectory() as home:
        answer = Path(home) / "answer.json"
        argv = [sys.executable, "-m", "tests.bench.logpeers", which, str(held), str(seconds), str(answer)]
        with on_terminal(argv, {"LABELTUI_STATE": home}) as program:
            program.drain()
            deadline = time.monotonic() + seconds + MARGIN_S
            while not answer.exists() and program.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
        if not answer.exists():
            raise RuntimeError(f"the stream into {which} gave no answer")
        return Figures(**json.loads(answer.read_text()))
