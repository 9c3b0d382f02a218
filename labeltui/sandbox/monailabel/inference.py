"""Segment a volume with the published model, and log the same lines as the real server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from labeltui.sandbox import nifti
from labeltui.sandbox.monailabel.catalogue import Model
from labeltui.sandbox.monailabel.classifier import Classifier
from labeltui.sandbox.monailabel.log import say

_BASIC = "monailabel.tasks.infer.basic_infer"


def classes_of(model: Model) -> list[int]:
    """The label indices of a model, background first."""
    return sorted({0, *model.labels.values()})


def load(model: Model, app_dir: Path) -> Classifier:
    """Load the published classifier, or make an untrained one if none is published."""
    path = model.published(app_dir)
    say(f"{_BASIC}:432", f"Infer model path: {path}")
    return Classifier.load(path) if path.exists() else Classifier(classes_of(model))


def infer(model: Model, app_dir: Path, source: Path, target: Path) -> dict[str, Any]:
    """Segment ``source`` into ``target``; returns label names, times in seconds and centroids in voxels."""
    request = {"device": "cpu", "model": model.name, "image": str(source), "description": model.description}
    say(f"{_BASIC}:280", f"Infer Request (final): {request}")
    began = time.perf_counter()
    volume, affine = nifti.decode(source)
    loaded = time.perf_counter()
    mask = load(model, app_dir).predict(volume)
    inferred = time.perf_counter()
    say(f"{_BASIC}:603", "Writing Result...")
    target.write_bytes(nifti.encode(mask, affine))
    written = time.perf_counter()
    spent = {
        "pre": loaded - began,
        "infer": inferred - loaded,
        "invert": 0.0,
        "post": 0.0,
        "write": written - inferred,
    }
    total = written - began
    say(
        f"{_BASIC}:335",
        f"++ Latencies => Total: {total:.4f}; Pre: {spent['pre']:.4f}; Inferer: {spent['infer']:.4f}; "
        f"Invert: 0.0000; Post: 0.0000; Write: {spent['write']:.4f}",
    )
    say(f"{_BASIC}:370", f"Result File: {target}")
    say(f"{_BASIC}:371", "Result Json Keys: ['label_names', 'latencies', 'centroids']")
    latencies: dict[str, Any] = {key: round(value, 2) for key, value in spent.items()}
    latencies.update(total=round(total, 2), transform={"pre": {}, "post": {}})
    return {"label_names": model.labels, "latencies": latencies, "centroids": _centroids(mask)}


def _centroids(mask: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[str, list[str]]:
    found = {}
    for index in (int(value) for value in np.unique(mask) if value):
        centre = np.argwhere(mask == index).mean(axis=0)
        found[f"label_{index}"] = [str(index), *(str(int(part)) for part in centre)]
    return found
