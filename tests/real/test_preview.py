"""Pictures of a study, drawn over sshd in the server's own environment, compared with SimpleITK's there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from labeltui.domain.studies.preview import colour_of
from tests.real.conftest import Bench
from tests.unit.operations.studies.test_preview import pixels_of

STUDY = "oblique case's"
SIZE, PIXELS = 32, 16  # voxels, and the pixels of each
TURNED = np.array([[0.0, -0.96, 0.28], [-1.0, 0.0, 0.0], [0.0, 0.28, 0.96]])
SLICE = 11
RESAMPLED = """
import json, sys, SimpleITK as itk
image, label, index = itk.ReadImage(sys.argv[1]), itk.ReadImage(sys.argv[2]), int(sys.argv[3])
grid = itk.DICOMOrient(image, "LPS")
placed = itk.Resample(label, grid, itk.Transform(), itk.sitkNearestNeighbor)
planes = lambda one: [one[:, :, index], one[:, index, ::-1], one[index, :, ::-1]]
print(json.dumps([[itk.GetArrayFromImage(one).tolist() for one in planes(whole)] for whole in (grid, placed)]))
"""


@pytest.fixture
def files(bench: Bench) -> Iterator[tuple[Path, Path]]:
    """An image of noise that is turned in two ways, and a label on another grid."""
    assert bench.run("setup", timeout=1200).code == 0
    folder = bench.home / "my studies"
    image, label = folder / f"{STUDY}.nii.gz", folder / f"labels/final/{STUDY}.nii.gz"
    label.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = TURNED * 2, (-30, 12, 400)
    library: Any = nibabel
    library.save(library.Nifti1Image(rng.integers(0, 200, (SIZE,) * 3).astype(np.int16), affine), image)
    mask = np.kron(rng.integers(0, 2, (10,) * 3), np.ones((4,) * 3)).astype(np.uint8)
    middle = affine @ [SIZE / 2, SIZE / 2, SIZE / 2, 1]
    affine[:3, :3] = np.diag([-1.8, 1.8, 1.8])
    affine[:3, 3] += (middle - affine @ [20, 20, 20, 1])[:3]
    library.save(library.Nifti1Image(mask, affine), label)
    yield image, label
    image.unlink()
    label.unlink()


def test_every_voxel_and_the_label_are_where_simpleitk_has_them(
    bench: Bench, files: tuple[Path, Path], tmp_path: Path
) -> None:
    greys, segments = json.loads(bench.python(RESAMPLED, *map(str, files), str(SLICE)))
    assert min(np.sum(one) for one in segments) > 20
    for number, plane in enumerate(("axial", "coronal", "sagittal")):
        out = tmp_path / f"{plane}.png"
        ran = bench.run(
            "studies", "preview", STUDY, "--out", str(out), "--plane", plane, "--slice", str(SLICE + 1),
            "--window", "0,255", "--opacity", "100",
        )  # fmt: skip
        assert ran.code == 0, ran.stdout + ran.stderr
        width, height, data = pixels_of(out)
        assert (width, height) == (SIZE * PIXELS, SIZE * PIXELS)
        centres = np.frombuffer(data, np.uint8).reshape(height, width, 3)[8::PIXELS, 8::PIXELS].astype(int)
        inside = (centres == colour_of(1)).all(axis=2)
        expected, grey = np.asarray(segments[number]) == 1, np.asarray(greys[number])
        assert np.mean(inside == expected) > 0.995  # halves of a voxel may round either way
        seen = ~inside & ~expected
        assert np.abs(centres[..., 0] - grey)[seen].max() < 17  # beside the middle, neighbours count a little
        assert np.mean(np.fliplr(inside) == expected) < 0.95
        assert np.abs(np.fliplr(centres[..., 0]) - grey)[seen].max() > 100
    document = ran.document
    assert document["oblique_degrees"] == pytest.approx(16.3, abs=0.1)
    assert (document["labels"][0]["resampled"], document["labels"][0]["error"]) == (True, None)
