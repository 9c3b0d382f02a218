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
_COLOURS = np.array([b"#%d" % entry for entry in range(1 << _COLOUR_BITS)])
_WORTH = 3
"""Columns from which a repeat is shorter than the characters themselves."""
_RUN = np.dtype(
    [("step", "S1"), ("colour", "S4"), ("gap", "S8"), ("repeat", "S7"), ("again", "u1"), ("rows", "u1")]
)

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


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
    colours = painted >> BAND + places
    is_new = np.append(True, colours[1:] != colours[:-1])
    # In the next column, the same rows of the same colour
    goes_on = np.append(False, painted[1:] - painted[:-1] == 1 << BAND)
    starts = np.flatnonzero(is_new | ~goes_on)
    first, last = painted[starts], painted[np.append(starts[1:], len(painted)) - 1]
    left, right = (edges[(one >> BAND & (1 << places) - 1) + more] for one, more in ((first, 0), (last, 1)))
    is_new, colours, counts = is_new[starts], colours[starts], right - left
    new = np.flatnonzero(is_new)
    # A record for each run of columns; what it lacks is empty. A loop over the runs would take ten times as long.
    text = np.zeros(len(starts), _RUN)
    text["step"][new] = np.where(np.diff(colours[new] >> _COLOUR_BITS, prepend=0), b"-", b"$")
    text["step"][0] = b""
    text["colour"][new] = _COLOURS[colours[new] & len(_COLOURS) - 1]
    lengths = range(int(edges[-1]) + 1)
    gaps = np.array([b"?" * length if length < _WORTH else b"!%d?" % length for length in lengths])
    repeats = np.array([b"" if length < _WORTH else b"!%d" % length for length in lengths])
    text["gap"] = gaps[left - np.where(is_new, 0, np.append(0, right[:-1]))]
    text["repeat"] = repeats[counts]
    text["rows"] = (first & (1 << BAND) - 1) + ord("?")
    text["again"] = np.where(counts == _WORTH - 1, text["rows"], 0)
    return text.tobytes().translate(None, b"\0").decode("ascii")
