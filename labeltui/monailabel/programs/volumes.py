"""Reads images and labels, and turns them so that their axes are the nearest axes of the patient.

NIfTI is read with nibabel, other formats and folders of DICOM files with SimpleITK. Positions are DICOM's:
millimetres to the patient's left, back and head.
"""

from __future__ import annotations

import importlib
import zlib
from itertools import permutations
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
UNEVEN = 0.02  # share of the spacing, or mm: rounding of positions stays below
ERRORS = (OSError, EOFError, ValueError, RuntimeError, KeyError, TypeError, OverflowError, zlib.error)


class Unreadable(Exception):
    """The file can't be shown. The message is a clause after "because"."""


class Undecodable(Unreadable):
    """SimpleITK has no decoder for the compression of DICOM files, and MONAI Label reads them with the same library."""


UNDECODED = {
    "1.2.840.10008.1.2.4.20": "High-Throughput JPEG 2000", "1.2.840.10008.1.2.4.11": "JPEG XL",
    "1.2.840.10008.1.2.4.10": "MPEG video", "1.2.840.10008.1.2.7": "SMPTE video",
    "1.2.840.10008.1.2.4.94": "JPIP", "1.2.840.10008.1.2.4.95": "JPIP", "1.2.840.10008.1.2.8": "deflated frames",
}  # fmt: skip
"""The beginnings of the transfer syntaxes that GDCM, which SimpleITK reads DICOM with, can't decode."""
SERIES = "0020|000e"
HEAD = 4096  # bytes: the transfer syntax comes before


class Source(NamedTuple):
    """A file whose header was read. ``read`` returns its voxels in the axes of the file.

    ``held`` is the memory that they take, in bytes; 0 if the file is mapped. A voxel's intensity is ``slope`` times
    its value, plus ``intercept``. ``segments`` has each segment's name and colour if the file is a DICOM SEG, which may
    lack slices that are empty.
    """

    shape: tuple[int, ...]
    affine: Any
    held: int
    read: Callable[[], Any]
    slope: float = 1.0
    intercept: float = 0.0
    segments: Any = None


class Oriented(NamedTuple):
    """Voxels from right to left, front to back, and foot to head. ``affine`` gives their positions.

    ``oblique`` is the largest angle in degrees between an axis and the patient's.
    """

    voxels: Any
    affine: Any
    spacing: tuple[float, float, float]
    oblique: float
    slope: float
    intercept: float

    def intensities(self, values: Any) -> Any:
        """Convert stored values to intensities."""
        return np.asarray(values, np.float32) * np.float32(self.slope) + np.float32(self.intercept)


def open_file(path: str, reader: Any = None) -> Source:
    """Read a file's header, with a reader of its own if there is one. Raises Unreadable."""
    try:
        if reader is not None:
            source: Source = reader(path)
        elif Path(path).is_dir():
            source = open_series(path)
        else:
            source = open_nifti(path) if path.lower().endswith((".nii", ".nii.gz")) else open_other(path)
    except ModuleNotFoundError as error:
        raise Unreadable(f"the host's Python has no {error.name}, which reads this format") from None
    except FileNotFoundError:
        raise Unreadable("the host no longer has its file") from None
    except ERRORS as error:
        raise Unreadable(f"its file can't be read: {first_line(error)}") from None
    if any(size != 1 for size in source.shape[3:]):
        raise Unreadable(f"it has {len(source.shape)} dimensions ({' x '.join(map(str, source.shape))})")
    if not source.shape or min(source.shape) < 1:
        raise Unreadable("it has no voxels")
    if not np.isfinite(source.affine).all() or abs(np.linalg.det(source.affine[:3, :3])) < 1e-12:
        raise Unreadable("its header has no usable orientation and spacing")
    return source


def open_nifti(path: str) -> Source:
    """Read the header of a NIfTI file."""
    library: Any = importlib.import_module("nibabel")
    try:
        image = library.load(
            path, mmap="r"
        )  # a mapping that can be written would count as memory of the process
    except library.filebasedimages.ImageFileError:
        raise Unreadable("its file is no NIfTI file, or damaged") from None
    data = image.dataobj
    if data.dtype.fields or data.dtype.kind not in "iuf":
        raise Unreadable("its voxels are colours or complex numbers")
    held = int(np.prod(image.shape, dtype=float)) * data.dtype.itemsize if path.lower().endswith(".gz") else 0
    return Source(
        tuple(image.shape), TO_LPS @ np.asarray(image.affine, float), held, data.get_unscaled,
        float(data.slope), float(data.inter),
    )  # fmt: skip


