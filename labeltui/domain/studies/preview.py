"""The preview of a study: slices of its image in three planes, with the segments of up to two labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol


class Plane(StrEnum):
    """A plane of the patient. Its slices are counted from the right, the front, or the feet."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


WINDOWS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"lung": (-1350.0, 150.0), "bone": (-500.0, 1300.0), "soft": (-160.0, 240.0), "brain": (0.0, 80.0)}
)
"""The lowest and highest intensity of each preset for CT, in Hounsfield units."""
AIR = -900.0
"""An image whose 1st percentile is below this is CT: no other modality stores such intensities."""

COLOURS: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
"""Red, green and blue for the segments: the colours of Okabe and Ito, which colour-blind people can distinguish."""


Colour = tuple[int, int, int]
"""Red, green and blue, from 0 to 255."""


def colour_of(value: int, own: Mapping[int, Colour] = MappingProxyType({})) -> Colour:
    """Return the colour of a segment, from its value above 0. ``own`` are colours that the label itself has."""
    return own.get(value) or COLOURS[(value - 1) % len(COLOURS)]


@dataclass(frozen=True, slots=True)
class Segment:
    """One value of a label. ``name`` is empty if unknown; ``voxels`` are counted on the image's grid.

    ``colour`` is the one that the label's file has, as DICOM SEG may; else None.
    """

    value: int
    name: str
    voxels: int
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """One label of a preview.

    ``version`` is empty for the newest. ``problem`` is a sentence that says why the label can't be shown; else
    empty. ``resampled`` is true if its grid differs from the image's. ``fullest`` has the slice with most of the
    label for each plane; it is empty for an empty label.
    """

    tag: str
    version: str = ""
    segments: tuple[Segment, ...] = ()
    problem: str = ""
    resampled: bool = False
    fullest: Mapping[Plane, int] | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """A study's image, reoriented to the nearest axes of the patient.

    ``size`` in voxels and ``spacing`` in mm are from right to left, front to back, and foot to head.
    ``percentiles`` are the 1st and 99th of the intensities. ``oblique`` is the largest angle in degrees between an
    axis of the image and the patient's; 0 if they are parallel. ``modality`` is "CT", "MR", or empty if unknown.
    """

    study: str
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    modality: str = ""
    percentiles: tuple[float, float] = (0.0, 1.0)
    oblique: float = 0.0
    labels: tuple[LabelFacts, ...] = ()

    @property
    def window(self) -> tuple[float, float]:
        """The window to begin with: soft tissue for CT, else from the 1st to the 99th percentile."""
        is_ct = self.modality == "CT" or (not self.modality and self.percentiles[0] < AIR)
        return WINDOWS["soft"] if is_ct else self.percentiles

    @property
    def colours(self) -> Mapping[int, Colour]:
        """The colours that the labels themselves have, by value. The first label's count where two differ."""
        return {
            one.value: one.colour
            for label in reversed(self.labels)
            for one in label.segments
            if one.colour is not None
        }

    def slices(self, plane: Plane) -> int:
        """Return the number of slices of a plane."""
        return self.size[{Plane.SAGITTAL: 0, Plane.CORONAL: 1, Plane.AXIAL: 2}[plane]]


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """A slice to draw: its index from 0, the window's edges as intensities, and the largest picture in pixels."""

    plane: Plane
    index: int
    low: float
    high: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A drawn slice. Pixels are square, row by row from the top, one byte each.

    The patient's right is at the left of the picture, and the front at the left of a sagittal one. The head, or
    the front of an axial slice, is at the top. ``segments`` has one picture for each label: a segment's value at
    each pixel, 0 for none, and 255 for any value from 255.
    """

    plane: Plane
    index: int
    width: int
    height: int
    grey: bytes
    segments: tuple[bytes, ...] = ()


class Preview(Protocol):
    """An open preview. Its methods raise LabeltuiError if the program on the host ended."""

    volume: Volume

    async def slice(self, request: SliceRequest) -> Slice:
        """Draw a slice.

        A request that waits for another one of its plane is replaced by a newer one, and returns that one's slice.
        """
        ...

    async def dice(self) -> Mapping[int, float]:
        """Return the Dice coefficient between the two labels, by segment value."""
        ...

    async def close(self) -> None:
        """End the program on the host. May be called twice."""
        ...
