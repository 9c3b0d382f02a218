"""Puts slices side by side and writes them as a PNG file."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from labeltui.domain.studies.preview import Colour, Slice, colour_of

GAP = 8
"""Black pixels between two slices."""


def picture(
    slices: Sequence[Slice], opacity: float, colours: Mapping[int, Colour] = MappingProxyType({})
) -> tuple[int, int, bytes]:
    """Draw slices side by side, with each segment's outline and its area at an opacity from 0 to 1.

    ``colours`` are those that the labels themselves have.

    Returns width, height and the pixels: red, green and blue, row by row.
    """
    height = max(one.height for one in slices)
    parts = [(one, _coloured(one, opacity, colours)) for one in slices]
    rows = []
    for row in range(height):
        line = []
        for one, pixels in parts:
            at = row - (height - one.height) // 2
            inside = 0 <= at < one.height
            line.append(
                pixels[at * one.width * 3 : (at + 1) * one.width * 3] if inside else bytes(one.width * 3)
            )
        rows.append(bytes(GAP * 3).join(line))
    return len(rows[0]) // 3, height, b"".join(rows)


def _coloured(drawn: Slice, opacity: float, colours: Mapping[int, Colour]) -> bytes:
    """Return a slice's pixels with its segments."""
    pixels = bytearray(len(drawn.grey) * 3)
    for channel in range(3):
        pixels[channel::3] = drawn.grey
    for segments in drawn.segments:
        for at, value in enumerate(segments):
            if value:
                part = 1.0 if _is_edge(segments, at, drawn.width) else opacity
                for channel, strength in enumerate(colour_of(value, colours)):
                    place = at * 3 + channel
                    pixels[place] = round(pixels[place] * (1 - part) + strength * part)
    return bytes(pixels)


def _is_edge(segments: bytes, at: int, width: int) -> bool:
    """Whether a pixel's neighbour, or the picture's edge, is outside its segment."""
    column, value = at % width, segments[at]
    if column in (0, width - 1) or not width <= at < len(segments) - width:
        return True
    return any(segments[at + step] != value for step in (-1, 1, -width, width))


def png(width: int, height: int, pixels: bytes) -> bytes:
    """Encode red, green and blue pixels as a PNG file."""
    rows = b"".join(b"\0" + pixels[at : at + width * 3] for at in range(0, len(pixels), width * 3))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
