"""What the preview shows of a volume: the point in it, the plane with the keys, and the window. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from labeltui.domain.studies.preview import AIR, WINDOWS, Plane, SliceRequest, Volume

THROUGH: Mapping[Plane, int] = MappingProxyType({Plane.AXIAL: 2, Plane.CORONAL: 1, Plane.SAGITTAL: 0})
"""The axis of the volume's size along which a plane's slices are counted."""
ACROSS: Mapping[Plane, int] = MappingProxyType({Plane.AXIAL: 0, Plane.CORONAL: 0, Plane.SAGITTAL: 1})
"""The axis from the left of a picture to its right."""
DOWN: Mapping[Plane, tuple[int, bool]] = MappingProxyType(
    {Plane.AXIAL: (1, False), Plane.CORONAL: (2, True), Plane.SAGITTAL: (2, True)}
)
"""The axis from the top of a picture to its bottom, and whether it is counted from the bottom."""
SIDES: Mapping[Plane, tuple[str, str, str, str]] = MappingProxyType({
    Plane.AXIAL: ("R", "L", "A", "P"), Plane.CORONAL: ("R", "L", "H", "F"), Plane.SAGITTAL: ("A", "P", "H", "F"),
})  # fmt: skip
"""The patient's sides at the left, right, top and bottom of a picture."""
NAMES: Mapping[str, str] = MappingProxyType({"soft": "soft tissue"})
AUTOMATIC = "1st to 99th percentile"
BY_HAND = "set by keys"


def presets(volume: Volume) -> list[tuple[str, tuple[float, float]]]:
    """Return the windows to choose from, the one to begin with first.

    MR has only that of its percentiles. An image of unknown modality may be CT, so CT's windows follow there.
    """
    own = (AUTOMATIC, volume.percentiles)
    if volume.modality and volume.modality != "CT":
        return [own]
    for_ct = [(NAMES.get(name, name), WINDOWS[name]) for name in ("soft", "lung", "bone", "brain")]
    is_ct = volume.modality == "CT" or volume.percentiles[0] < AIR
    return [*for_ct, own] if is_ct else [own, *for_ct]


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. ``point`` is the voxel at the crosshair, in the order of the volume's size."""

    volume: Volume
    point: tuple[int, int, int]
    window: tuple[float, float]
    window_name: str
    plane: Plane = Plane.AXIAL

    @classmethod
    def of(cls, volume: Volume, before: View | None = None) -> View:
        """Return the first view of a volume: where most of its label is, else its middle.

        Keeps the point and the window of a view of the same image.
        """
        if before is not None and (before.volume.study, before.volume.size) == (volume.study, volume.size):
            return replace(before, volume=volume)
        name, window = presets(volume)[0]
        across, deep, high = volume.size
        view = cls(volume, (across // 2, deep // 2, high // 2), window, name)
        return view.fullest()

    def index(self, plane: Plane) -> int:
        """Return the shown slice of a plane, from 0."""
        return self.point[THROUGH[plane]]

    def moved(self, plane: Plane, index: int) -> Self:
        """Show another slice of a plane; stops at the first and the last."""
        return self._at(THROUGH[plane], index)

    def _at(self, axis: int, index: int) -> Self:
        point = list(self.point)
        point[axis] = max(0, min(self.volume.size[axis] - 1, index))
        return replace(self, point=(point[0], point[1], point[2]))

    def with_plane(self, plane: Plane) -> Self:
        """Let the keys act on a plane."""
        return replace(self, plane=plane)

    def fullest(self) -> Self:
        """Show the slices with most of the first label. Does nothing without one."""
        view, found = self, next((one.fullest for one in self.volume.labels if one.fullest), {})
        for plane, index in found.items():
            view = view.moved(plane, index)
        return view

    def pointed(self, plane: Plane, across: float, down: float) -> Self:
        """Move the crosshair to a place of a plane's picture, in parts of its width and height."""
        axis, from_bottom = DOWN[plane]
        down = 1 - down if from_bottom else down
        view = self._at(ACROSS[plane], int(across * self.volume.size[ACROSS[plane]]))
        return view._at(axis, int(down * self.volume.size[axis]))

    def cross(self, plane: Plane, width: int, height: int) -> tuple[int, int]:
        """Return the crosshair's pixel in a picture of a plane."""
        axis, from_bottom = DOWN[plane]
        across = (self.point[ACROSS[plane]] + 0.5) / self.volume.size[ACROSS[plane]]
        down = (self.point[axis] + 0.5) / self.volume.size[axis]
        down = 1 - down if from_bottom else down
        return min(width - 1, int(across * width)), min(height - 1, int(down * height))

    def next_preset(self) -> Self:
        """Take the next window of :func:`presets`."""
        known = presets(self.volume)
        names = [name for name, _ in known]
        at = names.index(self.window_name) + 1 if self.window_name in names else 0
        name, window = known[at % len(known)]
        return replace(self, window=window, window_name=name)

    def widened(self, factor: float) -> Self:
        """Multiply the window's width; its level stays."""
        low, high = self.window
        level, half = (low + high) / 2, max((high - low) / 2 * factor, 1e-6)
        return replace(self, window=(level - half, level + half), window_name=BY_HAND)

    def raised(self, part: float) -> Self:
        """Raise the window's level by a part of its width."""
        low, high = self.window
        by = (high - low) * part
        return replace(self, window=(low + by, high + by), window_name=BY_HAND)

    def request(self, plane: Plane, width: int, height: int) -> SliceRequest:
        """Return the request for a plane's picture of at most these pixels."""
        return SliceRequest(plane, self.index(plane), *self.window, width, height)

    def natural(self, plane: Plane) -> tuple[int, int]:
        """Return the width and height in pixels of a plane's picture in which each voxel has a pixel."""
        axes = ACROSS[plane], DOWN[plane][0]
        finest = min(self.volume.spacing[axis] for axis in axes)
        width, height = (
            math.ceil(self.volume.size[axis] * self.volume.spacing[axis] / finest) for axis in axes
        )
        return width, height

    def place(self, plane: Plane, index: int) -> str:
        """Return a slice's number and its distance from the first one's."""
        axis = THROUGH[plane]
        return f"{index + 1} of {self.volume.size[axis]} · {index * self.volume.spacing[axis]:.1f} mm"
