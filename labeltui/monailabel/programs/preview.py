"""Draws slices of a study's image with its labels.

It answers requests from stdin in their order, and ends with stdin or after a minute without a request. A request is a
line of JSON, and an answer is a line of JSON followed by as many bytes as its ``bytes`` says.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from labeltui.monailabel.programs.segmentation import open_seg
from labeltui.monailabel.programs.volumes import Oriented, Source, Unreadable, open_file, read

WORK_S = 180  # for one request
SPARE_BYTES = 384 << 20  # for the libraries and for single slices
MOST_PIXELS = 4096
MOST_VALUES = 200
SAMPLE = 500_000
NEAR = 0.01  # voxels
PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}


class Label:
    """A label on the image's grid, with the counts of its values. ``segments`` are those of a DICOM SEG, else None."""

    def __init__(self, own: Oriented, image: Oriented, segments: Any = None) -> None:
        shape = image.voxels.shape
        moved = np.linalg.inv(own.affine) @ image.affine
        shift = whole_shift(moved, shape)
        same = own.voxels.shape == shape and shift == [0, 0, 0]
        self.resampled = not same and (segments is None or shift is None)
        self.voxels = np.zeros(shape, np.uint8, order="F")
        counts = np.zeros(1 << 16, np.int64)
        planes = [np.zeros(size, np.int64) for size in shape]
        for index in range(shape[2]):
            values = (
                own.voxels[:, :, index] if same else
                shifted(own, shift, shape, index) if shift is not None else
                resampled(own, moved, shape, index)
            )  # fmt: skip
            whole = whole_numbers(own.intensities(values) if (own.slope, own.intercept) != (1, 0) else values)
            counts += np.bincount(whole.ravel(), minlength=1 << 16)
            self.voxels[:, :, index] = np.minimum(whole, 255)
            inside = whole != 0
            planes[0] += inside.sum(axis=1)
            planes[1] += inside.sum(axis=0)
            planes[2][index] = inside.sum()
        counts[0] = 0
        values = np.flatnonzero(counts)
        if len(values) > MOST_VALUES:
            raise Unreadable(f"it has {len(values)} different values")
        self.segments = [[int(value), int(counts[value])] for value in values]
        self.fullest = (
            {name: int(planes[axis].argmax()) for name, axis in PLANES.items()} if len(values) else {}
        )
        known = {int(value): segments[value] for value in values if value in segments} if segments else {}
        self.described = {
            "names": {value: name for value, (name, _colour) in known.items()},
            "colours": {value: colour for value, (_name, colour) in known.items() if colour is not None},
        }  # fmt: skip


def whole_shift(moved: Any, shape: tuple[int, ...]) -> list[int] | None:
    """Return the voxels by which two grids are shifted against each other; None if one is no part of the other."""
    corners = np.array(
        [[x, y, z, 1] for x in (0, shape[0]) for y in (0, shape[1]) for z in (0, shape[2])], float
    )
    expected = np.eye(4)
    expected[:3, 3] = np.rint(moved[:3, 3])
    near = np.abs(corners @ (moved - expected).T).max() < NEAR
    return [int(one) for one in expected[:3, 3]] if near else None


def shifted(own: Oriented, shift: list[int], shape: tuple[int, ...], index: int) -> Any:
    """Return one axial slice of the image's grid, from a label that is shifted by whole voxels."""
    values = np.zeros(shape[:2], own.voxels.dtype)
    if 0 <= index + shift[2] < own.voxels.shape[2]:
        here, there = [], []
        for size, own_size, by in zip(shape, own.voxels.shape, shift[:2]):
            here.append(slice(max(0, -by), max(0, min(size, own_size - by))))
            there.append(slice(max(0, by), max(0, min(own_size, size + by))))
        values[here[0], here[1]] = own.voxels[there[0], there[1], index + shift[2]]
    return values


def resampled(own: Oriented, moved: Any, shape: tuple[int, ...], index: int) -> Any:
    """Return one axial slice of the image's grid, with the label's nearest values."""
    first, second = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    inside, places = np.ones(shape[:2], bool), []
    for axis in range(3):
        row = moved[axis]
        place = np.rint(row[0] * first + row[1] * second + row[2] * index + row[3]).astype(np.int64)
        inside &= (place >= 0) & (place < own.voxels.shape[axis])
        places.append(np.clip(place, 0, own.voxels.shape[axis] - 1))
    return np.where(inside, own.voxels[places[0], places[1], places[2]], 0)


