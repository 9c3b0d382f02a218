"""The GPU memory that the training of a model needs: published figures, and ``unknown`` for other models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import prod

Size = tuple[int, int, int]
"""Voxels that the network processes at once: MONAI Label's spatial size."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A published figure: GB of GPU memory to train ``model`` at ``size`` with a batch size of 1, and its source."""

    model: str
    size: Size
    gb: int
    source: str


MEASURED: tuple[Measured, ...] = (
    Measured("deepedit", (128, 128, 128), 12, "MONAI model zoo, spleen_deepedit_annotation"),
    Measured("deepedit", (256, 256, 128), 17, "MONAI Label issue 649"),
    Measured("spleen_deepedit_annotation", (128, 128, 128), 12, "MONAI model zoo"),
    Measured("spleen_ct_segmentation", (96, 96, 96), 12, "MONAI model zoo"),
    Measured("lung_nodule_ct_detection", (192, 192, 80), 16, "MONAI model zoo"),
    Measured("wholeBody_ct_segmentation", (96, 96, 96), 48, "MONAI model zoo"),
)
"""The published figures.

Those of the model zoo are the minimum on each bundle's page; "issue 649" is a measurement by a maintainer of MONAI
Label.
"""


class Fit(StrEnum):
    """Whether a GPU's memory is enough."""

    ENOUGH = "enough"
    SHORT = "too little"
    UNKNOWN = "unknown"


def fit(models: Iterable[str], vram_gb: int, size: Size | None = None) -> tuple[Fit, str]:
    """Return whether all of ``models`` can be trained with ``vram_gb``, and the reason in one sentence.

    ``size`` is the spatial size set in the profile. None means the app's default, which is the smallest size that has a
    figure. A figure also holds for smaller sizes, but not for larger ones.
    """
    verdicts = [_fit(model, vram_gb, size) for model in models]
    for wanted in (Fit.SHORT, Fit.UNKNOWN, Fit.ENOUGH):
        found = next((reason for verdict, reason in verdicts if verdict is wanted), None)
        if found is not None:
            return wanted, found
    return Fit.UNKNOWN, "The profile names no model."


def _fit(model: str, vram_gb: int, size: Size | None) -> tuple[Fit, str]:
    known = sorted((one for one in MEASURED if one.model == model), key=lambda one: prod(one.size))
    if not known:
        return Fit.UNKNOWN, f"It is unknown how much GPU memory {model} needs: no figure is published."
    wanted = size or known[0].size
    figure = next((one for one in known if prod(one.size) >= prod(wanted)), None)
    if figure is None:
        largest = known[-1]
        if vram_gb < largest.gb:
            return (
                Fit.SHORT,
                f"{_at(largest)} needs {largest.gb} GB, and the larger size {_by(wanted)} needs more.",
            )
        return Fit.UNKNOWN, f"No figure is published for {model} at {_by(wanted)}."
    figure_text = f"{_at(figure)} can be trained with {figure.gb} GB of GPU memory ({figure.source})."
    if vram_gb >= figure.gb:
        return Fit.ENOUGH, figure_text
    if prod(figure.size) > prod(wanted):
        return Fit.UNKNOWN, f"No figure is published for {model} at {_by(wanted)}; {figure_text}"
    return Fit.SHORT, figure_text


def spatial_size(text: str | None) -> Size | None:
    """Parse a size in a profile's ``conf``, such as ``[128,128,128]``; None for anything else."""
    numbers = [part for part in (text or "").strip("[]() ").replace(",", " ").split() if part]
    if len(numbers) != 3 or not all(part.isdecimal() and int(part) > 0 for part in numbers):
        return None
    x, y, z = (int(part) for part in numbers)
    return (x, y, z)


def _at(figure: Measured) -> str:
    return f"{figure.model} at {_by(figure.size)}"


def _by(size: Size) -> str:
    return "×".join(str(side) for side in size)
