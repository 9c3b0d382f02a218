"""First paint of ``labeltui`` with no profile and no network, beside a bare Textual application."""

from __future__ import annotations

import statistics
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


def run(quick: bool) -> list[Row]:
    """Medians of alternating runs, so that other load on the machine affects both alike."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "HOME": home,
            "LABELTUI_CONFIG": str(Path(home) / "none.toml"),
            "LABELTUI_STATE": home,
            "LABELTUI_DEMO": "",
            "PYTHONDONTWRITEBYTECODE": "",  # both are compiled once, as an installed package is
        }
        ours: list[float] = []
        peers: list[float] = []
        for _ in range(1 + (QUICK_RUNS if quick else RUNS)):
            ours.append(first_paint(*OURS, environment))
            peers.append(first_paint(*PEER, environment))
    # The first run of each only warms the caches.
    figure, peer = (1000 * statistics.median(times[1:]) for times in (ours, peers))
    what = "exec to first paint, no profile"
    return [Row(NAME, what, "ms", figure, "bare Textual app", peer, "at most 1.3 times")]


def first_paint(argv: Sequence[str], wanted: bytes, environment: dict[str, str]) -> float:
    """Seconds from exec to the first painted word."""
    with on_terminal(argv, environment) as program:
        return program.wait_for(wanted, PAINT_WITHIN_S)
