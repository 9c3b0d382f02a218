"""A border keeps its place beside text whose width the terminal disputes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widgets import Input

from labeltui.domain.studies.study import Study
from labeltui.ui.app import Console
from labeltui.ui.widgets.columns import whole
from labeltui.ui.widgets.table.column_table import ColumnTable
from labeltui.ui.widths import steady
from tests.tmux_cleanup import kill_tmux
from tests.ui.fake_session import LOG, NOW, FakeSession, connected, fresh, settled, wait_for

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


@pytest.mark.parametrize(
    ("after", "shown"), [(" ", False), ("\x1b[1m   │\x1b[m", False), ("        │", True)]
)
def test_letters_that_may_be_drawn_apart_need_room_that_is_drawn_again(after: str, shown: bool) -> None:
    assert ("हिन्दी" in steady(f"a हिन्दी{after}\x1b[5;7Hb")) is shown


def test_no_sequence_is_taken_for_text() -> None:
    assert steady("\x1b[1m\ufe0fx\x1b[0m").startswith("\x1b[1m")


def styled(*texts: str) -> Strip:
    """A row that is laid out by its whole text, in segments of two styles."""
    styles = (Style(), Style(bold=True))
    parts = [Segment(text, styles[at % 2]) for at, text in enumerate(texts)]
    return Strip(parts, cell_len("".join(texts)))


@pytest.mark.parametrize(
    "texts",
    [
        ("a❤", "\ufe0f_cine"), ("❤", "\ufe0f", "_cine ❤", "\ufe0f"), ("👨\u200d", "👩\u200d👧 x"),
        ("1", "\ufe0f\u20e3 k"), ("❤", "\u0301\ufe0f"), ("plain", "❤️", "text"),
    ],
)  # fmt: skip
def test_a_style_that_begins_inside_an_emoji_moves_nothing(texts: tuple[str, ...]) -> None:
    row = whole(styled(*texts))
    assert sum(segment.cell_length for segment in row) == row.cell_length
    assert row.text == "".join(texts)


async def test_no_border_moves_while_a_pane_marks_a_part_of_an_emoji() -> None:
    name = "❤️_cine"
    state = connected()
    queue = state.queue.value
    assert queue is not None
    state = replace(state, queue=fresh(replace(queue, studies=(Study(name), *queue.studies[:3]))))
    line = f"[2026-11-23 17:02:31,201] [4242] [MainThread] [INFO] (datastore:101) - Saving label {name}\n".encode()
    app = Console(session=FakeSession(state, log=LOG + line), clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("slash", "❤", "enter")
        await settled(pilot)
        app.screen.query_one("QueuePane .filter", Input).value = "❤"
        table = app.screen.query_one(ColumnTable)
        await wait_for(pilot, lambda: table.count == 1, "the filtered study")
        await pilot.pause()
        drawn = app.screen._compositor.render_strips()
    assert sum(name in row.text for row in drawn) == 2
    for row in drawn:
        assert (row.text, sum(segment.cell_length for segment in row)) == (row.text, 120)


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
