"""Reads the headers of NIfTI and NRRD files, to find files that MONAI Label would misread."""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

HEAD = 1 << 18  # bytes of a file that a header fits into
CUT = "it is cut off: the voxels of its end are missing"
_NRRD_TYPES = {  # by bytes of a voxel
    1: ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
    2: ("short", "short int", "signed short", "signed short int", "int16", "int16_t",
        "ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"),
    8: ("double",),
}  # fmt: skip
_GZIP = b"\x1f\x8b"
_MEMBER = zlib.MAX_WBITS | 16
_COLOURS = {
    128: "colours",
    2304: "colours",
    32: "complex numbers",
    1792: "complex numbers",
    2048: "complex numbers",
}
_BITS = {1: 1, 2: 8, 4: 16, 8: 32, 16: 32, 64: 64, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)", re.IGNORECASE)


def why_misread(extension: str, file: BinaryIO, size: int) -> str:
    """Say why MONAI Label would misread a file.

    Empty if nothing shows a reason. ``size`` is the size of the file in bytes. The voxels of a compressed file
    are unpacked only if the size that its last bytes give is not the expected one. Raises OSError.
    """
    head = file.read(HEAD)
    if extension == ".nrrd":
        return _nrrd(head, file, size)
    if extension != ".nii.gz":
        return _nifti(head, lambda needed: size >= needed)
    if not head.startswith(_GZIP):
        return "it is not compressed with gzip"
    return _nifti(_first(_unpacked(file), 1024), lambda needed: _has(file, size, needed))


def _has(file: BinaryIO, size: int, needed: float, start: int = 0) -> bool:
    """Whether gzip's data from ``start`` on unpack to at least this many bytes."""
    file.seek(max(size - 4, 0))
    # True for a whole file of one member. All others, such as a cut one or one of many members, are read.
    if int.from_bytes(file.read(4), "little") == needed % (1 << 32):
        return True
    done = 0
    return any((done := done + len(block)) >= needed for block in _unpacked(file, start))


def _unpacked(file: BinaryIO, start: int = 0) -> Iterator[bytes]:
    """Unpack all gzip members from ``start`` on. Ends where the file is cut off or damaged."""
    file.seek(start)
    member, rest = zlib.decompressobj(_MEMBER), b""
    while rest := rest or file.read(HEAD):
        try:
            block = member.decompress(rest, HEAD)
        except zlib.error:
            return
        yield block
        rest = member.unconsumed_tail
        if member.eof:
            member, rest = zlib.decompressobj(_MEMBER), member.unused_data


def _first(blocks: Iterator[bytes], length: int) -> bytes:
    found = b""
    while len(found) < length and (block := next(blocks, None)) is not None:
        found += block
    return found[:length]


