"""What is held equals what was written; what is shown is text."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.session.logstore import LogStore
from labeltui.ui.widgets.logline import line_strip


@given(st.binary(max_size=400), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60)), max_size=30))
def test_duplicates_and_cuts_at_any_byte_leave_what_was_written(
    written: bytes, deliveries: list[tuple[int, int]]
) -> None:
    store = LogStore()
    for start, length in [*deliveries, (0, len(written))]:
        offset = min(start, len(written))
        if offset > store.size:
            with pytest.raises(ValueError, match="missing"):
                store.feed(offset, written[offset : offset + length])
        else:
            store.feed(offset, written[offset : offset + length])
    assert store.bytes() == written
    assert store.digest() == hashlib.sha256(written).hexdigest()
    joined = b"\n".join(store.lines(0, store.line_count))
    assert joined + (b"\n" if written.endswith(b"\n") else b"") == written


@given(st.binary(max_size=300))
def test_no_control_character_of_a_line_is_drawn(raw: bytes) -> None:
    drawn = line_strip(raw.replace(b"\n", b"")).text
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in drawn)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[31mred\x1b[0m plain", "red plain"),
        (b"\x1b]0;title\x07", "␛]0;title␇"),
        (b" 10%\r 55%\r100%", "100%"),
        (b" 10%\r 55%\r", " 55%"),
        (b"[red]x[/]", "[red]x[/]"),
        (b"\xff\xc3", "��"),
    ],
)
def test_what_a_line_shows(raw: bytes, text: str) -> None:
    assert line_strip(raw).text == text


def test_colours_are_kept() -> None:
    first, second = list(line_strip(b"\x1b[1;38;5;196mred\x1b[0m plain"))
    assert first.style is not None
    assert first.style.bold
    assert first.style.color is not None
    assert first.style.color.number == 196
    assert not second.style
