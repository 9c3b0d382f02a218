"""Convert the server's documents to domain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from labeltui.domain.server.server import ModelInfo, ServerInfo, TrainStats
from labeltui.domain.studies.datastore import entry_of
from labeltui.domain.studies.study import FINAL_TAG, Study, StudyQueue, study_of
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.monailabel import wire


def wall_clock(text: str) -> datetime | None:
    """Parse ``2026-11-23 17:08:17`` as a time without zone. Returns None for anything else."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None


def server_info(document: Mapping[str, Any]) -> ServerInfo:
    """Convert ``GET /info/``."""
    info = wire.Info.model_validate(document)
    return ServerInfo(
        name=info.name,
        version=info.version,
        labels=info.labels,
        models={name: _model(name, offer) for name, offer in info.models.items()},
        trainers={name: _model(name, offer) for name, offer in info.trainers.items()},
        strategies=tuple(info.strategies),
        scoring=tuple(info.scoring),
        total=info.datastore.total,
        completed=info.datastore.completed,
        label_tags=info.datastore.label_tags,
        train_stats={name: _stats(stats) for name, stats in info.train_stats.items()},
    )


def _model(name: str, offer: wire.Offer) -> ModelInfo:
    return ModelInfo(
        name, offer.type, offer.labels, offer.dimension, offer.description, offer.config, offer.values
    )


def train_stats(document: Mapping[str, Any]) -> TrainStats:
    """Convert the content of a model's ``train_stats.json``. Raises ValueError."""
    return _stats(wire.Stats.model_validate(document))


def _stats(stats: wire.Stats) -> TrainStats:
    # The top-level best metric is the validation's if there is one, else the training's. Take its name from there.
    phase = stats.eval if stats.eval.key_metric_name else stats.train
    return TrainStats(
        start_ts=stats.start_ts,
        epoch=stats.epoch,
        total_epochs=stats.total_epochs,
        best_metric=stats.best_metric if phase.best_metric is None else phase.best_metric,
        finished=bool(stats.total_time),
        key_metric=phase.key_metric_name or None,
        best_epoch=phase.best_metric_epoch,
        train_metrics=stats.train.metrics,
        eval_metrics=stats.eval.metrics,
    )


def task(document: Mapping[str, Any]) -> Task:
    """Convert a task of ``/train/``, ``/scoring/`` or ``/batch/infer``. An unknown state becomes ``UNKNOWN``."""
    sent = wire.WireTask.model_validate(document)
    try:
        state = TaskState(sent.status.lower())
    except ValueError:
        state = TaskState.UNKNOWN
    return Task(
        sent.id, state, sent.request, wall_clock(sent.start_ts), wall_clock(sent.end_ts), sent.details
    )


def study_queue(everything: Mapping[str, Any], *, dicomweb: bool = False) -> StudyQueue:
    """Convert ``GET /datastore/?output=all``. The counts come from the same list, so they always agree with it.

    On DICOMweb the server lists only the studies that somebody has fetched, so ``listed`` is False.
    """
    studies = studies_of(everything)
    tags = Counter(tag for study in studies for tag in study.tags)
    return StudyQueue(len(studies), tags[FINAL_TAG], studies, dict(tags), listed=not dicomweb)


def studies_of(everything: Mapping[str, Any]) -> tuple[Study, ...]:
    """The studies of ``GET /datastore/?output=all``, ordered by id."""
    objects = everything.get("objects")
    if not isinstance(objects, dict):
        return ()
    return tuple(
        study_of(entry_of(str(name), stored))
        for name, stored in sorted(objects.items())
        if isinstance(stored, dict)
    )
