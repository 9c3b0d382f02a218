"""A text in two rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from labeltui.ui.presentation.text import two_rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("copied", ("copied", "")),
        ("It is full. Free some space.", ("It is full.", "Free some space.")),
        ("It is full. Do this.", ("It is full.", "Do this.")),
        ("The disk is quite full. Free it.", ("The disk is quite", "full. Free it.")),
        ("one two three four a b", ("one two three four a", "b")),
        ("x" * 30, ("x" * 20, "x" * 10)),
        ("one two three four five six seven eight nine", ("one two three four", "five six seven…")),
        ("a" * 19 + "層a", ("a" * 19, "層a")),
        ("層" * 12, ("層" * 10, "層" * 2)),
    ],
)
def test_a_row_ends_after_a_sentence_or_a_word(text: str, rows: tuple[str, str]) -> None:
    assert two_rows(text, 20, 16) == rows


@given(st.text("ab. 層", max_size=60).map(str.strip), st.integers(6, 30), st.integers(6, 30))
def test_no_row_is_too_long_and_nothing_is_lost_but_at_the_end(text: str, first: int, second: int) -> None:
    one, two = two_rows(text, first, second)
    assert cell_len(one) <= first
    assert cell_len(two) <= second
    assert text.replace(" ", "").startswith((one + two).replace(" ", "").rstrip("…"))
