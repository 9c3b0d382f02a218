"""The sequences of Kitty's graphics protocol."""

from __future__ import annotations

import re
from base64 import b64decode
from unicodedata import combining

import pytest
from rich.cells import cell_len
from rich.color import Color, ColorSystem
from rich.style import Style

from labeltui.ui.graphics import kitty
from labeltui.ui.widths import steady


def test_a_picture_is_sent_in_pieces_that_ask_for_no_answer() -> None:
    data = bytes(range(256)) * 40
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty.picture(7, data, 60, 30))
    assert b64decode("".join(content for _, content in pieces)) == data
    assert pieces[0][0] == "a=T,U=1,i=7,f=100,c=60,r=30,q=2,m=1"
    assert {keys for keys, _ in pieces[1:-1]} == {"q=2,m=1"}
    assert pieces[-1][0] == "q=2,m=0"
    assert all(len(content) <= 4096 and len(content) % 4 == 0 for _, content in pieces[:-1])


def test_the_marks_of_rows_and_columns_are_those_of_the_protocol() -> None:
    numbers = {0: 0x305, 1: 0x30D, 29: 0x36F, 30: 0x483, 100: 0x7EB, 200: 0x20D4, 249: 0xA6F1}
    assert {number: ord(kitty.MARKS[number]) for number in numbers} == numbers
    assert list(kitty.MARKS) == sorted(mark for mark in kitty.MARKS if combining(mark) == 230)
    assert kitty.cell(0, 30) == "\U0010eeee\u0305\u0483"


@pytest.mark.parametrize("number", range(8))
def test_the_colour_on_the_terminal_is_the_pictures_number(number: int) -> None:
    few, true = (
        Style.from_color(Color.from_rgb(*kitty.colour(number))).render("x", color_system=system)
        for system in (ColorSystem.EIGHT_BIT, ColorSystem.TRUECOLOR)
    )
    assert few.startswith(f"\x1b[38;5;{kitty.identity(number, true_colours=False)}m")
    found = re.match(r"\x1b\[38;2;(\d+);(\d+);(\d+)m", true)
    assert found is not None
    red, green, blue = map(int, found.groups())
    assert red << 16 | green << 8 | blue == kitty.identity(number, true_colours=True)


def test_characters_of_a_picture_are_one_column_wide_and_drawn_as_they_are() -> None:
    row = "".join(kitty.cell(3, column) for column in range(120))
    assert cell_len(row) == 120
    assert steady(f"\x1b[1;1H\x1b[38;5;196m{row}\x1b[0m│") == f"\x1b[1;1H\x1b[38;5;196m{row}\x1b[0m│"
    assert steady(f"{row}⚡│").startswith(row)
