"""Reads DICOM SEG files with pydicom. Their frames may be in any order, and slices without a segment may be absent."""

from __future__ import annotations

import importlib
from typing import Any, Callable, NamedTuple

import numpy as np

from labeltui.monailabel.programs.volumes import ERRORS, Source, Unreadable

SAME_MM = 1e-2  # frames that are nearer are of one slice
UNEVEN = 0.1  # of the distance between slices: the nearest slice is still clear
SAME_COSINE = 1e-3
MOST_NAME = 64
LAB_TO_RGB = np.array([
    [3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427],
])  # fmt: skip
"""From XYZ with the white of D50, which DICOM's colours have, to linear sRGB."""
WHITE = (0.9642, 1.0, 0.8249)


class Frame(NamedTuple):
    """One picture: its segment (0 if the pixels name theirs), and the place of its first pixel in mm."""

    segment: int
    position: Any
    cosines: Any
    spacing: Any
    declared: tuple[float, float]  # between slices, and their thickness; 0 if unknown


def open_seg(path: str) -> Source:
    """Read a SEG. Segments with a higher number lie over others. Raises Unreadable, and errors of a damaged file."""
    library: Any = importlib.import_module("pydicom")
    try:
        seg = library.dcmread(path)
    except library.errors.InvalidDicomError:
        raise Unreadable("its file is no DICOM file, or damaged") from None
    if seg.get("Modality") != "SEG":
        raise Unreadable("its DICOM file is no segmentation")
    shared = list(seg.get("SharedFunctionalGroupsSequence") or ())[:1]
    frames = [frame_of([own, *shared]) for own in seg.get("PerFrameFunctionalGroupsSequence") or ()]
    if not frames or len(frames) != int(seg.get("NumberOfFrames") or 1):
        raise Unreadable("its frames are not described")
    affine, slots = grid_of(frames)
    rows, columns = int(seg.Rows), int(seg.Columns)
    kind = np.uint16 if max(frame.segment for frame in frames) > 255 or seg.BitsAllocated > 8 else np.uint8
    shape = (columns, rows, int(slots.max()) + 1)
    held = int(np.prod(shape, dtype=float)) * np.dtype(kind).itemsize + len(seg.get("PixelData") or b"")
    picture_of = pictures(seg, rows, columns, len(frames))
    if seg.file_meta.TransferSyntaxUID.is_encapsulated:
        held += rows * columns * len(frames) * seg.BitsAllocated // 8
    lowest = float(seg.get("MaximumFractionalValue") or 255) / 2 if kind_of(seg) == "FRACTIONAL" else 0.5

    def read() -> Any:
        voxels = np.zeros(shape, kind, order="F")
        for index in sorted(range(len(frames)), key=lambda index: frames[index].segment):
            picture, target = picture_of(index).T, voxels[:, :, int(slots[index])]
            inside = picture >= lowest
            target[inside] = frames[index].segment or picture[inside]
        return voxels

    return Source(shape, affine, held, read, segments=segments_of(seg))


def kind_of(seg: Any) -> str:
    """Return BINARY, FRACTIONAL or LABELMAP."""
    return str(seg.get("SegmentationType") or "BINARY")


def frame_of(groups: list[Any]) -> Frame:
    """Read a frame's functional groups: its own, then those of all frames. Raises Unreadable."""

    def element(sequence: str, name: str) -> Any:
        for group in groups:
            items = group.get(sequence)
            if items and items[0].get(name) is not None:
                return items[0].get(name)
        return None

    def numbers(sequence: str, name: str, count: int) -> Any:
        found = element(sequence, name)
        values = np.asarray([] if found is None else found, float)
        if values.shape != (count,) or not np.isfinite(values).all():
            raise Unreadable(f"its frames have no {name}, so their place in the patient is not known")
        return values

    between, thick = (
        abs(float(element("PixelMeasuresSequence", name) or 0))
        for name in ("SpacingBetweenSlices", "SliceThickness")
    )
    return Frame(
        int(element("SegmentIdentificationSequence", "ReferencedSegmentNumber") or 0),
        numbers("PlanePositionSequence", "ImagePositionPatient", 3),
        numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        numbers("PixelMeasuresSequence", "PixelSpacing", 2),
        (between, thick),
    )


