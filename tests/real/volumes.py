"""Small volumes that contain an object to segment."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

SHAPE = (48, 48, 32)  # voxels
SPLEEN = 1


def make_volume(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an int16 image and its uint8 label: one bright ellipsoid in noise. Its place depends on the seed."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"))
    centre = np.array(SHAPE).reshape(3, 1, 1, 1) * rng.uniform(0.4, 0.6, (3, 1, 1, 1))
    radius = np.array(SHAPE).reshape(3, 1, 1, 1) * rng.uniform(0.2, 0.3, (3, 1, 1, 1))
    inside = (((grid - centre) / radius) ** 2).sum(axis=0) < 1
    image = rng.normal(40, 12, SHAPE) + inside * 120
    return image.astype(np.int16), (inside * SPLEEN).astype(np.uint8)


def save(array: np.ndarray, path: Path) -> None:
    """Write NIfTI, 1 mm voxels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)


def make_studies(folder: Path, count: int, *, labelled: int = 0) -> None:
    """Write ``case_000.nii.gz`` and so on. The first ``labelled`` get a final label in the server's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        image, label = make_volume(index)
        save(image, folder / f"case_{index:03}.nii.gz")
        if index < labelled:
            save(label, folder / f"labels/final/case_{index:03}.nii.gz")
