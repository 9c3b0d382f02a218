"""What the emulator makes of bytes, by xterm's rules, and what keys become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.ui.widgets.terminal.encoding import encode_key, encode_paste
from labeltui.ui.widgets.terminal.engine import Bittty


@pytest.mark.parametrize(
    ("fed", "rows"),
    [
        (b"abc", ["abc"]),
        (b"a\r\nb", ["a", "b"]),
        (b"ab\rX", ["Xb"]),
        (b"ab\x08X", ["aX"]),
        (b"\x1b[2;3HX", ["", "  X"]),
        (b"12345678901", ["1234567890", "1"]),
        (b"abc\x1b[1;2H\x1b[K", ["a"]),
        (b"abc\x1b[1;1H\x1b[P", ["bc"]),
        (b"abc\x1b[1;1H\x1b[@", [" abc"]),
        (b"abc\x1b[2J", [""]),
        (b"a\r\nb\x1b[1;1H\x1b[L", ["", "a", "b"]),
        (b"a\r\nb\x1b[1;1H\x1b[M", ["b"]),
        (b"ab\x1b7\x1b[3;3HX\x1b8Y", ["abY", "", "  X"]),
        (b"main\x1b[?1049halt\x1b[?1049l", ["main"]),
        (b"1\r\n2\r\n3\x1b[2;3r\x1b[3;1H\nX", ["1", "3", "X"]),
        (b"\xe6\xbc\xa2X", ["漢X"]),
        (b"\x1b]0;t\x07a\x1bP1;2q\x1b\\b", ["ab"]),
    ],
)
def test_screen(fed: bytes, rows: list[str]) -> None:
    engine = Bittty(10, 4)
    engine.feed(fed)
    shown = [engine.row(y).text.rstrip() for y in range(4)]
    assert shown == rows + [""] * (4 - len(rows))


@given(st.binary(max_size=200))
def test_no_escape_that_was_fed_is_drawn(fed: bytes) -> None:
    engine = Bittty(20, 4)
    engine.feed(fed)
    drawn = engine.title + "".join(engine.row(y).text for y in range(4))
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in drawn)


def test_a_title_is_never_reported_back_as_input() -> None:
    engine = Bittty(20, 4)
    assert b"pwned" not in engine.feed(b"\x1b]2;touch pwned\x07\x1b[21t\x1b[20t")


def test_the_cursor_is_reported() -> None:
    assert Bittty(20, 4).feed(b"\x1b[2;3H\x1b[6n") == b"\x1b[2;3R"


@pytest.mark.parametrize(
    ("key", "character", "application", "sent"),
    [
        ("a", "a", False, b"a"),
        ("enter", "\r", False, b"\r"),
        ("up", None, False, b"\x1b[A"),
        ("up", None, True, b"\x1bOA"),
        ("ctrl+left", None, True, b"\x1b[1;5D"),
        ("ctrl+c", "\x03", False, b"\x03"),
        ("ctrl+d", "\x04", False, b"\x04"),
        ("alt+b", None, False, b"\x1bb"),
        ("f1", None, False, b"\x1bOP"),
        ("f5", None, False, b"\x1b[15~"),
        ("shift+tab", None, False, b"\x1b[Z"),
        ("delete", "\x7f", False, b"\x1b[3~"),
        ("backspace", "\x7f", False, b"\x7f"),
        ("e_acute", "é", False, "é".encode()),
    ],
)
def test_keys(key: str, character: str | None, application: bool, sent: bytes) -> None:
    assert encode_key(key, character, application=application) == sent


def test_pasted_text_cannot_end_its_brackets() -> None:
    assert encode_paste("a\x1b[201~\nb", bracketed=True) == b"\x1b[200~a[201~\rb\x1b[201~"
