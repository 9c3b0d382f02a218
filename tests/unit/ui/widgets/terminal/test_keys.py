"""Keys, pastes and mouse as xterm sends them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Key

from labeltui.ui.widgets.terminal.engine import Modes, Mouse
from labeltui.ui.widgets.terminal.keys import key_bytes, mouse_bytes, paste_bytes

NORMAL, APPLICATION = Modes(), Modes(application_cursor=True)

KEYS = [
    ("a", "a", b"a"), ("A", "A", b"A"), ("upper_a", "A", b"A"), ("1", "1", b"1"), ("space", " ", b" "),
    ("plus", "+", b"+"), ("slash", "/", b"/"), ("latin_small_letter_e_with_acute", "é", "é".encode()),
    ("中", "中", "中".encode()), ("enter", "\r", b"\r"), ("tab", "\t", b"\t"), ("shift+tab", None, b"\x1b[Z"),
    ("escape", "\x1b", b"\x1b"), ("backspace", "\x7f", b"\x7f"), ("ctrl+backspace", None, b"\x08"),
    ("alt+backspace", None, b"\x1b\x7f"), ("shift+enter", None, b"\r"), ("alt+enter", None, b"\x1b\r"),
    ("ctrl+j", "\n", b"\n"),
    ("up", None, b"\x1b[A"), ("down", None, b"\x1b[B"), ("right", None, b"\x1b[C"), ("left", None, b"\x1b[D"),
    ("home", None, b"\x1b[H"), ("end", None, b"\x1b[F"), ("pageup", None, b"\x1b[5~"),
    ("pagedown", None, b"\x1b[6~"), ("insert", None, b"\x1b[2~"), ("delete", None, b"\x1b[3~"),
    ("ctrl+left", None, b"\x1b[1;5D"), ("shift+up", None, b"\x1b[1;2A"), ("ctrl+shift+end", None, b"\x1b[1;6F"),
    ("alt+right", None, b"\x1b[1;3C"), ("ctrl+delete", None, b"\x1b[3;5~"), ("ctrl+pageup", None, b"\x1b[5;5~"),
    ("f1", None, b"\x1bOP"), ("f4", None, b"\x1bOS"), ("f5", None, b"\x1b[15~"), ("f12", None, b"\x1b[24~"),
    ("shift+f1", None, b"\x1b[1;2P"), ("ctrl+f5", None, b"\x1b[15;5~"),
    ("ctrl+a", "\x01", b"\x01"), ("ctrl+c", "\x03", b"\x03"), ("ctrl+z", "\x1a", b"\x1a"), ("ctrl+i", None, b"\t"),
    ("ctrl+at", "\x00", b"\x00"), ("ctrl+@", "\x00", b"\x00"), ("ctrl+space", None, b"\x00"),
    ("ctrl+backslash", "\x1c", b"\x1c"), ("ctrl+circumflex_accent", None, b"\x1e"), ("ctrl+underscore", None, b"\x1f"),
    ("alt+b", None, b"\x1bb"), ("alt+full_stop", None, b"\x1b."), ("alt+B", None, b"\x1bB"),
    ("alt+upper_b", None, b"\x1bB"), ("alt+ctrl+c", None, b"\x1b\x03"), ("ctrl+shift+a", None, b"\x01"),
    ("super+a", None, b""), ("f30", None, b""),
]  # fmt: skip


@pytest.mark.parametrize(("key", "character", "sent"), KEYS, ids=[key for key, _c, _s in KEYS])
def test_a_key_sends(key: str, character: str | None, sent: bytes) -> None:
    assert key_bytes(Key(key, character), NORMAL) == sent


@pytest.mark.parametrize(
    ("key", "sent"),
    [("up", b"\x1bOA"), ("left", b"\x1bOD"), ("home", b"\x1bOH"), ("end", b"\x1bOF"), ("ctrl+up", b"\x1b[1;5A"),
     ("pageup", b"\x1b[5~"), ("a", b"a")],
)  # fmt: skip
def test_application_cursor_keys(key: str, sent: bytes) -> None:
    assert key_bytes(Key(key, key if len(key) == 1 else None), APPLICATION) == sent


def test_newline_mode_sends_both() -> None:
    assert key_bytes(Key("enter", "\r"), Modes(newline=True)) == b"\r\n"


def test_a_paste_is_bracketed_when_asked() -> None:
    assert paste_bytes("a\nb\r\nc", NORMAL) == b"a\rb\rc"
    assert paste_bytes("a\nb", Modes(bracketed_paste=True)) == b"\x1b[200~a\rb\x1b[201~"


@given(st.text())
def test_a_paste_presses_no_key_and_never_ends_its_brackets(text: str) -> None:
    sent = paste_bytes(text, Modes(bracketed_paste=True))
    body = sent.removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~").decode()
    assert not any((char < " " and char not in "\r\t") or "\x7f" <= char <= "\x9f" for char in body)


SGR = Modes(mouse=Mouse.DRAGS, mouse_sgr=True)
OLD = Modes(mouse=Mouse.CLICKS)


@pytest.mark.parametrize(
    ("button", "at", "modes", "pressed", "moved", "sent"),
    [
        (0, (0, 0), SGR, True, False, b"\x1b[<0;1;1M"),
        (0, (4, 2), SGR, False, False, b"\x1b[<0;5;3m"),
        (2, (300, 2), SGR, True, False, b"\x1b[<2;301;3M"),
        (0, (4, 2), SGR, True, True, b"\x1b[<32;5;3M"),
        (3, (4, 2), SGR, True, True, b""),
        (65, (0, 0), SGR, True, False, b"\x1b[<65;1;1M"),
        (0, (0, 0), OLD, True, False, b"\x1b[M !!"),
        (0, (0, 0), OLD, False, False, b"\x1b[M#!!"),
        (0, (250, 0), OLD, True, False, b""),
        (0, (1, 1), OLD, True, True, b""),
        (0, (0, 0), NORMAL, True, False, b""),
        (3, (1, 1), Modes(mouse=Mouse.ANY, mouse_sgr=True), True, True, b"\x1b[<35;2;2M"),
    ],
)
def test_mouse(
    button: int, at: tuple[int, int], modes: Modes, pressed: bool, moved: bool, sent: bytes
) -> None:
    assert mouse_bytes(button, *at, modes=modes, pressed=pressed, moved=moved) == sent
