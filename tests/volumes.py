"""Small NIfTI and NRRD files, made byte by byte, so that headers can be wrong in every way."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence


def nifti(
    shape: Sequence[int] = (4, 4, 3),
    spacing: Sequence[float] = (1.0, 1.0, 2.0),
    *,
    kind: int = 4,
    sform: int = 1,
    qform: int = 0,
    magic: bytes = b"n+1\0",
    order: str = "<",
    voxels: bytes | None = None,
) -> bytes:
    """A NIfTI-1 file of 16-bit voxels."""
    head = bytearray(352)
    struct.pack_into(order + "i", head, 0, 348)
    dims = [len(shape), *shape, *[1] * (7 - len(shape))]
    struct.pack_into(order + "8h", head, 40, *dims)
    struct.pack_into(order + "2h", head, 70, kind, 16)
    struct.pack_into(order + "8f", head, 76, 1.0, *spacing, *[0.0] * (7 - len(spacing)))
    struct.pack_into(order + "f", head, 108, 352.0)
    struct.pack_into(order + "2h", head, 252, qform, sform)
    for row, at in enumerate((280, 296, 312)):
        struct.pack_into(
            order + "4f", head, at, *[spacing[row] if column == row else 0.0 for column in range(4)]
        )
    head[344:348] = magic
    size = 2
    for length in shape:
        size *= length
    return bytes(head) + (bytes(size) if voxels is None else voxels)


def nifti2(shape: Sequence[int] = (4, 4, 3), sform: int = 1) -> bytes:
    """A NIfTI-2 file."""
    head = bytearray(544)
    struct.pack_into("<i", head, 0, 540)
    head[4:12] = b"n+2\0\r\n\x1a\n"
    struct.pack_into("<2h", head, 12, 4, 16)
    struct.pack_into("<8q", head, 16, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<8d", head, 104, *[1.0] * 8)
    struct.pack_into("<q", head, 168, 544)
    struct.pack_into("<2i", head, 344, 0, sform)
    size = 2
    for length in shape:
        size *= length
    return bytes(head) + bytes(size)


def packed(data: bytes) -> bytes:
    """The data in gzip, always the same bytes."""
    return gzip.compress(data, 1, mtime=0)


def nrrd(*lines: str, sizes: str = "4 4 3", space: bool = True) -> bytes:
    """A NRRD file."""
    head = ["NRRD0004", "# Complete NRRD file format specification at:", "type: short"]
    head += [f"dimension: {len(sizes.split())}", f"sizes: {sizes}"]
    if space:
        head += ["space: left-posterior-superior", "space directions: (1,0,0) (0,1,0) (0,0,2)"]
    head += ["encoding: raw", "endian: little", *lines]
    return "\n".join(head).encode() + b"\n\n" + bytes(96)
