"""Pixels that were encoded as sixels, decoded again."""

from __future__ import annotations

import random

import pytest

from labeltui.ui.graphics.sixel import Part, encoded
from tests.ui.graphics.sixels import Colour, painted


def in_percent(palette: bytes, entry: int) -> Colour:
    red, green, blue = (round(value * 100 / 255) for value in palette[3 * entry : 3 * entry + 3])
    return red, green, blue


@pytest.mark.parametrize("seed", range(60))
def test_decoded_again_each_pixel_has_its_colour(seed: int) -> None:
    chance = random.Random(seed)
    width, height, entries = chance.randint(1, 24), chance.randint(1, 20), chance.choice([1, 2, 5, 256])
    palette = bytes(chance.randrange(256) for _ in range(3 * entries))
    pixels = bytearray(chance.randrange(entries) for _ in range(width * height))
    for _ in range(chance.randrange(4)):  # areas of one colour
        x, y, colour = chance.randrange(width), chance.randrange(height), chance.randrange(entries)
        for row in range(y, min(height, y + 9)):
            pixels[row * width + x : row * width + width] = bytes([colour]) * (width - x)
    size = chance.randint(1, 40), chance.randint(1, 40)
    left, top = chance.randrange(size[0]), chance.randrange(size[1])
    part = Part(size, left, top, chance.randint(1, size[0] - left), chance.randint(1, size[1] - top))
    decoded = painted(encoded(bytes(pixels), width, palette, part))
    assert decoded.size == (part.width, part.height)
    assert decoded.rows() == [
        [
            in_percent(palette, pixels[y * height // size[1] * width + x * width // size[0]])
            for x in range(left, left + part.width)
        ]
        for y in range(top, top + part.height)
    ]
    assert len(decoded.pixels) == part.width * part.height, "nothing beyond the part"


def test_columns_of_one_colour_are_repeats() -> None:
    part = Part((1200, 12), 0, 0, 1200, 12)
    assert encoded(b"\0\1", 2, b"\0\0\0\xff\x80\0", part) == (
        '\x1bP0;1q"1;1;1200;12#0;2;0;0;0#1;2;100;50;0#0!600~$#1!600?!600~-#0!600~$#1!600?!600~\x1b\\'
    )
