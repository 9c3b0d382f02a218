"""A small voxel classifier on intensity, neighbourhood and position: one hidden layer, minibatch Adam."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FEATURES = 9
_HIDDEN = 24
_DATA = "model/data.pkl"  # where labeltui expects PyTorch's own data; here a file of NumPy


def features(volume: NDArray[Any]) -> Floats:
    """Return one row of features per voxel of ``volume`` (Hounsfield units), in C order."""
    scaled = np.clip(np.asarray(volume, np.float32) / 100.0, -3.0, 3.0)
    near, wide = _smooth(scaled, 1), _smooth(scaled, 3)
    axes = [np.linspace(-1, 1, size, dtype=np.float32) for size in scaled.shape]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    columns = (scaled, near, wide, x, y, z, x * x, y * y, z * z)
    return np.stack([column.ravel() for column in columns], axis=1)


def _smooth(volume: Floats, radius: int) -> Floats:
    """Return the mean over a cube of edge ``2 * radius + 1`` voxels. Voxels at the border are repeated."""
    result = volume
    for axis in range(3):
        padded = np.concatenate(
            [
                np.repeat(result.take([0], axis), radius + 1, axis),
                result,
                np.repeat(result.take([-1], axis), radius, axis),
            ],
            axis,
        )
        total = np.cumsum(padded, axis=axis, dtype=np.float64)
        size, width = volume.shape[axis], 2 * radius + 1
        upper = total.take(range(width, size + width), axis)
        lower = total.take(range(size), axis)
        result = ((upper - lower) / width).astype(np.float32)
    return result


class Classifier:
    """A classifier with a softmax over ``classes`` (label indices, background first)."""

    def __init__(self, classes: list[int], *, seed: int = 7) -> None:
        self.classes = classes
        rng = np.random.default_rng(seed)
        self.weights: list[Floats] = [
            rng.normal(0, FEATURES**-0.5, (FEATURES, _HIDDEN)).astype(np.float32),
            np.zeros(_HIDDEN, np.float32),
            rng.normal(0, _HIDDEN**-0.5, (_HIDDEN, len(classes))).astype(np.float32),
            np.zeros(len(classes), np.float32),
        ]
        self._moments = [(np.zeros_like(weight), np.zeros_like(weight)) for weight in self.weights]
        self._steps = 0

    def save(self, path: Path) -> None:
        """Write weights and classes in a zip like torch.save's. The same classifier always gives the same bytes."""
        arrays: dict[str, Any] = {f"weight_{index}": weight for index, weight in enumerate(self.weights)}
        packed = io.BytesIO()
        np.savez(packed, classes=np.asarray(self.classes), **arrays)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo(_DATA), packed.getvalue())

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read a file written by :meth:`save`."""
        with zipfile.ZipFile(path) as archive:
            packed = archive.read(_DATA)
        with np.load(io.BytesIO(packed)) as stored:
            classifier = cls([int(value) for value in stored["classes"]])
            classifier.weights = [stored[f"weight_{index}"] for index in range(len(classifier.weights))]
        return classifier

    def probabilities(self, rows: Floats) -> Floats:
        """Return one row of class probabilities per row of features."""
        return self._forward(rows)[1]

    def predict(self, volume: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the label index of every voxel, in the shape of ``volume``."""
        best = self.probabilities(features(volume)).argmax(axis=1)
        found: NDArray[np.uint8] = np.asarray(self.classes, np.uint8)[best].reshape(volume.shape)
        return found

    def step(self, rows: Floats, targets: Ints, rate: float) -> float:
        """Take one Adam step on a minibatch. Returns the mean cross entropy before the step."""
        hidden, chances = self._forward(rows)
        count = len(targets)
        picked = chances[np.arange(count), targets]
        slope = chances.copy()
        slope[np.arange(count), targets] -= 1
        slope /= count
        back = (slope @ self.weights[2].T) * (1 - hidden**2)
        self._update([rows.T @ back, back.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)], rate)
        return float(-np.log(np.maximum(picked, 1e-9)).mean())

    def _forward(self, rows: Floats) -> tuple[Floats, Floats]:
        hidden = np.tanh(rows @ self.weights[0] + self.weights[1])
        scores = hidden @ self.weights[2] + self.weights[3]
        scores -= scores.max(axis=1, keepdims=True)
        raised = np.exp(scores)
        return hidden, raised / raised.sum(axis=1, keepdims=True)

    def _update(self, slopes: list[Floats], rate: float) -> None:
        self._steps += 1
        for weight, slope, (first, second) in zip(self.weights, slopes, self._moments, strict=True):
            first[...] += 0.1 * (slope - first)
            second[...] += 0.001 * (slope * slope - second)
            unbiased = first / (1 - 0.9**self._steps)
            scale = np.sqrt(second / (1 - 0.999**self._steps)) + 1e-8
            weight[...] -= rate * unbiased / scale


def dice(predicted: NDArray[np.uint8], truth: NDArray[Any], label: int) -> float | None:
    """Return the Dice score of one label (0 to 1); None if ``truth`` does not contain the label."""
    right = truth == label
    if not right.any():
        return None
    said = predicted == label
    return float(2 * np.logical_and(said, right).sum() / (said.sum() + right.sum()))
