"""Label files that were cut off or spoilt, beside whole ones of every kind."""

from __future__ import annotations

import gzip
import itertools
import struct
from pathlib import Path

import pytest

from labeltui.session.labels.soundness import damage

VOXELS = bytes(range(256)) * 16


def nifti(order: str) -> bytes:
    """A volume of 16 x 16 x 16 bytes: header, an empty extension field, voxels."""
    dims = (3, 16, 16, 16, 1, 1, 1, 1)
    header = struct.pack(f"{order}i36x8h14x2h34xf232x4s", 348, *dims, 2, 8, 352.0, b"n+1\0")
    return header + bytes(4) + VOXELS


NIFTI = nifti("<")
NRRD = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 16 16 16\nencoding: gzip\n\n" + gzip.compress(VOXELS)
SPOILT = bytearray(gzip.compress(VOXELS))
SPOILT[-6] ^= 1  # in the checksum
TOO_EARLY, EMPTY, WRONG = "the file ends too early", "the file is empty", "the checksum in the file is wrong"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.nii.gz", gzip.compress(NIFTI), ""),
        ("a.nii.gz", gzip.compress(NIFTI) + bytes(512), ""),
        ("a.nii.gz", b"", EMPTY),
        ("a.nii.gz", gzip.compress(NIFTI)[:-1], TOO_EARLY),
        ("a.nii.gz", gzip.compress(NIFTI)[:40], TOO_EARLY),
        ("a.nii.gz", gzip.compress(NIFTI)[:5], TOO_EARLY),
        ("a.nii.gz", bytes(4096), "the file holds only zero bytes"),
        ("a.nii.gz", bytes(SPOILT), WRONG),
        ("a.nii.gz", b"a format of its own", ""),
        ("a.nii", NIFTI, ""),
        ("a.nii", nifti(">"), ""),
        ("a.nii", NIFTI[:-1], TOO_EARLY),
        ("a.nii", NIFTI[:348], TOO_EARLY),
        ("a.nii", b"a format of its own" * 40, ""),
        ("a.seg.nrrd", NRRD, ""),
        ("a.seg.nrrd", NRRD[:-1], TOO_EARLY),
        ("a.seg.nrrd", NRRD[:30], TOO_EARLY),
        ("a.nrrd", b"NRRD0004\nencoding: raw\n\n" + VOXELS, ""),
        ("a.json", b"{}", ""),
        ("a.json", b"", EMPTY),
    ],
    ids=itertools.count(),
)
def test_only_what_is_surely_damaged_is_called_so(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    (tmp_path / "arrived").write_bytes(content)
    assert damage(tmp_path / "arrived", name) == why
