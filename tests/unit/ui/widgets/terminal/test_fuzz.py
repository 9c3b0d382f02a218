"""A few megabytes of hostile bytes through the whole pane, on a terminal of its own; tests/bench feeds many more."""

from __future__ import annotations

import asyncio

import pytest

from labeltui.ui.widgets.terminal.ghostty.engine import GhosttyEngine
from tests.bench.fuzz import MOST_GROWTH, fuzz
from tests.bench.terminal_output import OutputCheck
from tests.terminal.hostile_output import CANARY


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("engine", "kilobytes"), [("bittty", 300), ("ghostty", 4000)])
async def test_hostile_bytes_get_neither_out_nor_in(engine: str, kilobytes: int) -> None:
    if engine == "ghostty" and not GhosttyEngine.installed():
        pytest.skip("no wheel of it here")
    measured, output = await asyncio.to_thread(fuzz, engine, kilobytes, 1)
    assert measured["engine"] == engine
    assert measured["fed"] >= kilobytes * 1000
    assert measured["typed"] == []  # what a terminal answers has known shapes; nobody pressed a key
    assert output.unexpected == []
    assert output.visible_canaries > 0  # titles, and strings that were broken off, are shown: as text
    assert measured["grown_kib"] < MOST_GROWTH


@pytest.mark.parametrize(
    ("stream", "unexpected"),
    [
        (b"\x1b[1;38;2;1;2;3mtext\x1b[0m\x1b[3;4H\x1b[?2026h", []),
        (b"\x1b]52;c;aGk=\x07x", [b"\x1b]52;c;aGk=\x07"]),
        (b"\x1b]0;canary\x1b\\x", [b"\x1b]0;canary\x1b\\"]),
        (b"\x1bP$qm\x1b\\", [b"\x1bP$qm\x1b\\"]),
        (b"\x1b[6n", [b"\x1b[6n"]),
        (b"\x1b[21t", [b"\x1b[21t"]),
        (b"\x1bc", [b"\x1bc"]),
        (b"a\x07b\x08", [b"\x07", b"\x08"]),
        ("\x9b5n".encode(), [b"\xc2\x9b"]),
    ],
)
def test_what_textual_never_says_is_noticed_however_it_is_cut(stream: bytes, unexpected: list[bytes]) -> None:
    whole, cut = OutputCheck(CANARY), OutputCheck(CANARY)
    whole.take(stream + b" ")
    for byte in stream + b" ":
        cut.take(bytes([byte]))
    assert whole.unexpected == unexpected
    assert cut.unexpected == unexpected
