"""Draws a slice with its label as pixels of at most 256 colours, for terminals that show images. Pure."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache

from labeltui.domain.studies.preview import Slice, colour_of
from labeltui.ui.screens.preview.cells import CROSS_PART, Drawing, blend

COLOURS = 256
_ALL = bytes([0]) + bytes([255]) * 255


@dataclass(frozen=True, slots=True)
class Raster:
    """An image: the palette's entry of each pixel, row by row, and red, green and blue of each entry."""

    width: int
    height: int
    pixels: bytes
    palette: bytes


def raster(
    drawn: Slice, label: int, drawing: Drawing, cross: tuple[int, int] | None, most: int = COLOURS
) -> Raster:
    """Draw a slice with the label of that place, and a crosshair through a pixel, in at most so many colours.

    The first half of the palette are greys. The other half is shared by the colours of the segments on the slice.
    """
    greys = most // 2
    pixels = drawn.grey.translate(bytes(value * greys >> 8 for value in range(256)))
    palette = [(grey, grey, grey) for grey in (level * 255 // (greys - 1) for level in range(greys))]
    shares = [(greys, 0)]
    has_label = label < len(drawn.segments) and not drawing.hidden
    segments = _coloured(drawn, label, drawing) if has_label else b""
    values = sorted({*segments} - {0})
    colours = list(dict.fromkeys(colour_of(value, drawing.colours) for value in values))[:greys]
    for colour in colours:
        levels, first = greys // len(colours), len(palette)
        shares.append((levels, first))
        of_colour = {value for value in values if colour_of(value, drawing.colours) == colour}
        over = drawn.grey.translate(bytes(first + value * levels // 256 for value in range(256)))
        mask = segments.translate(bytes(255 if value in of_colour else 0 for value in range(256)))
        pixels = _replaced(pixels, over, mask)
        for level in range(levels):
            grey = round((level + 0.5) * 256 / levels - 0.5)
            palette.append(blend((grey, grey, grey), colour, drawing.opacity))
    if cross is not None:
        pixels = _crossed(pixels, drawn.width, cross, shares)
    return Raster(drawn.width, drawn.height, pixels, b"".join(map(bytes, palette)))


def _coloured(drawn: Slice, label: int, drawing: Drawing) -> bytes:
    """Return the segment at each pixel that has its colour: all, or those whose neighbour is of another segment."""
    segments = drawn.segments[label]
    if not drawing.outline:
        return segments
    own, size, row = int.from_bytes(segments, "little"), len(segments), 8 * drawn.width
    inner = _without_first_column(drawn.width, drawn.height)
    left, right = (own << 8) & inner, (own & inner) >> 8
    edges = (own ^ left) | (own ^ right) | (own ^ (own << row)) | (own ^ (own >> row))
    mask = edges.to_bytes(size + drawn.width, "little")[:size].translate(_ALL)
    return _replaced(bytes(size), segments, mask)


@lru_cache(maxsize=8)
def _without_first_column(width: int, height: int) -> int:
    return int.from_bytes((b"\0" + b"\xff" * (width - 1)) * height, "little")


def _replaced(under: bytes, over: bytes, mask: bytes) -> bytes:
    """Take ``over`` where the mask is 255, and ``under`` where it is 0. As whole numbers, which takes microseconds."""
    one, other, chosen = (int.from_bytes(data, "little") for data in (under, over, mask))
    return (one ^ ((one ^ other) & chosen)).to_bytes(len(under), "little")


def _crossed(pixels: bytes, width: int, cross: tuple[int, int], shares: list[tuple[int, int]]) -> bytes:
    """Brighten a column and a row. ``shares`` has the number of entries and the first one of each colour."""
    brighter = bytearray(range(256))
    for levels, first in shares:
        for level in range(levels):
            brighter[first + level] = first + round(level + (levels - 1 - level) * CROSS_PART)
    (column, row), crossed = cross, bytearray(pixels)
    start = row * width
    crossed[column::width] = crossed[column::width].translate(brighter)
    middle = crossed[start + column]
    crossed[start : start + width] = crossed[start : start + width].translate(brighter)
    crossed[start + column] = middle
    return bytes(crossed)


def png(image: Raster) -> bytes:
    """Encode an image as a PNG file. It takes milliseconds, and may run in a thread."""
    width, pixels = image.width, image.pixels
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    head = struct.pack(">IIBBBBB", width, image.height, 8, 3, 0, 0, 0)
    chunks = (b"IHDR", head), (b"PLTE", image.palette), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
