"""Computes the Dice coefficient of each label value between two label files of one image.

Reads NIfTI with nibabel and other formats with SimpleITK. Voxels are compared by their indices.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

BACKGROUND = 0
MOST_VALUES = 200
NEAR = 1e-3  # millimetres


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Compare the two ``files``.

    Returns ``labels``, or a clause in ``error``. Each label has its ``value``, ``dice``, and the number of
    ``voxels`` in each file. ``shifted`` is true if the two files place their voxels at different points of the
    patient.
    """
    first, second = (read(str(path)) for path in arguments["files"])
    if first[0].shape != second[0].shape:
        shapes = (" x ".join(map(str, data.shape)) for data, _ in (first, second))
        return {"error": f"the labels have other sizes: {' and '.join(shapes)} voxels"}
    one, two = first[0], second[0]
    values = np.union1d(np.unique(one), np.unique(two))
    values = values[values != BACKGROUND]
    if len(values) > MOST_VALUES:
        return {"error": f"the files have {len(values)} different values, so they are no labels"}
    return {
        "labels": [compared(one == value, two == value, value) for value in values],
        "shifted": first[1].shape == second[1].shape and not np.allclose(first[1], second[1], atol=NEAR),
    }


def compared(one: Any, two: Any, value: Any) -> dict[str, Any]:
    """Compare the masks of one value, of which at least one is not empty."""
    sizes = int(np.count_nonzero(one)), int(np.count_nonzero(two))
    dice = 2 * int(np.count_nonzero(one & two)) / sum(sizes)
    return {"value": int(value) if value == int(value) else float(value), "dice": dice, "voxels": list(sizes)}


def read(path: str) -> tuple[Any, Any]:
    """Return a file's voxels, and the numbers that define their position.

    The form of both depends on the file's format.
    """
    if path.lower().endswith((".nii", ".nii.gz")):
        image: Any = importlib.import_module("nibabel").load(path)
        return np.asanyarray(image.dataobj), np.asarray(image.affine)
    library: Any = importlib.import_module("SimpleITK")
    image = library.ReadImage(path)
    place = (*image.GetOrigin(), *image.GetSpacing(), *image.GetDirection())
    return library.GetArrayFromImage(image).transpose(), np.asarray(place)
