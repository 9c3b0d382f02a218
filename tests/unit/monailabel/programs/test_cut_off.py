"""The program that finds cut-off images, run as it is sent to the host."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path
from typing import Any

from labeltui.monailabel.programs import source_of


def nifti() -> bytes:
    """A NIfTI file of 16 x 16 x 16 voxels of one byte each."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, 16, 16, 16, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 2, 8)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", head, 108, 352)
    struct.pack_into("<2h", head, 252, 1, 1)
    head[344:347] = b"n+1"
    return bytes(head) + random.Random(1).randbytes(16**3)


def test_cut_off_files_are_found_and_whole_ones_of_many_members_are_not(tmp_path: Path) -> None:
    whole = gzip.compress(nifti())
    files = {
        "whole.nii.gz": whole,
        "members.nii.gz": gzip.compress(nifti()[:1000]) + gzip.compress(nifti()[1000:]),
        "cut.nii.gz": whole[: len(whole) // 2],
        "cut.nii": nifti()[:2000],
        "whole.nii": nifti(),
        "other.nii.gz": b"no NIfTI file",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    program: dict[str, Any] = {"__name__": "cut_off"}
    exec(compile(source_of("cut_off"), "<cut_off>", "exec"), program)
    asked = {"folder": str(tmp_path), "names": [*files, "gone.nii"], "seconds": 60.0}
    assert program["main"](asked) == {"cut": ["cut.nii.gz", "cut.nii"], "checked": len(files) + 1}
    assert program["main"]({**asked, "seconds": -1.0})["checked"] == 0
