"""Sorts DICOM files into series, and checks that each is one volume."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

TAGS = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "Rows", "Columns",
    "NumberOfFrames", "SamplesPerPixel", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
]  # fmt: skip
UNEVEN = 0.02  # share of the spacing, or mm: rounding of positions stays below
TILTED = 0.02


class NotAVolume(Exception):
    """Raised for files that are not one volume. The text is the reason."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The header of one file."""

    path: Path
    header: Dataset

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """Return a field with ``count`` numbers. Raises NotAVolume."""
        try:
            values = tuple(float(one) for one in self.header[name].value)
        except (KeyError, TypeError, ValueError):
            values = ()
        if len(values) != count or not all(map(math.isfinite, values)):
            raise NotAVolume(f"its headers have no valid {name}")
        return values


def read_series(paths: Iterable[Path]) -> tuple[dict[str, list[Slice]], list[tuple[Path, str]]]:
    """Read the headers.

    Returns the files of each series by its UID, and the files that are not images, with the reason.
    """
    series: dict[str, list[Slice]] = defaultdict(list)
    first: dict[str, Path] = {}
    left: list[tuple[Path, str]] = []
    for path in paths:
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
        except (
            InvalidDicomError,
            OSError,
            ValueError,
            KeyError,
            AttributeError,
            TypeError,
            NotImplementedError,
        ):
            left.append((path, "it is no DICOM file that can be read"))
            continue
        if not header.get("Rows") or not header.get("Columns"):
            kind = str(header.get("Modality") or "without pixels")
            left.append((path, f"it is no image ({kind})"))
        elif (uid := str(header.get("SOPInstanceUID") or path)) in first:
            left.append((path, f"it is the same image as {first[uid].name}"))
        else:
            first[uid] = path
            series[str(header.get("SeriesInstanceUID") or path)].append(Slice(path, header))
    return dict(series), left


def named(
    series: Collection[Sequence[Slice]], names: Mapping[Path, str]
) -> list[tuple[str, Sequence[Slice]]]:
    """Return each series with its study's id: the name of its folder, with its number if the folder has several."""
    per_folder = Counter(names[slices[0].path] for slices in series)
    used: dict[str, int] = defaultdict(int)
    found = []
    for slices in series:
        base = names[slices[0].path]
        name = base if per_folder[base] == 1 else f"{base}_s{series_number(slices)}"
        used[name] += 1
        found.append((name + (f"-{used[name]}" if used[name] > 1 else ""), slices))
    return found


def series_number(slices: Sequence[Slice]) -> str:
    """Return the number of a series; 0 if it has none."""
    number = slices[0].header.get("SeriesNumber")
    return str(number) if isinstance(number, int) else "0"


def volume_of(slices: Sequence[Slice]) -> list[Path]:
    """Return the files of a volume in the order of their positions. Raises NotAVolume with the reason."""
    first = slices[0]
    if str(first.header.get("Modality")) == "SEG":
        raise NotAVolume("it is a segmentation (SEG), not an image")
    if any(int(one.header.get("SamplesPerPixel") or 1) > 1 for one in slices):
        raise NotAVolume("its voxels are colours")
    if any(int(one.header.get("NumberOfFrames") or 1) > 1 for one in slices):
        if len(slices) > 1:
            raise NotAVolume(f"it has {len(slices)} files of several frames each")
        return [first.path]
    if len(slices) < 2:
        raise NotAVolume("it has a single slice")
    sizes = {(one.header.Rows, one.header.Columns) for one in slices}
    if len(sizes) > 1:
        raise NotAVolume("its slices have different sizes")
    return _in_order(slices)


def _in_order(slices: Sequence[Slice]) -> list[Path]:
    row_and_column = slices[0].numbers("ImageOrientationPatient", 6)
    for one in slices:
        one.numbers("PixelSpacing", 2)
        if math.dist(one.numbers("ImageOrientationPatient", 6), row_and_column) > 1e-3:
            raise NotAVolume("its slices have different orientations")
    row, column = row_and_column[:3], row_and_column[3:]
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    placed = sorted(
        (
            (sum(a * b for a, b in zip(one.numbers("ImagePositionPatient", 3), normal, strict=True)), one)
            for one in slices
        ),
        key=lambda pair: (pair[0], str(pair[1].path)),
    )
    gaps = [after[0] - before[0] for before, after in itertools.pairwise(placed)]
    if min(gaps) < 1e-3:
        per_place = len(slices) / (1 + sum(gap >= 1e-3 for gap in gaps))
        raise NotAVolume(f"it has several volumes: {per_place:g} slices at each position")
    usual = sorted(gaps)[len(gaps) // 2]
    if max(gaps) - min(gaps) > max(UNEVEN * usual, UNEVEN):
        raise NotAVolume(f"slices are missing: they are {min(gaps):.2f} to {max(gaps):.2f} mm apart")
    start, end = (one.numbers("ImagePositionPatient", 3) for one in (placed[0][1], placed[-1][1]))
    away = math.dist(start, end)
    depth = placed[-1][0] - placed[0][0]
    if math.sqrt(max(0.0, away * away - depth * depth)) > max(TILTED * depth, TILTED):
        raise NotAVolume("its slices are shifted against each other (a tilted gantry)")
    return [one.path for _, one in placed]