def _nifti(head: bytes, has: Callable[[float], bool]) -> str:
    """``has`` returns whether the file, unpacked, has at least this many bytes."""
    order = next(
        (o for o in "<>" if len(head) >= 4 and struct.unpack(o + "i", head[:4])[0] in (348, 540)), ""
    )
    if not order or len(head) < struct.unpack(order + "i", head[:4])[0]:
        return "it is no NIfTI file"
    second = struct.unpack(order + "i", head[:4])[0] == 540
    if second:
        dims = struct.unpack_from(order + "8q", head, 16)
        spacing = struct.unpack_from(order + "8d", head, 104)[1:4]
        (kind,), codes = (
            struct.unpack_from(order + "h", head, 12),
            struct.unpack_from(order + "2i", head, 344),
        )
        (start,), magic = struct.unpack_from(order + "q", head, 168), head[4:7]
    else:
        dims = struct.unpack_from(order + "8h", head, 40)
        spacing = struct.unpack_from(order + "8f", head, 76)[1:4]
        (kind,), codes = (
            struct.unpack_from(order + "h", head, 70),
            struct.unpack_from(order + "2h", head, 252),
        )
        (start,), magic = struct.unpack_from(order + "f", head, 108), head[344:347]
    if magic not in (b"n+1", b"n+2"):
        return "its voxels are in another file (.img)" if magic == b"ni1" else "it is no NIfTI file"
    if not 1 <= dims[0] <= 7 or any(length < 1 for length in dims[1 : dims[0] + 1]):
        return "its header has no valid dimensions"
    lengths = dims[1 : dims[0] + 1]
    if wrong := _shape(lengths):
        return wrong
    if kind in _COLOURS:
        return f"its voxels are {_COLOURS[kind]}"
    if kind in _BITS and not has(start + math.prod(lengths) * _BITS[kind] // 8):
        return CUT
    if codes[1] <= 0 and not all(math.isfinite(one) and one > 0 for one in spacing):
        return "it has no spacing"
    if max(codes) <= 0:
        return "its header has no position and orientation (qform and sform are 0)"
    return ""


def _shape(lengths: Sequence[int]) -> str:
    text = "x".join(map(str, lengths))
    if any(length > 1 for length in lengths[3:]):
        return f"it has more than 3 dimensions ({text})"
    return "" if len(lengths) >= 3 else f"it is no volume ({text})"


def _nrrd(head: bytes, file: BinaryIO, size: int) -> str:
    text = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace")
    first, *lines = text.split("\n")
    if not first.startswith("NRRD000"):
        return "it is no NRRD file"
    fields = {
        name.strip().lower(): value.strip()
        for name, found, value in (line.partition(":") for line in lines if not line.startswith("#"))
        if found and not value.startswith("=")
    }
    if any(line.startswith("Segment0_") for line in lines):
        return "it is a segmentation of 3D Slicer, not an image"
    if "data file" in fields or "datafile" in fields:
        return "its voxels are in another file"
    sizes = [int(float(one)) for one in _NUMBER.findall(fields.get("sizes", "")) if _finite(one)]
    if not sizes or str(len(sizes)) != fields.get("dimension"):
        return "its header has no valid dimensions"
    return _shape(sizes) or _nrrd_cut(fields, math.prod(sizes), head, file, size) or _nrrd_spacing(fields)


def _nrrd_cut(fields: dict[str, str], voxels: int, head: bytes, file: BinaryIO, size: int) -> str:
    ends = [match.end() for match in [re.search(rb"\r?\n\r?\n", head)] if match]
    width = next((width for width, names in _NRRD_TYPES.items() if fields.get("type") in names), 0)
    encoding = fields.get("encoding", "").lower()
    if not ends or not width:
        return ""
    start = _after_lines(file, ends[0], _skip(fields, "line"))
    needed = voxels * width + _skip(fields, "byte")  # bytes are skipped in what gzip's data unpack to
    whole = {"raw": lambda: size - start >= needed, "gzip": lambda: _has(file, size, needed, start)}.get(
        "gzip" if encoding == "gz" else encoding
    )
    return CUT if whole is not None and not whole() else ""


def _skip(fields: dict[str, str], unit: str) -> int:
    """Return how many lines or bytes precede the voxels. 0 for -1 bytes: then the voxels are the file's last bytes."""
    text = fields.get(f"{unit} skip") or fields.get(f"{unit}skip") or ""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _after_lines(file: BinaryIO, start: int, lines: int) -> int:
    """Return where the file goes on after so many lines from ``start``; its end if it has fewer."""
    file.seek(start)
    while lines and (line := file.readline(HEAD)):
        lines -= line.endswith(b"\n")
    return file.tell()


def _nrrd_spacing(fields: dict[str, str]) -> str:
    if "space directions" in fields:
        vectors = re.findall(r"\(([^)]*)\)", fields["space directions"])
        lengths = [math.hypot(*(float(one) for one in _NUMBER.findall(vector))) for vector in vectors]
    else:
        lengths = [float(one) for one in _NUMBER.findall(fields.get("spacings", ""))]
    if len(lengths) < 3 or not all(math.isfinite(one) and one > 0 for one in lengths):
        return "it has no spacing"
    return "" if "space directions" in fields else "its header has no position and orientation"


def _finite(text: str) -> bool:
    return math.isfinite(float(text))
