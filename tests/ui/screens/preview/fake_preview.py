"""A preview of a made-up patient: a body, in it a bright organ at the patient's right, and the organ's label."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.studies.preview import LabelFacts, Plane, Segment, Slice, SliceRequest, Volume

SIZE = (60, 50, 40)
ORGAN, RADIUS = (18, 20, 26), 9
"""The organ's middle, from the right, the front and the feet, and its radius in mm."""
SPACING = (1.0, 1.0, 1.5)


def facts(tag: str = "final", version: str = "") -> LabelFacts:
    fullest = {Plane.SAGITTAL: ORGAN[0], Plane.CORONAL: ORGAN[1], Plane.AXIAL: ORGAN[2]}
    segments = (Segment(1, "liver", 2036), Segment(2, "[red]\x1btumour", 40))
    return LabelFacts(tag, version, segments, fullest=fullest)


def volume(*labels: LabelFacts, modality: str = "CT", oblique: float = 0.0) -> Volume:
    return Volume("liver_042", SIZE, SPACING, modality, (-900.0, 400.0), oblique, labels)


def _distance(point: Sequence[float], middle: Sequence[float]) -> float:
    return sum(((p - m) * s) ** 2 for p, m, s in zip(point, middle, SPACING, strict=True)) ** 0.5


def _voxel(point: Sequence[float], shift: int) -> tuple[int, int]:
    """Return a voxel's intensity and its segment."""
    middle = [size / 2 for size in SIZE]
    inside = sum(((p - m) / m) ** 2 for p, m in zip(point, middle, strict=True)) < 0.9
    distance = _distance(point, ORGAN)
    grey = 200 if distance < RADIUS else 20 + point[0] if inside else -1000
    moved = _distance(point, (ORGAN[0] + shift, *ORGAN[1:]))
    return int(grey), 2 if moved < 3 else 1 if moved < RADIUS else 0


class FakePreview:
    """Draws slices. ``held`` makes them wait; ``error`` is raised instead. ``asked`` has the requests."""

    def __init__(self, shown: Volume) -> None:
        self.volume = shown
        self.asked: list[SliceRequest] = []
        self.held: asyncio.Event | None = None
        self.error: LabeltuiError | None = None
        self.closed = 0

    async def slice(self, request: SliceRequest) -> Slice:
        self.asked.append(request)
        if self.held is not None:
            await self.held.wait()
        if self.error is not None:
            raise self.error
        return self._slice(request)

    def _slice(self, request: SliceRequest) -> Slice:
        across, down, through = {
            Plane.AXIAL: (0, 1, 2), Plane.CORONAL: (0, 2, 1), Plane.SAGITTAL: (1, 2, 0)
        }[request.plane]  # fmt: skip
        wide, high = SIZE[across] * SPACING[across], SIZE[down] * SPACING[down]
        scale = min(request.width / wide, request.height / high)
        width, height = max(1, int(wide * scale)), max(1, int(high * scale))
        grey, segments = bytearray(), [bytearray() for _ in self.volume.labels]
        for y in range(height):
            for x in range(width):
                point = [0, 0, 0]
                point[across] = x * SIZE[across] // width
                row = y * SIZE[down] // height
                point[down] = row if down == 1 else SIZE[down] - 1 - row
                point[through] = request.index
                intensity = _voxel(point, 0)[0]
                part = (intensity - request.low) / (request.high - request.low)
                grey.append(max(0, min(255, round(part * 255))))
                for place, one in enumerate(segments):
                    one.append(_voxel(point, 6 * place)[1])
        return Slice(request.plane, request.index, width, height, bytes(grey), tuple(map(bytes, segments)))

    async def dice(self) -> Mapping[int, float]:
        return {1: 0.6931, 2: 0.0}

    async def close(self) -> None:
        self.closed += 1
