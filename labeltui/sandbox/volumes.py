"""Small real NIfTI volumes with a spleen and a liver, each study different, and their true masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHAPE = (48, 48, 32)
SPLEEN, LIVER = 1, 6  # label indices of the deepedit model

Volume = NDArray[np.int16]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Study:
    """One study: ``image`` in Hounsfield-like units and the true ``mask``."""

    name: str
    image: Volume
    mask: Mask


def make_study(name: str, seed: int) -> Study:
    """Make one study. The same name and seed give the same study."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, size) for size in SHAPE), indexing="ij")).astype(
        np.float32
    )
    wobble = 0.10 * sum(np.sin(grid[axis] * rng.uniform(2, 5) + rng.uniform(0, 6)) for axis in range(3))
    liver = _blob(grid, rng, centre=(-0.38, 0.0, 0.1), radii=(0.46, 0.50, 0.58)) + wobble < 1
    spleen = _blob(grid, rng, centre=(0.52, 0.28, 0.1), radii=(0.26, 0.32, 0.44)) - wobble < 1
    body = _blob(grid, rng, centre=(0.0, 0.0, 0.0), radii=(0.93, 0.84, 1.6)) < 1
    mask = np.zeros(SHAPE, np.uint8)
    mask[liver & body] = LIVER
    mask[spleen & body & (mask == 0)] = SPLEEN
    tissue = np.select([mask == LIVER, mask == SPLEEN, body], [62.0, 96.0, 22.0], -950.0)
    texture = rng.normal(0, 17, SHAPE) + 14 * wobble
    return Study(name, np.round(tissue + texture).astype(np.int16), mask)


def _blob(
    grid: NDArray[np.float32],
    rng: np.random.Generator,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
) -> NDArray[np.float32]:
    """Return each voxel's squared distance from a random centre, in radii. Values below 1 are inside."""
    middle = np.asarray(centre) + rng.normal(0, 0.05, 3)
    size = np.asarray(radii) * rng.uniform(0.86, 1.14, 3)
    scaled = (grid - middle.reshape(3, 1, 1, 1)) / size.reshape(3, 1, 1, 1)
    return np.asarray((scaled**2).sum(axis=0), np.float32)


def with_small_errors(mask: Mask, rng: np.random.Generator) -> Mask:
    """Imitate a hand-drawn label: return the mask with errors at about one boundary voxel in four."""
    result = mask.copy()
    for axis in range(3):
        for step in (-1, 1):
            neighbour = np.roll(mask, step, axis)
            edge = (neighbour != mask) & (rng.random(mask.shape) < 0.08)
            result[edge] = neighbour[edge]
    return result
