"""Output that goes to the real terminal stays on its alternate screen."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.ui.panes.shell.passed_output import RESET, PassedOutput


def passed(*pieces: bytes) -> tuple[bytes, bytes, int]:
    """What the engine gets, what the terminal gets, and how often it is painted."""
    output = PassedOutput()
    all_of = [piece for data in pieces for piece in output.pieces(data)]
    return b"".join(p.raw for p in all_of), b"".join(p.shown for p in all_of), sum(p.repaints for p in all_of)


@pytest.mark.parametrize(
    ("printed", "shown", "repaints"),
    [
        (b"plain \x1b[31mred\x1b[m \xe4\xb8\xad\r\n", b"plain \x1b[31mred\x1b[m \xe4\xb8\xad\r\n", 0),
        (b"\x1b[?1049hvim", b"\x1b[2Jvim", 0),
        (b"a\x1b[?1049lb", b"ab", 1),
        (b"\x1b[?47h\x1b[?1047l", b"\x1b[2J", 1),
        (b"\x1b[?1049;2004;1h", b"\x1b[?2004;1h\x1b[2J", 0),
        (b"\x1b[?1004;1049l", b"\x1b[?1004l", 1),
        (b"\x1b[?1003h\x1b[?25l", b"\x1b[?1003h\x1b[?25l", 0),
        (b"\x1b[H\x1b[2J\x1b[3J", b"\x1b[H\x1b[2J", 0),
        (b"\x1bcx", RESET + b"x", 1),
        (b"\x1b[>1u\x1b[>5u\x1b[<u", b"\x1b[>1u\x1b[>5u\x1b[<1u", 0),
        (b"\x1b[>1u\x1b[<9u\x1b[<u", b"\x1b[>1u\x1b[<1u", 0),
        (b"\x1b[?1049\nh", b"\x18\nh", 0),
        (b"\x1b[?10\x0049h\x1b\r[3J", b"\x18\x0049h\x18\r[3J", 0),
        (b"\x1b[?1049\x1b\nh", b"\x1b[?1049\x18\nh", 0),
        (b"\x1b[?01049hx", b"\x1b[2Jx", 0),
        (b"\x1b[?u\x1b[=1u\x1b[u", b"\x1b[?u\x1b[=1u\x1b[u", 0),
    ],
)  # fmt: skip
def test_what_would_uncover_or_erase_the_terminal_is_replaced(
    printed: bytes, shown: bytes, repaints: int
) -> None:
    assert passed(printed) == (printed, shown, repaints)
    assert passed(*(printed[n : n + 1] for n in range(len(printed)))) == (printed, shown, repaints)


def test_modes_that_stayed_pushed_are_taken_back() -> None:
    output = PassedOutput()
    assert output.pops == b""
    assert len([*output.pieces(b"\x1b[>1u\x1b[>3u")]) == 1
    assert output.pops == b"\x1b[<2u"


PARTS = (b"\x1b", b"[", b"?", b"1049", b";", b"h", b"l", b"x", b"47", b"c", b"<", b"u", b">", b"3J")


@given(st.lists(st.sampled_from(PARTS)))
@settings(max_examples=300, deadline=None)
def test_no_switch_of_screens_passes_however_output_is_cut(parts: list[bytes]) -> None:
    raw, shown, _ = passed(*parts, b"\n")
    whole = passed(b"".join(parts) + b"\n")
    assert raw == b"".join(parts) + b"\n" == whole[0]
    assert shown == whole[1]
    obeyed = re.sub(rb"\x1b\[\?[0-9;]*(?=[\x18\x1b])", b"", shown.replace(RESET, b""))  # others are cancelled
    assert b"\x1b[?1049" not in obeyed
