"""Encodes pixels as sixels, which a terminal paints over its cells, from the cursor to the right and down.

A band of six rows is painted once for each of its colours. A character is a column of the band: its bits are the rows
that have the colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BAND = 6
_COLOUR_BITS = 8
_EMPTY, _REPEAT, _COLOUR, _RETURN, _NEXT = b"?!#$-"

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture. All are pixels of the terminal; ``size`` is that of the whole picture."""

    size: tuple[int, int]
    left: int
    top: int
    width: int
    height: int


def encoded(pixels: bytes, width: int, palette: bytes, part: Part) -> str:
    """Return the sequence that paints a part of a picture.

    ``pixels`` has the palette's entry of each pixel, row by row of ``width``; they are repeated or left out to fill the
    picture's size. ``palette`` has red, green and blue of each of at most 256 entries.
    """
    image = np.frombuffer(pixels, np.uint8).reshape(-1, width)
    lines = np.arange(part.top, part.top + part.height) * len(image) // part.size[1]
    columns = np.arange(part.left, part.left + part.width) * width // part.size[0]
    # A column is encoded once, and painted as often as it is repeated.
    firsts = np.flatnonzero(np.diff(columns, prepend=-1))
    painted = _painted(image[lines][:, columns[firsts]])
    data = _written(painted, np.append(firsts, part.width))
    percent = (np.frombuffer(palette, np.uint8).reshape(-1, 3) * 100.0 / 255).round().astype(int).tolist()
    colours = "".join(f"#{entry};2;{red};{green};{blue}" for entry, (red, green, blue) in enumerate(percent))
    return f'\x1bP0;1q"1;1;{part.width};{part.height}{colours}{data}\x1b\\'


def _painted(image: Bytes) -> Numbers:
    """Return a number for each colour of each column of each band: band, colour, column, and its rows as the last bits.

    They are in the order in which they are painted.
    """
    height, width = image.shape
    bands, places = -(-height // BAND), _bits(width)
    rows = [image[row::BAND] for row in range(BAND)]
    base = np.arange(bands)[:, None] << (_COLOUR_BITS + places) | np.arange(width)
    found = []
    for row, colours in enumerate(rows):
        count = len(colours)  # the last band may have fewer rows
        is_first = np.ones(colours.shape, bool)
        for above in rows[:row]:
            is_first &= above[:count] != colours
        bits = np.full(colours.shape, 1 << row, np.int64)
        for place, below in enumerate(rows[row + 1 :], row + 1):
            bits[: len(below)] |= (below == colours[: len(below)]).astype(np.int64) << place
        key = base[:count] | colours.astype(np.int64) << places
        found.append((key << BAND | bits)[is_first])
    return np.sort(np.concatenate(found))


def _bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def _written(painted: Numbers, edges: Numbers) -> str:
    """Return the characters that paint. ``edges`` has the first pixel of each of the columns, and the picture's end."""
    places = _bits(len(edges) - 1)
    rows, column = painted & (1 << BAND) - 1, painted >> BAND & (1 << places) - 1
    row_of_colour = painted >> BAND + places
    is_new = np.diff(row_of_colour, prepend=-1) != 0
    begins = is_new | (np.diff(column, prepend=-1) != 1) | (np.diff(rows, prepend=-1) != 0)
    starts = np.flatnonzero(begins)
    last = np.append(starts[1:], len(painted)) - 1
    is_new, row_of_colour = is_new[starts], row_of_colour[starts]
    left, right = edges[column[starts]], edges[column[last] + 1]
    is_next = np.diff(row_of_colour >> _COLOUR_BITS, prepend=0) != 0
    text = _Text()
    text.add(np.where(is_next, _NEXT, _RETURN), is_new & (starts > 0))
    text.add(np.full(len(starts), _COLOUR), is_new)
    text.add_number(row_of_colour & (1 << _COLOUR_BITS) - 1, is_new)
    text.add_repeated(np.full(len(starts), _EMPTY), left - np.where(is_new, 0, np.append(0, right[:-1])))
    text.add_repeated(rows[starts] + _EMPTY, right - left)
    return text.joined()


class _Text:
    """Joins text of equally many pieces, column by column: a loop over the pieces would take ten times as long."""

    def __init__(self) -> None:
        self._characters: list[Bytes] = []
        self._present: list[Mask] = []

    def add(self, characters: Numbers, present: Mask) -> None:
        """Add a character to the pieces that are marked."""
        self._characters.append(characters.astype(np.uint8))
        self._present.append(present)

    def add_number(self, values: Numbers, present: Mask) -> None:
        """Add numbers from 0 in decimals."""
        digits = len(str(values.max()))
        for power in (10**place for place in reversed(range(digits))):
            self.add(values // power % 10 + ord("0"), present & ((values >= power) | (power == 1)))

    def add_repeated(self, characters: Numbers, counts: Numbers) -> None:
        """Add each character so many times, as the character itself or as a repeat."""
        many = counts > 2
        self.add(np.full(len(counts), _REPEAT), many)
        self.add_number(counts, many)
        self.add(characters, counts == 2)
        self.add(characters, counts > 0)

    def joined(self) -> str:
        """Return the text of all pieces, one after the other."""
        pieces = np.stack(self._characters, axis=1)
        return pieces[np.stack(self._present, axis=1)].tobytes().decode("ascii")