def whole_numbers(values: Any) -> Any:
    """Convert a label's values. Raises Unreadable for anything but whole numbers below 65536."""
    if values.size and (values.min() < 0 or values.max() >= 1 << 16 or not np.isfinite(values).all()):
        raise Unreadable("its values are not between 0 and 65535")
    whole = values.astype(np.uint16)
    if values.dtype.kind == "f" and np.abs(values - whole).max() > 1e-3:
        raise Unreadable("its values are not whole numbers")
    return whole


class Drawing:
    """An open study."""

    def __init__(self, request: dict[str, Any], content: list[bytes]) -> None:
        source = open_file(str(request["image"]))
        wanted = [attempt(open_label, label, content) for label in request["labels"]]
        grid = int(np.prod([float(size) for size in source.shape]))
        opened = [label for label in wanted if isinstance(label, Source)]
        limit_memory(source.held + sum(label.held + grid for label in opened))
        self.image = read(source)
        self.labels = [attempt(self.label, one) if isinstance(one, Source) else one for one in wanted]

    def label(self, source: Source) -> Label:
        """Read a label."""
        return Label(read(source), self.image, source.segments)

    def facts(self) -> dict[str, Any]:
        """Return what ``Volume`` has."""
        step = max(1, round((self.image.voxels.size / SAMPLE) ** (1 / 3)))
        values = self.image.intensities(self.image.voxels[::step, ::step, ::step])
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, (1, 99)) if values.size else (0.0, 1.0)
        return {
            "size": list(self.image.voxels.shape), "spacing": list(self.image.spacing),
            "percentiles": [float(low), float(high)], "oblique": self.image.oblique,
            "labels": [
                {"problem": one} if isinstance(one, str) else
                {
                    "segments": one.segments, "resampled": one.resampled, "fullest": one.fullest, **one.described,
                }
                for one in self.labels
            ],
        }  # fmt: skip

    def draw(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Draw a slice: its grey pixels, then those of each label."""
        axis = PLANES[request["plane"]]
        index = min(max(0, int(request["index"])), self.image.voxels.shape[axis] - 1)
        grey = picture(self.image.voxels, axis, index)
        across, down = [step for other, step in enumerate(self.image.spacing) if other != axis]
        width, height = fit(grey.shape[1] * across, grey.shape[0] * down, request["width"], request["height"])
        low, high = float(request["low"]), float(request["high"])
        values = np.nan_to_num(self.image.intensities(grey), nan=low, posinf=high, neginf=low)
        values = between(between(values, height).T, width).T
        pixels = np.clip((values - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
        parts = [pixels.tobytes()]
        rows, columns = nearest(height, grey.shape[0])[:, None], nearest(width, grey.shape[1])[None, :]
        for label in self.labels:
            empty = isinstance(label, str)
            parts.append(
                bytes(width * height)
                if empty
                else picture(label.voxels, axis, index)[rows, columns].tobytes()
            )
        return {"index": index, "width": width, "height": height}, b"".join(parts)

    def dice(self) -> dict[str, float]:
        """Return the Dice coefficient of each value of the two labels. Raises Unreadable if one can't be read."""
        if len(self.labels) != 2 or any(isinstance(label, str) for label in self.labels):
            raise Unreadable("two labels that can be read are needed")
        one, two = (label.voxels for label in self.labels)
        sizes, both = np.zeros(256, np.int64), np.zeros(256, np.int64)
        for index in range(one.shape[2]):
            first, second = one[:, :, index].ravel(), two[:, :, index].ravel()
            sizes += np.bincount(first, minlength=256) + np.bincount(second, minlength=256)
            both += np.bincount(first[first == second], minlength=256)
        return {
            str(value): 2 * int(both[value]) / int(sizes[value]) for value in range(1, 256) if sizes[value]
        }


def picture(voxels: Any, axis: int, index: int) -> Any:
    """Return a slice as rows from the top and columns from the patient's right, or from the front."""
    if axis == 2:
        return voxels[:, :, index].T
    return (voxels[index] if axis == 0 else voxels[:, index])[:, ::-1].T


def fit(across: float, down: float, width: Any, height: Any) -> tuple[int, int]:
    """Return the largest picture of these proportions."""
    width, height = (min(max(1, int(size)), MOST_PIXELS) for size in (width, height))
    scale = min(width / across, height / down)
    return max(1, min(width, round(across * scale))), max(1, min(height, round(down * scale)))


def nearest(pixels: int, voxels: int) -> Any:
    """Return the voxel that is nearest to each pixel's centre."""
    return ((np.arange(pixels) + 0.5) * voxels / pixels).astype(np.int64)


def between(values: Any, pixels: int) -> Any:
    """Interpolate linearly along the first axis."""
    size = values.shape[0]
    if size == pixels:
        return values
    places = np.clip((np.arange(pixels) + 0.5) * size / pixels - 0.5, 0, size - 1).astype(np.float32)
    lower = places.astype(np.int64)
    part = (places - lower)[:, None]
    return values[lower] * (1 - part) + values[np.minimum(lower + 1, size - 1)] * part


def attempt(open_it: Any, *arguments: Any) -> Any:
    """Return what a function returns, or the reason why it can't."""
    try:
        return open_it(*arguments)
    except Unreadable as error:
        return str(error)


def open_label(label: dict[str, Any], content: list[bytes]) -> Source:
    """Read the header of a label's file, or of one that was sent with the request."""
    if "path" in label:
        return open_file(str(label["path"]), reader_of(str(label["path"])))
    with tempfile.TemporaryDirectory(prefix="labeltui-preview-") as folder:
        path = Path(folder) / ("label" + label["suffix"])
        path.write_bytes(content.pop(0))
        source = open_file(str(path), reader_of(str(path)))
        voxels = np.array(source.read())  # the file is removed
        return source._replace(read=lambda: voxels, held=0)


def reader_of(path: str) -> Any:
    """Return the reader of a label that is DICOM; None for other files."""
    return open_seg if path.lower().endswith(".dcm") else None


def limit_memory(needed: int) -> None:
    """Limit this process to the memory that the study needs. Raises Unreadable if the host has less."""
    needed += SPARE_BYTES
    free = min(free_memory(), default=float("inf"))
    if needed > free:
        raise Unreadable(
            f"it needs {needed / 1e9:.1f} GB of memory, and the host has {max(0.0, free) / 1e9:.1f} GB free"
        )
    for line in lines("/proc/self/status"):
        if line.startswith("VmData:"):
            limit = int(line.split()[1]) * 1024 + needed
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def free_memory() -> Iterator[float]:
    """Yield the free memory of the machine, and of the container if it has a limit."""
    for line in lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024
    for folder, most, now, cache in (
        ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        numbers = [one for name in (most, now) for one in lines(f"{folder}/{name}") if one.isdigit()]
        kept = [int(one.split()[1]) for one in lines(f"{folder}/memory.stat") if one.split()[0] == cache]
        if len(numbers) == 2:
            yield int(numbers[0]) - int(numbers[1]) + sum(kept)


def lines(path: str) -> list[str]:
    """Return a file's lines that are not empty; none if there is no such file."""
    try:
        return [line for line in Path(path).read_text(encoding="ascii").splitlines() if line.strip()]
    except OSError:
        return []


def serve(draw: Any = lambda request, content, _send: Drawing(request, content)) -> None:
    """Answer requests until stdin ends. SIGALRM ends the process if no request comes, or if one takes too long.

    ``draw`` opens the study that a request names. It may send documents before it returns.
    """
    os.umask(0o077)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries print
    drawing, idle_s = None, WORK_S

    def send(document: dict[str, Any], data: bytes = b"") -> None:
        answers.write(json.dumps({**document, "bytes": len(data)}).encode("ascii") + b"\n" + data)
        answers.flush()

    while True:
        signal.alarm(idle_s)
        line = requests.readline()
        if not line:
            os._exit(0)
        signal.alarm(WORK_S)
        request = json.loads(line)
        answer, data = dict[str, Any](), b""
        try:
            if request["op"] == "open":
                idle_s = int(request["idle_s"])
                content = [requests.read(one["bytes"]) for one in request["labels"] if "bytes" in one]
                drawing = draw(request, content, send)
                answer = drawing.facts()
            elif drawing is None:
                raise Unreadable("no study is open")
            elif request["op"] == "slice":
                answer, data = drawing.draw(request)
            else:
                answer = {"dice": drawing.dice()}
        except Unreadable as error:
            answer = {"error": str(error)}
        except MemoryError:
            answer = {"error": "it needs more memory than the program may use"}
        send(answer, data)
