"""A batch inference: which studies it takes, and its progress, which is in its output. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.server.server import ModelInfo
    from labeltui.domain.studies.study import Study
    from labeltui.domain.training.tasks import Task

TAG = "original"
"""The tag of labels that a model made. Labels of annotators have other tags."""

INTERACTIVE = frozenset({"deepgrow", "scribbles", "deepedit"})
"""Types of models that segment what an annotator points at."""

LONGEST = 100_000
"""Bytes of study ids in one request. The server passes them on in one argument, which Linux limits to 128 KiB."""


def studies_of(images: str, studies: Sequence[Study], named: Sequence[str], *, new: bool) -> list[str]:
    """Return the ids of the listed studies that a batch inference takes.

    ``images`` is ``unlabelled`` (no final label), ``labelled``, ``all``, or ``marked`` (those that are ``named``).
    """
    wanted = set(named)
    return [
        study.id
        for study in studies
        if not (new and TAG in study.tags)
        and (
            images == "all"
            or (images == "marked" and study.id in wanted)
            or (images == "labelled" and "final" in study.tags)
            or (images == "unlabelled" and "final" not in study.tags)
        )
    ]


def automatic(models: Sequence[ModelInfo]) -> list[str]:
    """Return the names of the models that need no clicks, those that segment by themselves first."""
    fit = [one for one in models if one.type not in INTERACTIVE]
    return [one.name for one in sorted(fit, key=lambda one: one.type != "segmentation")]


def device_of(model: ModelInfo) -> str:
    """Return the device that the server offers first for a model.

    It must be sent: the server's default is every GPU, and a host without a GPU then fails.
    """
    offered = model.config.get("device")
    first = offered[0] if isinstance(offered, list) and offered else offered
    return first if isinstance(first, str) and first else "cuda"


def batch_request(model: ModelInfo) -> dict[str, object]:
    """Return the request's parameters. One worker, because each worker holds the model in GPU memory."""
    return {
        "device": device_of(model), "multi_gpu": False, "logging": "WARNING", "save_label": True,
        "label_tag": TAG, "max_workers": 1, "max_batch_size": 0,
    }  # fmt: skip


def seconds_left(task: Task, done: int, total: int, at: float | None) -> float | None:
    """Estimate the seconds until the end; None before the first study is finished.

    ``at`` is the seconds from the task's start to the end of the study ``done``.
    """
    return None if not done or at is None or task.state.ended else max(0.0, at / done * (total - done))
