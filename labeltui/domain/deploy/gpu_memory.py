"""How much GPU memory training a model takes: figures that somebody measured, and "unknown" where nobody has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import prod

Size = tuple[int, int, int]
"""Voxels that the network sees at once: MONAI Label's spatial size."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure: GB of GPU memory for training ``model`` at ``size``, batch of one, and who says so."""

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
"""The model zoo's figures are the "at least" of each bundle's page; issue 649 is a maintainer's own run."""


class Fit(StrEnum):
    """Whether a GPU's memory is enough."""

    ENOUGH = "enough"
    SHORT = "too little"
    UNKNOWN = "unknown"


def fit(models: Iterable[str], vram_gb: int, size: Size | None = None) -> tuple[Fit, str]:
    """Whether each of ``models`` trains in so much memory, and the reason in one sentence.

    ``size`` is the spatial size where the profile sets one; otherwise the one each model's smallest figure is for,
    which is the app's own default. A figure holds for all smaller sizes, and says nothing of larger ones.
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
        return Fit.UNKNOWN, f"Nobody has measured what {model} takes."
    wanted = size or known[0].size
    figure = next((one for one in known if prod(one.size) >= prod(wanted)), None)
    if figure is None:
        largest = known[-1]
        if vram_gb < largest.gb:
            return Fit.SHORT, f"{_at(largest)} takes {largest.gb} GB already, and {_by(wanted)} takes more."
        return Fit.UNKNOWN, f"Nobody has measured {model} at {_by(wanted)}."
    words = f"{_at(figure)} trains in {figure.gb} GB ({figure.source})."
    if vram_gb >= figure.gb:
        return Fit.ENOUGH, words
    if prod(figure.size) > prod(wanted):
        return Fit.UNKNOWN, f"Nobody has measured {model} at {_by(wanted)}; {words}"
    return Fit.SHORT, words


def spatial_size(text: str | None) -> Size | None:
    """The size in a profile's ``conf``, such as ``[128,128,128]``; None for none, or one that can't be read."""
    numbers = [part for part in (text or "").strip("[]() ").replace(",", " ").split() if part]
    if len(numbers) != 3 or not all(part.isdecimal() and int(part) > 0 for part in numbers):
        return None
    x, y, z = (int(part) for part in numbers)
    return (x, y, z)


def _at(figure: Measured) -> str:
    return f"{figure.model} at {_by(figure.size)}"


def _by(size: Size) -> str:
    return "×".join(str(side) for side in size)
