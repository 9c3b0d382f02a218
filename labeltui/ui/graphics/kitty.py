"""Pictures by Kitty's graphics protocol, placed by characters: a picture is wherever its characters are.

The characters move, scroll and are covered like any text. Each has its row and its column as combining marks, and
the picture's number as its colour.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

CHUNK = 4096
_PLACE = "\U0010eeee"
# From kitty's rowcolumn-diacritics.txt: the marks that stand for 0, 1, 2, ...
_CODES = """
    305 30d 30e 310 312 33d-33f 346 34a-34c 350-352 357 35b 363-36f 483-487 592-595 597-599 59c-5a1 5a8 5a9 5ab 5ac 5af
    5c4 610-617 657-65b 65d 65e 6d6-6dc 6df-6e2 6e4 6e7 6e8 6eb 6ec 730 732 733 735 736 73a 73d 73f-741 743 745 747 749
    74a 7eb-7f1 7f3 816-819 81b-823 825-827 829-82d 951 953 954 f82 f83 f86 f87 135d-135f 17dd 193a 1a17 1a75-1a7c 1b6b
    1b6d-1b73 1cd0-1cd2 1cda 1cdb 1ce0 1dc0 1dc1 1dc3-1dc9 1dcb 1dcc 1dd1-1de6 1dfe 20d0 20d1 20d4-20d7 20db 20dc 20e1
    20e7 20e9 20f0 2cef-2cf1 2de0-2dff a66f a67c a67d a6f0 a6f1
"""


def _marks() -> Iterator[str]:
    for codes in _CODES.split():
        first, _, last = codes.partition("-")
        yield from map(chr, range(int(first, 16), int(last or first, 16) + 1))


MARKS = "".join(_marks())
MOST = len(MARKS)
"""The most columns, and the most rows, of a picture."""


def colour(number: int) -> tuple[int, int, int]:
    """Return the colour of the picture of a number from 0 to 35: red, green and blue.

    It is also one of the 256 colours, because a terminal may have no others.
    """
    levels = (0, 95, 135, 175, 215, 255)
    return 255, levels[number // 6], levels[number % 6]


def identity(number: int, *, true_colours: bool) -> int:
    """Return what the terminal calls the picture of a number: its colour, or its place among the 256 colours."""
    red, green, blue = colour(number)
    return red << 16 | green << 8 | blue if true_colours else 196 + number


def cell(row: int, column: int) -> str:
    """Return the character that shows a cell of a picture, from 0."""
    return _PLACE + MARKS[row] + MARKS[column]


def picture(image: int, png: bytes, columns: int, rows: int) -> str:
    """Return the sequence that sends a picture, to be shown in so many columns and rows of its characters.

    It replaces an earlier picture ``image``. The terminal answers nothing.
    """
    data = b64encode(png).decode("ascii")
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    first = f"a=T,U=1,i={image},f=100,c={columns},r={rows},"
    parts = []
    for place, piece in enumerate(pieces):
        more = int(place < len(pieces) - 1)
        parts.append(f"\x1b_G{first if not place else ''}q=2,m={more};{piece}\x1b\\")
    return "".join(parts)


def removal(image: int) -> str:
    """Return the sequence that removes a picture. It first ends one that was cut off on its way."""
    return f"\x1b_Gq=2,m=0;\x1b\\\x1b_Ga=d,d=I,i={image},q=2\x1b\\"
