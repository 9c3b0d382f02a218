"""The scoring methods ``dice`` and ``sum`` of MONAI Label's radiology app, with their results and log lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labeltui.sandbox import nifti
from labeltui.sandbox.monailabel.datastore import Datastore
from labeltui.sandbox.monailabel.log import say

OFFERED: Mapping[str, Any] = {
    "dice": {"description": "Compute Dice for predicated label vs submitted"},
    "sum": {"description": "Compute Numpy Sum for Final/Original Labels"},
}
"""What ``/info/`` says of the methods, which the server has with ``--conf skip_scoring false``."""


def _label(datastore: Datastore, study: str, tag: str) -> Any:
    if tag not in datastore.objects[study]["labels"]:
        return None
    return nifti.decode(datastore.label_path(study, tag))[0].astype(np.int64)


def _dice(datastore: Datastore) -> dict[str, Any]:
    """Store twice the sum of products, divided by the sum of both, as MONAI Label does: above 1 for several labels."""
    found: dict[str, Any] = {}
    for study in list(datastore.objects):
        final, original = (_label(datastore, study, tag) for tag in ("final", "original"))
        if final is None or original is None:
            continue
        union = int(final.sum() + original.sum())
        found[study] = 2.0 * int((final * original).sum()) / union if union else 1
        say("monailabel.tasks.scoring.dice:60", f"Dice Score for {study} is {found[study]}")
        datastore.update_image_info(study, {"dice": found[study]})
    return found


def _sum(datastore: Datastore) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for study in list(datastore.objects):
        for tag in ("final", "original"):
            label = _label(datastore, study, tag)
            if label is not None:
                slices = int((label > 0).any(axis=(1, 2)).sum())
                found[study] = {"sum": int(label.sum()), "slices": slices}
                datastore.update_label_info(study, tag, found[study])
    return found


METHODS: Mapping[str, Callable[[Datastore], dict[str, Any]]] = {"dice": _dice, "sum": _sum}
