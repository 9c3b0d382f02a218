"""Detects a label file that was cut off or damaged, mostly after the server's disk was full.

A label is reported only if it is damaged for certain. A format that this module does not know counts as sound.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

EMPTY, TOO_EARLY, ZEROS, WRONG = (
    "the file is empty",
    "the file ends too early",
    "the file holds only zero bytes",
    "the checksum in the file is wrong",
)
HINT = "Check whether the host's disk is full (`labeltui doctor`), then submit the label again in Slicer."
BLOCK = 1 << 20
NIFTI_HEADER = 352
LONGEST_HEADER = 1 << 16


def damage(path: Path, name: str) -> str:
    """Return the damage to a label's content as text, empty if there is none. Raises OSError.

    ``name`` is the label's file name on the host, which says its format. Reads and decompresses the whole file.
    """
    with path.open("rb") as file:
        start = file.read(LONGEST_HEADER)
        if not start:
            return EMPTY
        low = name.lower()
        if low.endswith(".gz"):
            if not any(start) and not any(any(block) for block in iter(lambda: file.read(BLOCK), b"")):
                return ZEROS
            return _gzip(file, 0) if b"\x1f\x8b".startswith(start[:2]) else ""
        if low.endswith(".nii"):
            return _nifti(start, path.stat().st_size)
        if low.endswith(".nrrd") and start.startswith(b"NRRD"):
            return _nrrd(file, start)
    return ""


def _gzip(file: BinaryIO, offset: int) -> str:
    file.seek(offset)
    try:
        with gzip.GzipFile(fileobj=file) as inside:
            while inside.read(BLOCK):
                pass
    except EOFError:
        return TOO_EARLY
    except gzip.BadGzipFile as error:
        return WRONG if str(error).startswith(("CRC", "Incorrect")) else ""
    except zlib.error:
        return WRONG
    return ""


def _nifti(start: bytes, size: int) -> str:
    """Compare a file's size with its header: 8 dimensions from byte 40, bits per voxel at 72, offset of data at 108."""
    if start[:4] not in (b"\x5c\x01\0\0", b"\0\0\x01\x5c"):  # the header's length, 348
        return ""
    if len(start) < NIFTI_HEADER:
        return TOO_EARLY
    order = "<" if start[0] else ">"
    count, *dims = struct.unpack_from(f"{order}8h", start, 40)
    (bits,) = struct.unpack_from(f"{order}h", start, 72)
    (offset,) = struct.unpack_from(f"{order}f", start, 108)
    if not 1 <= count <= 7 or bits <= 0 or not math.isfinite(offset):
        return ""
    voxels = math.prod(max(1, dim) for dim in dims[:count])
    return TOO_EARLY if start[344:348] == b"n+1\0" and size < offset + voxels * bits / 8 else ""


def _nrrd(file: BinaryIO, start: bytes) -> str:
    header, end, _ = start.partition(b"\n\n")
    if not end:
        return TOO_EARLY if len(start) < LONGEST_HEADER and b"\r\n" not in start else ""
    compressed = any(line.strip() in (b"encoding: gzip", b"encoding: gz") for line in header.splitlines())
    return _gzip(file, len(header) + len(end)) if compressed and b"data file:" not in header else ""
