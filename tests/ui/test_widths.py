"""A border keeps its place beside text whose width the terminal disputes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from labeltui.ui.widths import steady
from tests.tmux_cleanup import kill_tmux

DISPUTED = [
    "❤️_cine", "✈️", "☺︎x", "👨‍👩‍👧", "🇩🇪", "👍🏽", "🫨", "1️⃣", "⚡", "a\u200bb", "นำ้", "हिन्दी",
    "\u1100\u1161\u11a8", "x\u00ad",
]  # fmt: skip


def drawn(data: str, width: int, wide: bool) -> str:
    """A row of a terminal that gives each disputed character two columns, or none."""
    cells, at, stored = [" "] * (width + 8), 0, 0
    for found in re.finditer(r"\x1b7|\x1b8|\x1b\[(\d+)C|\x1b\[[0-9;]*m|(.)", data, re.DOTALL):
        if found[0] == "\x1b7":
            stored = at
        elif found[0] == "\x1b8":
            at = stored
        elif found[1]:
            at += int(found[1])
        elif found[2]:
            disputed = not found[2].isascii() and found[2] not in "│─中é"
            for _ in range((2 if wide else 0) if disputed else cell_len(found[2])):
                cells[at], at = found[2], at + 1
    return "".join(cells)


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("text", DISPUTED)
def test_what_follows_is_at_its_column(text: str, wide: bool) -> None:
    cells = cell_len(text)
    row = f"│{text}{' ' * (12 - cells)}│ next │"
    shown = drawn(steady(row), 22, wide)
    assert [at for at, one in enumerate(shown) if one == "│"] == [0, 13, 20]
    assert "next" in shown


@pytest.mark.parametrize("text", ["plain", "│ ● ▶ ✓ ⠤⠔ ━╸", "中文 é", "\x1b[1;31mred\x1b[m", "Größe — “x”"])
def test_other_output_is_as_it_was(text: str) -> None:
    assert steady(text) == text


def test_nothing_spills_over_what_is_not_drawn_again() -> None:
    assert steady("a❤️\x1b[m\x1b[5;7Hb") == f"a{'?' * cell_len('❤️')}\x1b[m\x1b[5;7Hb"
    assert steady("❤️") == "?" * cell_len("❤️")


def test_no_sequence_is_taken_for_text() -> None:
    assert steady("\x1b[1m\ufe0fx\x1b[0m").startswith("\x1b[1m")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_tmux_keeps_the_borders(tmp_path: Path) -> None:
    rows = [f"│{text}{' ' * (12 - cell_len(text))}│ next │" for text in DISPUTED]
    marks = "".join(f"\x1b[{row};14H#" for row in range(1, len(rows) + 1))
    (tmp_path / "rows").write_text("".join(steady(row) + "\r\n" for row in rows) + f"end{marks}")
    command = ["tmux", "-u", "-L", "labeltui", "-f", "/dev/null"]
    variables = {"TMUX_TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm"}
    try:
        shell = f"cat {shlex.quote(str(tmp_path / 'rows'))}; read line"
        subprocess.run(
            [*command, "new-session", "-d", "-x", "60", "-y", "30", shell], env=variables, check=True
        )
        end = time.monotonic() + 20
        while "end" not in (shown := capture(command, variables)):
            assert time.monotonic() < end, shown
            time.sleep(0.05)
        # Each mark has replaced a border: it stands in its column.
        assert [line.count("│") for line in shown.splitlines()[: len(rows)]] == [2] * len(rows), shown
    finally:
        kill_tmux(tmp_path)


def capture(command: list[str], variables: dict[str, str]) -> str:
    argv = [*command, "capture-pane", "-p"]
    return subprocess.run(argv, env=variables, check=True, capture_output=True, text=True).stdout
