"""Lines, blocks and braille dots as SVG paths, so that they look the same with every font."""

from __future__ import annotations

WIDTH, HEIGHT = 10, 20
"""The size of a cell, in the units of the picture."""
_ARMS = {
    "─": "lr", "│": "tb", "┌": "rb", "┐": "lb", "└": "rt", "┘": "lt", "├": "tbr", "┤": "tbl", "┬": "lrb", "┴": "lrt",
    "┼": "lrtb", "╭": "rb", "╮": "lb", "╰": "rt", "╯": "lt", "╴": "l", "╶": "r", "╵": "t", "╷": "b",
    "━": "LR", "┃": "TB", "┏": "RB", "┓": "LB", "┗": "RT", "┛": "LT", "┣": "TBR", "┫": "TBL", "╸": "L", "╺": "R",
    "╻": "B", "╹": "T", "╼": "lR", "╾": "Lr",
}  # fmt: skip
"""The arms of a box-drawing character: left, right, top and bottom; a capital is a heavy arm."""
_EIGHTHS_UP = "▁▂▃▄▅▆▇█"
_EIGHTHS_RIGHT = "▏▎▍▌▋▊▉"
_BRAILLE = 0x2800
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit of a braille character."""


def is_drawn(character: str) -> bool:
    """Whether a character is drawn as a path."""
    return (
        character in _ARMS
        or character in _EIGHTHS_UP
        or character in _EIGHTHS_RIGHT
        or character in "▀▐"
        or _BRAILLE < ord(character) <= _BRAILLE + 0xFF
    )


def path_of(text: str, left: int, top: int) -> str:
    """The path of equal characters, beginning at a cell's corner."""
    first, count = text[0], len(text)
    if first in "─━█▀" or first in _EIGHTHS_UP:  # a run of these is one rectangle
        return _of_one(first, left, top, WIDTH * count)
    return "".join(_of_one(first, left + WIDTH * at, top, WIDTH) for at in range(count))


def _of_one(character: str, left: int, top: int, width: int) -> str:
    if character in "─━":
        thick = 1 if character == "─" else 2
        return _rectangle(left, top + HEIGHT // 2 - thick // 2, width, thick)
    if character in _ARMS:
        return "".join(_arm(arm, left, top) for arm in _ARMS[character])
    if character in _EIGHTHS_UP:
        height = HEIGHT * (1 + _EIGHTHS_UP.index(character)) / 8
        return _rectangle(left, top + HEIGHT - height, width, height)
    if character in _EIGHTHS_RIGHT:
        return _rectangle(left, top, WIDTH * (1 + _EIGHTHS_RIGHT.index(character)) / 8, HEIGHT)
    if character == "▀":
        return _rectangle(left, top, width, HEIGHT // 2)
    if character == "▐":
        return _rectangle(left + WIDTH // 2, top, WIDTH // 2, HEIGHT)
    bits = ord(character) - _BRAILLE
    places = [place for bit, place in enumerate(_DOTS) if bits >> bit & 1]
    return "".join(_rectangle(left + 1 + 5 * column, top + 1 + 5 * row, 3, 3) for column, row in places)


def _arm(arm: str, left: int, top: int) -> str:
    thick = 2 if arm.isupper() else 1
    middle, centre = left + WIDTH // 2, top + HEIGHT // 2
    across, down = WIDTH // 2, HEIGHT // 2
    match arm.lower():
        case "l":
            return _rectangle(left, centre - thick // 2, across + thick - thick // 2, thick)
        case "r":
            return _rectangle(middle - thick // 2, centre - thick // 2, across + thick // 2, thick)
        case "t":
            return _rectangle(middle - thick // 2, top, thick, down + thick - thick // 2)
        case _:
            return _rectangle(middle - thick // 2, centre - thick // 2, thick, down + thick // 2)


def _rectangle(left: float, top: float, width: float, height: float) -> str:
    return f"M{left:g} {top:g}h{width:g}v{height:g}h-{width:g}z"