def open_other(path: str) -> Source:
    """Read the header of a file that SimpleITK knows."""
    library: Any = importlib.import_module("SimpleITK")
    reader = library.ImageFileReader()
    reader.SetFileName(path)
    reader.ReadImageInformation()
    if reader.GetNumberOfComponents() != 1:
        raise Unreadable("its voxels are colours or vectors")
    shape = tuple(reader.GetSize())
    width = library.Image([1] * len(shape), reader.GetPixelID()).GetSizeOfPixelComponent()
    return Source(
        shape, affine_of(reader, len(shape)), 2 * int(np.prod(shape, dtype=float)) * width,
        lambda: library.GetArrayFromImage(reader.Execute()).transpose(),
    )  # fmt: skip


def open_series(folder: str) -> Source:
    """Read the headers of a DICOM series. Raises Unreadable if its slices are no volume."""
    library: Any = importlib.import_module("SimpleITK")
    names, places = slices_of(library, folder)
    first = open_other(names[0])
    if len(names) == 1:
        return first
    steps = np.diff(places, axis=0)
    step = (places[-1] - places[0]) / (len(places) - 1)
    if np.abs(steps - step).max() > UNEVEN * max(1.0, float(np.linalg.norm(step))):
        raise Unreadable("its slices are not evenly spaced, so some are missing or it has several volumes")
    affine = first.affine.copy()
    affine[:3, 2] = step
    series = library.ImageSeriesReader()
    series.SetFileNames(names)
    shape = (*first.shape[:2], len(names))
    return Source(
        shape, affine, first.held * len(names), lambda: library.GetArrayFromImage(series.Execute()).transpose()
    )  # fmt: skip


def slices_of(library: Any, folder: str) -> tuple[list[str], Any]:
    """Return the files of a series and their positions, in the order of these. Raises Unreadable for several series.

    GDCM's own list would have the pixels of all files in memory at once.
    """
    reader, series, found = library.ImageFileReader(), set(), []
    reader.SetImageIO("GDCMImageIO")
    for path in sorted(Path(folder).iterdir()):
        need_decoder(path)
        reader.SetFileName(str(path))
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            continue
        series.add(reader.GetMetaData(SERIES) if reader.HasMetaDataKey(SERIES) else "")
        place = np.asarray(reader.GetOrigin())
        along = float(np.asarray(reader.GetDirection())[2::3] @ place)
        found.append((along, str(path), place))
    if len(series) != 1:
        raise Unreadable(f"its folder has {len(series)} DICOM series instead of one")
    found.sort(key=lambda one: one[:2])
    return [path for _, path, _ in found], [place for _, _, place in found]


def need_decoder(path: Path) -> None:
    """Raise Undecodable for a DICOM file that SimpleITK can't decode."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    at = head.find(b"\x02\0\x10\0UI")
    if at < 0:
        return
    syntax = (
        head[at + 8 : at + 8 + int.from_bytes(head[at + 6 : at + 8], "little")]
        .rstrip(b"\0 ")
        .decode("latin-1")
    )
    name = next((name for begin, name in UNDECODED.items() if syntax.startswith(begin)), "")
    if name:
        raise Undecodable(
            f"its images are compressed as {name} ({syntax[:64]}), which MONAI Label can't decode either; store them "
            "on the DICOM server without compression, or as JPEG 2000"
        )


def affine_of(image: Any, dimensions: int) -> Any:
    """Return the positions of a SimpleITK image's voxels, whatever its number of dimensions."""
    cosines = np.asarray(image.GetDirection()).reshape(dimensions, dimensions)
    most = min(dimensions, 3)
    affine = np.eye(4)
    affine[:most, :most] = (cosines * np.asarray(image.GetSpacing()))[:most, :most]
    affine[:most, 3] = image.GetOrigin()[:most]
    return affine


def read(source: Source) -> Oriented:
    """Read a file's voxels, and turn them to the nearest axes of the patient. Raises Unreadable and MemoryError."""
    try:
        voxels = source.read()
    except ERRORS as error:
        raise Unreadable(f"its file is damaged or not complete: {first_line(error)}") from None
    if voxels.ndim > 3:
        voxels = voxels[(..., *[0] * (voxels.ndim - 3))]
    while voxels.ndim < 3:
        voxels = voxels[..., np.newaxis]
    spacing = np.sqrt((source.affine[:3, :3] ** 2).sum(axis=0))
    cosines = source.affine[:3, :3] / spacing
    order = max(
        permutations(range(3)), key=lambda axes: sum(abs(cosines[row, axes[row]]) for row in range(3))
    )
    affine = source.affine[:, [*order, 3]].copy()
    voxels = voxels.transpose(order)
    for axis in range(3):
        if affine[axis, axis] < 0:
            affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
            affine[:3, axis] *= -1
            voxels = np.flip(voxels, axis)
    along = min(abs(cosines[row, order[row]]) for row in range(3))
    angle = round(float(np.degrees(np.arccos(min(1.0, along)))), 1)
    right, front, foot = (round(float(spacing[axis]), 4) for axis in order)
    return Oriented(voxels, affine, (right, front, foot), angle, source.slope, source.intercept)


def first_line(error: BaseException) -> str:
    """Return the last line of an error's text, which ITK puts after its own function names."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200].rstrip(".")