def grid_of(frames: list[Frame]) -> tuple[Any, Any]:
    """Return the positions of the voxels, and each frame's slice. Raises Unreadable unless all are on one grid."""
    first = frames[0]
    if any(
        np.abs(one.cosines - first.cosines).max() > SAME_COSINE or not np.allclose(one.spacing, first.spacing)
        for one in frames
    ):
        raise Unreadable("its frames have different orientations or pixel sizes")
    row, column = first.cosines[:3], first.cosines[3:]
    places = np.array([one.position for one in frames])
    along = places @ np.cross(row, column)
    start = places[along.argmin()]
    step, slots = steps_of(places - start, along - along.min(), first.declared)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * first.spacing[1], column * first.spacing[0]
    affine[:3, 2] = (
        np.cross(row, column) * (first.declared[0] or first.declared[1] or 1.0) if step is None else step
    )
    affine[:3, 3] = start
    return affine, slots


def steps_of(places: Any, along: Any, declared: tuple[float, float]) -> tuple[Any, Any]:
    """Return the step from slice to slice, None for a single slice, and each frame's slice. Raises Unreadable.

    The step is the declared distance if it fits, else the smallest between two frames or a part of it, because
    slices may be absent.
    """
    gaps = np.diff(np.sort(along))
    gaps = gaps[gaps > SAME_MM]
    if not gaps.size:
        return None, np.zeros(len(along), int)
    least = float(gaps.min())
    for size in (declared[0], least, declared[1], least / 2, least / 3):
        slots = np.rint(along / size) if size > SAME_MM else np.zeros(1)
        if slots.max() < 1:
            continue
        step = places[along.argmax()] / slots.max()
        if np.abs(places - slots[:, None] * step).max() < UNEVEN * float(np.linalg.norm(step)):
            return step, slots
    raise Unreadable("its frames are not evenly spaced")


def pictures(seg: Any, rows: int, columns: int, count: int) -> Callable[[int], Any]:
    """Return a function that returns the pixels of a frame. Raises Unreadable."""
    size, bits = rows * columns, int(seg.BitsAllocated)
    if seg.file_meta.TransferSyntaxUID.is_encapsulated:
        decoded: list[Any] = []

        def decompressed(index: int) -> Any:
            try:
                decoded[:] = decoded or [np.asarray(seg.pixel_array).reshape(count, rows, columns)]
            except (*ERRORS, AttributeError):
                name = seg.file_meta.TransferSyntaxUID.name
                raise Unreadable(f"the host's Python can't decode its compression, {name}") from None
            return decoded[0][index]

        return decompressed
    if bits not in (1, 8, 16) or len(seg.get("PixelData") or b"") * 8 < size * bits * count:
        raise Unreadable("its pixels are not complete")

    def stored(index: int) -> Any:
        if bits == 1:
            start = size * index
            packed = np.frombuffer(seg.PixelData, np.uint8, (start + size + 7) // 8 - start // 8, start // 8)
            values = np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + size]
        else:
            values = np.frombuffer(seg.PixelData, f"<u{bits // 8}", size, size * index * bits // 8)
        return values.reshape(rows, columns)

    return stored


def segments_of(seg: Any) -> dict[int, tuple[str, Any]]:
    """Return the name of each segment, and its colour as red, green and blue; None if it has none."""
    found = {}
    for one in seg.get("SegmentSequence") or ():
        kind = list(one.get("SegmentedPropertyTypeCodeSequence") or ())[:1]
        names = [one.get("SegmentLabel"), *(code.get("CodeMeaning") for code in kind)]
        colour = one.get("RecommendedDisplayCIELabValue")
        name = next((str(name) for name in names if name), "")[:MOST_NAME]
        known = colour is not None and len(colour) == 3
        found[int(one.get("SegmentNumber") or 0)] = name, rgb_of(*map(float, colour)) if known else None
    return found


def rgb_of(light: float, red: float, yellow: float) -> list[int]:
    """Convert a colour of CIELab, as DICOM stores it in 16 bits, to red, green and blue in 8 bits."""
    middle = (light * 100 / 65535 + 16) / 116
    parts = middle + (red * 255 / 65535 - 128) / 500, middle, middle - (yellow * 255 / 65535 - 128) / 200
    xyz = [part**3 if part > 6 / 29 else 3 * (6 / 29) ** 2 * (part - 4 / 29) for part in parts]
    linear = np.clip(LAB_TO_RGB @ (np.array(xyz) * WHITE), 0, 1)
    curved = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return [int(one) for one in np.rint(curved * 255)]
