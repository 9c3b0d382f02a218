"""The ``dataset.json`` of a data set for nnU-Net v2, and the names of its labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

ENDING = ".nii.gz"
_NAME = re.compile(r"Dataset\d{3}_[A-Za-z0-9_-]+")


def is_dataset_name(name: str) -> bool:
    """Whether nnU-Net finds a data set in a folder of this name, such as ``Dataset012_Liver``."""
    return _NAME.fullmatch(name) is not None


class LabelNames(NamedTuple):
    """The names of the labels 1 to the highest value.

    ``unnamed`` are the values that occur and have no name, ``unused`` those that do not occur and have none either.
    Both are called ``label_N``.
    """

    names: dict[int, str]
    unnamed: list[int]
    unused: list[int]


def label_names(
    given: Mapping[int, str], own: Sequence[str], model: Mapping[str, int], values: Collection[int]
) -> LabelNames:
    """Return the names of the labels.

    The names are those that were given, else those of the profile, else the model's. nnU-Net needs consecutive
    values, so a value without a name is called ``label_N``. A name that occurs twice gets its number too.
    """
    known = {number: name for name, number in model.items() if number > 0}
    known = dict(enumerate(own, 1)) if own else known
    known |= given
    names = dict[int, str]()
    for number in range(1, max((*values, *known), default=0) + 1):
        name = known.get(number, f"label_{number}")
        names[number] = f"{name}_{number}" if name in names.values() or name == "background" else name
    nameless = [number for number in names if number not in known]
    unnamed = sorted({value for value in values if value not in known})
    return LabelNames(names, unnamed, [number for number in nameless if number not in values])


def dataset_document(channel: str, names: Mapping[int, str], cases: int) -> dict[str, Any]:
    """Return the content of ``dataset.json``."""
    return {
        "channel_names": {"0": channel},
        "labels": {"background": 0, **{name: number for number, name in sorted(names.items())}},
        "numTraining": cases,
        "file_ending": ENDING,
    }
