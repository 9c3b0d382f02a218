"""Problems that the headers of volumes show before an upload."""

from __future__ import annotations

import io
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.studies.headers import why_misread
from tests.volumes import nifti, nifti2, nrrd, packed


def members(data: bytes, *cuts: int) -> bytes:
    """The data as several gzip members, one after the other."""
    return b"".join(packed(data[a:b]) for a, b in zip((0, *cuts), (*cuts, len(data)), strict=True))


def noise(shape: tuple[int, int, int]) -> bytes:
    """Voxels that gzip can't make smaller."""
    return random.Random(1).randbytes(2 * math.prod(shape))


def gzipped_nrrd() -> bytes:
    head, _, voxels = nrrd().replace(b"encoding: raw", b"encoding: gzip").partition(b"\n\n")
    return head + b"\n\n" + packed(random.Random(1).randbytes(len(voxels)))


def skipping(field: str, before: bytes, *, gzip: bool, inside: bytes = b"") -> bytes:
    """A volume whose header says that something precedes its voxels: before gzip's data, or inside them."""
    head, _, voxels = nrrd(field).partition(b"\n\n")
    if gzip:
        head = head.replace(b"encoding: raw", b"encoding: gzip")
        voxels = packed(inside + random.Random(1).randbytes(len(voxels)))
    return head + b"\n\n" + before + voxels


LINES = b"a line\r\nanother line\n"
SKIPPING = [
    skipping("line skip: 2", LINES, gzip=True),
    skipping("lineskip: 2", LINES, gzip=False),
    skipping("byte skip: 7", b"", gzip=True, inside=bytes(7)),
    skipping("byte skip: 7", bytes(7), gzip=False),
    skipping("byteskip: -1", b"", gzip=False),
    skipping("line skip: 1", b"x" * 200_000 + b"\n", gzip=True),
]
LARGE = nifti((64, 64, 64), voxels=noise((64, 64, 64)))

GOOD = [
    (".nii", nifti()),
    (".nii", nifti(order=">")),
    (".nii", nifti2()),
    (".nii", nifti((4, 4, 3, 1))),
    (".nii", nifti(spacing=(0, 0, 0))),  # the sform has the spacing
    (".nii.gz", packed(nifti())),
    (".nii.gz", packed(LARGE)),
    (".nii.gz", packed(LARGE + b"more than its voxels")),
    (".nii.gz", packed(LARGE) + bytes(512)),  # as tapes fill their last block
    (".nii.gz", members(LARGE, 100, 9_000)),
    (".nrrd", nrrd()),
    (".nrrd", nrrd("key:=value: with a colon")),
    (".nrrd", nrrd().replace(b"\n\n", b"\n\n" + bytes(9)) + b"more than its voxels"),
    (".nrrd", gzipped_nrrd()),
    (".nrrd", gzipped_nrrd().replace(b"encoding: gzip", b"encoding: bzip2")),
    *((".nrrd", one) for one in SKIPPING),
    (
        ".nrrd",
        nrrd(space=False).replace(b"encoding", b"space directions: (0.5,0,0) (0,0.5,0) (0,0,3)\nencoding"),
    ),
]
BAD = [
    (".nii", nifti((4, 4, 3, 10)), "more than 3 dimensions (4x4x3x10)"),
    (".nii.gz", packed(nifti((4, 4, 3, 10))), "more than 3 dimensions"),
    (".nii", nifti2((4, 4, 3, 2)), "more than 3 dimensions"),
    (".nii", nifti((4, 4)), "no volume (4x4)"),
    (".nii", nifti((4, 0, 3)), "no valid dimensions"),
    (".nii", nifti(spacing=(0, 1, 1), sform=0, qform=1), "no spacing"),
    (".nii", nifti(spacing=(math.nan, 1, 1), sform=0, qform=1), "no spacing"),
    (".nii", nifti(sform=0), "no position and orientation"),
    (".nii", nifti(kind=128), "colours"),
    (".nii", nifti(magic=b"ni1\0"), "another file"),
    (".nii", nifti(voxels=bytes(10)), "cut off"),
    (".nii.gz", packed(LARGE)[:-40], "cut off"),
    (".nii.gz", packed(LARGE)[:300_000], "cut off"),
    (".nii.gz", packed(LARGE[:-1]), "cut off"),
    (".nii.gz", members(LARGE, 100, 9_000)[:-40], "cut off"),
    (".nii.gz", packed(LARGE)[:300_000] + bytes(100_000), "cut off"),
    (".nii", b"", "no NIfTI file"),
    (".nii", packed(nifti()), "no NIfTI file"),
    (".nii.gz", nifti(), "not compressed with gzip"),
    (".nii.gz", packed(b"hello"), "no NIfTI file"),
    (".nrrd", b"PNG", "no NRRD file"),
    (".nrrd", nrrd(sizes="2 4 4 3"), "more than 3 dimensions (2x4x4x3)"),
    (".nrrd", nrrd(space=False), "no spacing"),
    (".nrrd", nrrd("spacings: 1 1 2", space=False), "no position and orientation"),
    (".nrrd", nrrd("spacings: 1 1 nan", space=False), "no spacing"),
    (".nrrd", nrrd("data file: voxels.raw"), "another file"),
    (".nrrd", nrrd()[:-1], "cut off"),
    (".nrrd", gzipped_nrrd()[:-20], "cut off"),
    *((".nrrd", one[:-20], "cut off") for one in SKIPPING),
    (".nrrd", skipping("line skip: 3", LINES, gzip=False), "cut off"),
    (".nrrd", skipping(f"byte skip: {'9' * 18}", b"", gzip=True), "cut off"),
    (".nrrd", gzipped_nrrd()[: -len(packed(bytes(96)))], "cut off"),
    (".nrrd", nrrd("Segment0_ID:=liver"), "segmentation of 3D Slicer"),
]


def shown(value: object) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize(("extension", "data"), GOOD, ids=shown)
def test_a_sound_volume_passes(extension: str, data: bytes) -> None:
    assert why_misread(extension, io.BytesIO(data), len(data)) == ""


@pytest.mark.parametrize(("extension", "data", "why"), BAD, ids=shown)
def test_what_would_be_misread_is_named(extension: str, data: bytes, why: str) -> None:
    assert why in why_misread(extension, io.BytesIO(data), len(data))


@given(st.sampled_from([".nii", ".nii.gz", ".nrrd"]), st.binary(max_size=600), st.integers(0, 600))
def test_garbage_raises_nothing(extension: str, noise: bytes, at: int) -> None:
    for data in (
        noise,
        nifti()[:at] + noise,
        nifti2()[:at] + noise,
        b"NRRD0004\n" + noise,
        nrrd()[:at] + noise,
        packed(nifti())[:at] + noise,
    ):
        assert isinstance(why_misread(extension, io.BytesIO(data), len(data)), str)
