"""Disk sizes for a data set, in whole GB of 10^9 bytes, as RunPod counts."""

from __future__ import annotations

from dataclasses import dataclass

GB = 10**9
PER_STUDIES = 1.5  # for labels, their versions and the server's own copies besides the images
INSTALLED_GB = 9  # MONAI Label's venv with a CUDA torch: 8.1 GB measured
MODELS_GB = 6  # checkpoints, pretrained weights, logs
CONTAINER_GB = 20  # outside the volume: pip's caches; the image itself is not counted
STEP_GB = 5
LEAST_VOLUME_GB = 10  # RunPod's minimum
MOST_NETWORK_GB = 4096


@dataclass(frozen=True, slots=True)
class Sizes:
    """Suggested disks, and the reason in one line."""

    volume_gb: int
    container_gb: int
    why: str


def suggested(data_bytes: int | None) -> Sizes:
    """Suggest disks for studies of ``data_bytes`` bytes. None means MONAI Label and 20 GB for studies."""
    room = INSTALLED_GB + MODELS_GB
    if data_bytes is None:
        volume = _rounded(room + 20)
        return Sizes(
            volume, CONTAINER_GB, f"{INSTALLED_GB} GB MONAI Label + {MODELS_GB} GB models + 20 GB for studies"
        )
    studies = PER_STUDIES * data_bytes / GB
    why = (
        f"{data_bytes / GB:.1f} GB of studies × {PER_STUDIES} with labels + {INSTALLED_GB} GB MONAI Label "
        f"+ {MODELS_GB} GB models"
    )
    return Sizes(_rounded(studies + room), CONTAINER_GB, why)


def _rounded(gb: float) -> int:
    rounded = -int(-gb // STEP_GB) * STEP_GB
    return max(LEAST_VOLUME_GB, rounded)
