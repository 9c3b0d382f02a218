"""Read and write NIfTI files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

_library: Any = nibabel  # untyped
# Voxels of 4 x 4 x 5 mm, from the patient's right to the left, from the front to the back and from the feet to the head
AFFINE = np.diag([-4.0, -4.0, 5.0, 1.0])


class NotAVolume(Exception):
    """The file is not a readable NIfTI volume; the message says why."""


def encode(data: NDArray[Any], affine: NDArray[Any] = AFFINE) -> bytes:
    """Return ``data`` as the bytes of a gzipped NIfTI-1 file."""
    return gzip.compress(_library.Nifti1Image(data, affine).to_bytes(), compresslevel=1)


def decode(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read the volume and affine of a file; raises :class:`NotAVolume`."""
    try:
        image = _library.load(path)
        return np.asarray(image.dataobj), np.asarray(image.affine)
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise NotAVolume(str(error)) from error
