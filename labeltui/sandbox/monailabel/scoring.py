"""The scoring methods of MONAI Label's radiology app, with their results and log lines."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np

from labeltui.sandbox import nifti
from labeltui.sandbox.monailabel.datastore import Datastore
from labeltui.sandbox.monailabel.log import say

EPISTEMIC = "deepedit_epistemic"
_TRUE = ("true", "1", "yes", "on", "y", "t")


def offered(conf: Mapping[str, str], models: Container[str]) -> dict[str, Any]:
    """Return what ``/info/`` says of the methods. Without ``--conf skip_scoring false`` there are none."""
    if conf.get("skip_scoring", "true").lower() in _TRUE:
        return {}
    methods = {
        "dice": {"description": "Compute Dice for predicated label vs submitted"},
        "sum": {"description": "Compute Numpy Sum for Final/Original Labels"},
    }
    if "deepedit" in models and conf.get("epistemic_enabled", "false").lower() in _TRUE:
        methods[EPISTEMIC] = {"description": "Compute initial score based on dropout"}
    return methods


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


def _epistemic(datastore: Datastore) -> dict[str, Any]:
    """Score the studies without a final label. The entropy is that of the image's greys; MONAI Label's is a model's."""
    found: dict[str, Any] = {}
    for study in datastore.unlabelled():
        counts, _ = np.histogram(nifti.decode(datastore.image_path(study))[0], bins=16)
        shares = counts[counts > 0] / counts.sum()
        entropy = float(-(shares * np.log(shares)).sum())
        say("monailabel.tasks.scoring.epistemic:181", f"EPISTEMIC:: {study} => entropy: {entropy}")
        found[study] = {"epistemic_entropy": entropy, "epistemic_ts": 1}
        datastore.update_image_info(study, found[study])
    return found


METHODS: Mapping[str, Callable[[Datastore], dict[str, Any]]] = {
    "dice": _dice, "sum": _sum, EPISTEMIC: _epistemic,
}  # fmt: skip
