"""First paint with no profile and no network beside a bare Textual application, and --help beside bare Python."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Row
from tests.bench.pty_program import on_terminal

NAME = "startup"
RUNS, QUICK_RUNS = 11, 5
PAINT_WITHIN_S = 30.0
OURS: tuple[Sequence[str], bytes] = ((sys.executable, "-m", "labeltui"), b"labeltui")
PEER: tuple[Sequence[str], bytes] = ((sys.executable, "-m", "tests.bench.bare_app"), b"bare")
HELP = (("--help",), ("studies", "upload", "--help"), ("evening", "end", "--help"))
BARE_PYTHON = (sys.executable, "-c", "pass")


def run(quick: bool) -> list[Row]:
    """Alternating runs, so that other load on the machine affects both alike."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "HOME": home,
            "LABELTUI_CONFIG": str(Path(home) / "none.toml"),
            "LABELTUI_STATE": home,
            "LABELTUI_DEMO": "",
            "PYTHONDONTWRITEBYTECODE": "",  # both are compiled once, as an installed package is
        }
        runs = 1 + (QUICK_RUNS if quick else RUNS)  # the first run of each only warms the caches
        paints = [(first_paint(*OURS, environment), first_paint(*PEER, environment)) for _ in range(runs)][1:]
        helps = [_helps(environment) for _ in range(runs)][1:]
    figure, peer = (1000 * statistics.median(times) for times in zip(*paints, strict=True))
    what = "exec to first paint, no profile"
    rows = [Row(NAME, what, "ms", figure, "bare Textual app", peer, "at most 1.3 times")]
    bare, *ours = (1000 * min(times) for times in zip(*helps, strict=True))
    for words, time_ms in zip(HELP, ours, strict=True):
        rows.append(
            Row(NAME, f"{' '.join(words)}, CPU", "ms", time_ms, "bare Python", bare, "at most 150 ms more")
        )
    return rows


def _helps(environment: dict[str, str]) -> list[float]:
    """CPU seconds of bare Python, and of each help: it waits for nothing, and other load affects this less."""
    times = []
    for argv in (BARE_PYTHON, *((*OURS[0], *words) for words in HELP)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return times


def first_paint(argv: Sequence[str], wanted: bytes, environment: dict[str, str]) -> float:
    """Seconds from exec to the first painted word."""
    with on_terminal(argv, environment) as program:
        return program.wait_for(wanted, PAINT_WITHIN_S)
