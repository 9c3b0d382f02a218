"""A few megabytes of hostile bytes through each engine, in a process of its own; tests/bench feeds many more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine


@pytest.mark.parametrize(("engine", "kilobytes"), [("bittty", 250), ("ghostty", 3000)])
def test_hostile_bytes_neither_end_nor_hold_up_the_console(engine: str, kilobytes: int) -> None:
    if engine == "ghostty" and not GhosttyEngine.installed():
        pytest.skip("no wheel of it here")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.fuzz", engine, str(kilobytes), "1"],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "escapes 0" in done.stdout
