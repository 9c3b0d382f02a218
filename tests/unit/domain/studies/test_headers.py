"""Problems that the headers of volumes show before an upload."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.studies.headers import HEAD, why_misread
from tests.volumes import nifti, nifti2, nrrd, packed

GOOD = [
    (".nii", nifti()),
    (".nii", nifti(order=">")),
    (".nii", nifti2()),
    (".nii", nifti((4, 4, 3, 1))),
    (".nii", nifti(spacing=(0, 0, 0))),  # the sform has the spacing
    (".nii.gz", packed(nifti())),
    (".nrrd", nrrd()),
    (".nrrd", nrrd("key:=value: with a colon")),
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
    (".nrrd", nrrd("Segment0_ID:=liver"), "segmentation of 3D Slicer"),
]


@pytest.mark.parametrize(("extension", "data"), GOOD)
def test_a_sound_volume_passes(extension: str, data: bytes) -> None:
    assert why_misread(extension, data[:HEAD], len(data)) == ""


@pytest.mark.parametrize(("extension", "data", "why"), BAD)
def test_what_would_be_misread_is_named(extension: str, data: bytes, why: str) -> None:
    assert why in why_misread(extension, data[:HEAD], len(data))


@given(st.sampled_from([".nii", ".nii.gz", ".nrrd"]), st.binary(max_size=600), st.integers(0, 600))
def test_garbage_raises_nothing(extension: str, noise: bytes, at: int) -> None:
    for data in (
        noise,
        nifti()[:at] + noise,
        nifti2()[:at] + noise,
        b"NRRD0004\n" + noise,
        nrrd()[:at] + noise,
    ):
        assert isinstance(why_misread(extension, data, len(data)), str)
