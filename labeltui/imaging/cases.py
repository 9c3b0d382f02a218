"""The program that writes cases for nnU-Net: one JSON request on stdin, JSON lines on stdout.

Request  ``{"target": folder, "cases": [{"name", "image", "label"}]}``; image and label are files on this desk.
Answers  ``{"progress": text}``; ``{"case": name, "values": [label values but 0]}``; ``{"left": name, "why": text}``

A case is ``imagesTr/NAME_0000.nii.gz`` and ``labelsTr/NAME.nii.gz`` in ``target``. The label gets the image's header,
because nnU-Net compares both to five digits. NRRD files need SimpleITK.
"""

from __future__ import annotations

import gzip
import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

NEAR_MM = 1e-2  # formats round positions; a label of another image is farther away
MOST = 255


class NotACaseError(Exception):
    """Raised for an image and a label that can't be a case for nnU-Net. The text is the reason."""


def say(**message: Any) -> None:
    """Print one answer."""
    print(json.dumps(message), flush=True)


def write_case(target: Path, name: str, image: Path, label: Path) -> list[int]:
    """Write a case, and return the values in its label except 0. Raises NotACaseError."""
    work = target / "work"
    work.mkdir(exist_ok=True)
    picture: Any = nibabel.load(_nifti(image, work / "image.nii.gz", "image"))
    mask: Any = nibabel.load(_nifti(label, work / "label.nii.gz", "label"))
    _compare(picture, mask)
    voxels = np.asanyarray(mask.dataobj)
    values = np.unique(voxels)
    if not np.array_equal(values, np.round(values)) or values[0] < 0 or values[-1] > MOST:
        raise NotACaseError(f"its label has values that are no whole numbers from 0 to {MOST}")
    header = picture.header.copy()
    header.set_data_dtype(np.uint8)
    header.set_slope_inter(1, 0)
    make: Any = nibabel.Nifti1Image
    made = make(voxels.astype(np.uint8), picture.affine, header)
    files = target / "labelsTr" / f"{name}.nii.gz", target / "imagesTr" / f"{name}_0000.nii.gz"
    nibabel.save(made, files[0])
    _place_image(Path(picture.get_filename()), files[1])
    for file in files:
        with file.open("rb") as written:
            os.fsync(written.fileno())
    return [int(value) for value in values if value]


def _compare(image: Any, label: Any) -> None:
    """Raise NotACaseError unless image and label are volumes on the same grid."""
    if len(image.shape) != 3:
        raise NotACaseError(f"its image is no volume ({'x'.join(map(str, image.shape))})")
    if image.shape != label.shape:
        sizes = " and ".join("x".join(map(str, one.shape)) for one in (image, label))
        raise NotACaseError(f"image and label have different sizes ({sizes})")
    size = np.array(image.shape) - 1
    corners = np.array([[x, y, z, 1] for x in (0, size[0]) for y in (0, size[1]) for z in (0, size[2])]).T
    apart = float(np.abs((image.affine - label.affine) @ corners).max())
    if not apart <= NEAR_MM:
        raise NotACaseError(f"image and label lie {apart:.3g} mm apart")


def _nifti(path: Path, converted: Path, what: str) -> Path:
    """Return a NIfTI file with the content of ``path``: the same file, or ``converted`` for NRRD."""
    if not path.name.lower().endswith(".nrrd"):
        return path
    try:
        reader: Any = importlib.import_module("SimpleITK")
    except ImportError:
        raise NotACaseError(
            f"its {what} is NRRD, which needs an extra: pip install 'labeltui[dicom]'"
        ) from None
    image = reader.ReadImage(str(path))
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise NotACaseError(f"its {what} has several layers")
    reader.WriteImage(image, str(converted), True)
    return converted


def _place_image(source: Path, target: Path) -> None:
    """Link or copy the image; compress one that is not compressed."""
    if not source.name.lower().endswith(".gz"):
        with source.open("rb") as plain, gzip.open(target, "xb", compresslevel=1) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
        return
    try:
        if source.parent.name == "work":
            raise OSError  # the next case writes this file again
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def main() -> None:
    """Write the cases that the request names."""
    request = json.load(sys.stdin)
    target, cases = Path(request["target"]), request["cases"]
    for folder in ("imagesTr", "labelsTr"):
        (target / folder).mkdir(parents=True)
    for number, one in enumerate(cases, 1):
        say(progress=f"Writing case {number} of {len(cases)}")
        try:
            values = write_case(target, one["name"], Path(one["image"]), Path(one["label"]))
        except NotACaseError as error:
            say(left=one["name"], why=str(error))
        except (
            nibabel.filebasedimages.ImageFileError,
            ValueError,
            EOFError,
            RuntimeError,
            gzip.BadGzipFile,
        ) as error:
            say(left=one["name"], why=f"it can't be read: {str(error)[:200] or type(error).__name__}")
        else:
            say(case=one["name"], values=values)
    shutil.rmtree(target / "work", ignore_errors=True)


if __name__ == "__main__":
    main()
