"""The log pane at 10,000 lines a second, compared with Textual's Log and RichLog on the same lines.

``LABELTUI_BENCH_LOG_LINES`` sets the lines stored beforehand (1,000,000). RichLog needs a minute for 300,000 and 4 kB
for each, so it stores 50,000 at most.
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
from tests.bench.log_reading import Cost
from tests.bench.log_widgets import RATE, Figures
from tests.bench.pty_program import on_terminal

NAME = "log"
LINES, QUICK_LINES, RICH_LINES = 1_000_000, 100_000, 50_000
SECONDS, QUICK_SECONDS = 10.0, 3.0
MARGIN_S = 120.0


def run(quick: bool) -> list[Row]:
    """Run one program after the other; they don't disturb each other."""
    stored = int(os.environ.get("LABELTUI_BENCH_LOG_LINES", QUICK_LINES if quick else LINES))
    seconds = QUICK_SECONDS if quick else SECONDS
    ours = stream("ours", stored, seconds)
    rows: list[Row] = []
    for peer, which, count in (("Log", "log", stored), ("RichLog", "rich", min(stored, RICH_LINES))):
        theirs = stream(which, count, seconds)
        note = "" if count == stored else f"(peer stores {count:,})"
        rows += [
            Row(
                NAME, f"lines/s taken, {stored:,} stored", "/s", ours.rate, peer, theirs.rate, "10,000", note
            ),
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
            Row(NAME, "storing the lines before", "s", ours.load_s, peer, theirs.load_s, "at most 1 s", note),
        ]
    none = "not in Log"
    rows.append(Row(NAME, "regex over all lines", "ms", ours.regex_ms, none, None, "at most 100 ms"))
    rows.append(Row(NAME, "filter's first screen", "ms", ours.filter_ms, none, None, "at most 100 ms"))
    cost = reading(QUICK_LINES)
    cpu = cost.us * RATE / 1e6 * 100
    nobody = "no peer"
    rows.append(Row(NAME, f"CPU, both sources read and merged at {RATE:,}/s", "%", cpu, nobody, None, ""))
    rows.append(Row(NAME, "loop blocked by one chunk, p99", "ms", cost.blocked_p99_ms, nobody, None, ""))
    return rows


def reading(lines: int) -> Cost:
    """The work before the widget: stdout and app.log are parsed and merged."""
    with tempfile.TemporaryDirectory() as home:
        answer = Path(home) / "answer.json"
        argv = [sys.executable, "-m", "tests.bench.log_reading", str(lines), str(answer)]
        subprocess.run(argv, check=True, timeout=MARGIN_S)
        return Cost(**json.loads(answer.read_text()))


def stream(which: str, stored: int, seconds: float) -> Figures:
    """Run one widget on a PTY and return its figures. Raises RuntimeError without any."""
    with tempfile.TemporaryDirectory() as home:
        answer = Path(home) / "answer.json"
        argv = [
            sys.executable,
            "-m",
            "tests.bench.log_widgets",
            which,
            str(stored),
            str(seconds),
            str(answer),
        ]
        with on_terminal(argv, {"LABELTUI_STATE": home}) as program:
            program.drain()
            deadline = time.monotonic() + seconds + MARGIN_S
            while not answer.exists() and program.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
        if not answer.exists():
            raise RuntimeError(f"the stream into {which} gave no answer")
        return Figures(**json.loads(answer.read_text()))
