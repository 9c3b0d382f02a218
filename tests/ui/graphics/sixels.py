"""Decodes sixels as a terminal does; it shares nothing with labeltui's encoder."""

from __future__ import annotations

import re
from dataclasses import dataclass

Colour = tuple[int, int, int]
PART = re.compile(
    r'"(?P<aspect>\d+;\d+);(?P<width>\d+);(?P<height>\d+)'
    r"|#(?P<entry>\d+)(?:;2;(?P<red>\d+);(?P<green>\d+);(?P<blue>\d+))?"
    r"|!(?P<times>\d+)(?P<repeated>[?-~])|(?P<line>[$-])|(?P<one>[?-~])"
)


@dataclass
class Painted:
    """The declared size, and the colour of each pixel, in percent, that was painted, by column and row."""

    size: tuple[int, int]
    pixels: dict[tuple[int, int], Colour]

    def rows(self) -> list[list[Colour | None]]:
        width, height = self.size
        return [[self.pixels.get((x, y)) for x in range(width)] for y in range(height)]


def painted(sequence: str) -> Painted:
    """Decode a sequence. No pixel may be painted twice."""
    found = re.fullmatch(r"\x1bP0;1;?0?q([^\x1b]*)\x1b\\", sequence)
    assert found is not None, sequence[:40]
    size, pixels, palette, at = (0, 0), dict[tuple[int, int], Colour](), dict[int, Colour](), 0
    entry, column, band = 0, 0, 0
    while at < len(found[1]):
        part = PART.match(found[1], at)
        assert part is not None, found[1][at : at + 20]
        at = part.end()
        if part["aspect"]:
            assert part["aspect"] == "1;1"
            size = int(part["width"]), int(part["height"])
        elif part["entry"]:
            entry = int(part["entry"])
            if part["red"]:
                palette[entry] = int(part["red"]), int(part["green"]), int(part["blue"])
        elif part["line"]:
            column, band = 0, band + (part["line"] == "-")
        else:
            bits = ord(part["repeated"] or part["one"]) - ord("?")
            for x in range(column, column + int(part["times"] or 1)):
                for y in (6 * band + row for row in range(6) if bits >> row & 1):
                    assert (x, y) not in pixels
                    pixels[x, y] = palette[entry]
            column += int(part["times"] or 1)
    return Painted(size, pixels)
