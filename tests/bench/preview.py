"""Slices of a study of 512 x 512 x 300 voxels: the preview's program, compared with the same pixels by nibabel.

The peer reads one slice of the file that is not compressed, without interpolation, window or label, in this process.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import psutil

from labeltui.domain.studies.preview import Plane, SliceRequest
from labeltui.hosts.base import Host
from labeltui.hosts.local import LocalHost
from labeltui.session.studies.preview import StudyPreview
from labeltui.session.studies.preview_program import LabelSource, PreviewSource
from tests.bench.figures import Row

NAME = "preview"
SHAPE, QUICK_SHAPE = (512, 512, 300), (256, 256, 60)
SLICES = 20
library: Any = nibabel


def run(quick: bool) -> list[Row]:
    """Measure the time to open, the next slice of each plane, and the program's memory."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measured(Path(folder), QUICK_SHAPE if quick else SHAPE))


async def measured(folder: Path, shape: tuple[int, int, int]) -> list[Row]:
    """Draw slices of a file in this folder."""
    data = np.random.default_rng(1).integers(-1000, 1000, shape, np.int16)
    affine, image, label = np.diag([-0.7, -0.7, 1.0, 1.0]), folder / "i.nii", folder / "l.nii.gz"
    library.save(library.Nifti1Image(data, affine), image)
    library.save(library.Nifti1Image((data > 900).astype(np.uint8), affine), label)
    host = LocalHost()
    await host.connect()

    async def connected() -> Host:
        return host

    source = PreviewSource("case", sys.executable, str(image), (LabelSource("final", path=str(label)),))
    before = time.perf_counter()
    rows = []
    async with await StudyPreview.open(connected, source) as preview:
        rows.append(Row(NAME, "open", "s", time.perf_counter() - before, "nibabel", read_whole(image, label)))
        for plane in Plane:
            taken = []
            for index in range(SLICES):
                before = time.perf_counter()
                await preview.slice(SliceRequest(plane, index, -160, 240, 512, 512))
                taken.append((time.perf_counter() - before) * 1000)
            peer = statistics.median(read_slice(image, plane, index) for index in range(SLICES))
            rows.append(
                Row(NAME, f"next {plane} slice", "ms", statistics.median(taken), "nibabel", peer, "60 ms")
            )
        program = max(psutil.Process().children(), key=lambda one: one.create_time())
        size = (data.nbytes + data.size) / 1e6
        rows.append(
            Row(NAME, "memory", "MB", program.memory_info().rss / 1e6, "image and label", size, "+ 384 MB")
        )
    await host.close()
    return rows


def read_whole(image: Path, label: Path) -> float:
    """Return the seconds in which nibabel reads both files."""
    before = time.perf_counter()
    for path in (image, label):
        np.array(library.load(path).dataobj)
    return time.perf_counter() - before


def read_slice(path: Path, plane: Plane, index: int) -> float:
    """Return the milliseconds in which nibabel reads one slice."""
    before = time.perf_counter()
    voxels = library.load(path).dataobj
    axis = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL).index(plane)
    np.ascontiguousarray(
        voxels[tuple(index if other == axis else slice(None) for other in range(3))]
    ).tobytes()
    return (time.perf_counter() - before) * 1000
