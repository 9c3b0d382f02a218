"""The JSON documents of the command line. Unknown values are null, times have a zone; all have ``as_of``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.host import Gpu, HostMetrics, HostStatus, TunnelStatus
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.problems import Problem
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import OrphanTask, ServerStatus
from labeltui.domain.state import Alert
from labeltui.domain.states import ServerState
from labeltui.domain.studies.study import Fetch, Study, StudyQueue
from labeltui.domain.training.training import LOSS, Best, EpochPoint, TrainStatus

Document = dict[str, Any]

_SERVER_FIELDS = (
    *("url", "pid", "exit_code", "app", "models", "labels", "studies", "version", "error"),
    *("phase", "run_id", "log_path", "started_at", "ended_at", "orphans"),
)

_STUDIES_FIELDS = (
    *("total", "completed", "damaged", "server_total", "server_completed"),
    *("source", "source_problem", "modality", "other_modalities", "label_tags", "studies"),
)


def moment(at: datetime | None) -> str | None:
    """Format a time as ISO 8601 with its zone. A time without a zone counts as UTC."""
    if at is None:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).isoformat(timespec="milliseconds")


def failure_document(problem: Problem) -> Document:
    """A failure as ``{"error": {"code", "message", "hint"}}``, with ``detail`` only if there is evidence."""
    return {"error": _problem(problem)}


def host_document(reading: Reading[HostStatus], now: datetime) -> Document:
    """The connection: ``state``, ``address``, ``since``, the reason in ``detail``, and the next attempt."""
    host = reading.value
    return {
        **_read_at(reading, now),
        "name": None if host is None else host.name,
        "kind": None if host is None else host.kind,
        "address": None if host is None else host.address,
        "state": None if host is None else host.state.value,
        "since": None if host is None else moment(host.since),
        "detail": None if host is None else host.detail or None,
        "next_try_at": None if host is None else moment(host.next_try_at),
        "reconnects": None if host is None else host.reconnects,
        "system": None if host is None else host.system or None,
        "user": None if host is None else host.user or None,
        "latency_ms": None if host is None else _number(host.latency_ms),
    }


def metrics_document(reading: Reading[HostMetrics], now: datetime) -> Document:
    """The load: memory and disk in bytes, CPU in percent of all cores."""
    load = reading.value or HostMetrics()
    return {
        **_read_at(reading, now),
        "gpus": None if reading.value is None else [_gpu(gpu) for gpu in load.gpus],
        "gpu_error": load.gpu_error or None,
        "cpu_pct": _number(load.cpu_pct),
        "cpu_count": load.cpu_count,
        "memory_used": load.memory_used,
        "memory_total": load.memory_total,
        "disk_used": load.disk_used,
        "disk_total": load.disk_total,
        "disk_path": load.disk_path or None,
        "disk_read_at": moment(load.disk_read_at),
    }


def tunnel_document(reading: Reading[TunnelStatus], now: datetime) -> Document:
    """The tunnel to the server: ``state`` (down, failed, open, up), ``url``, ports, and the reason in ``detail``.

    ``state`` is that of this program's own requests. ``url_open`` says whether Slicer can use ``url`` now.
    """
    tunnel = reading.value
    return {
        **_read_at(reading, now),
        "state": None if tunnel is None else tunnel.state.value,
        "url": None if tunnel is None else tunnel.url,
        "url_open": None if tunnel is None else tunnel.url_open,
        "local_port": None if tunnel is None else tunnel.local_port,
        "wanted_port": None if tunnel is None else tunnel.preferred_port,
        "remote_port": None if tunnel is None else tunnel.remote_port,
        "port_reason": None if tunnel is None else tunnel.port_reason or None,
        "reconnects": None if tunnel is None else tunnel.reconnects,
        "detail": None if tunnel is None else tunnel.detail or None,
    }


def server_document(reading: Reading[ServerStatus], now: datetime) -> Document:
    """``server status``: ``unreachable`` if every attempt has failed. Only labeltui's own server has a run."""
    server = reading.value
    if server is None:
        state = ServerState.UNREACHABLE.value if reading.error else None
        problem = Problem(Code.UNREACHABLE, reading.error) if reading.error else None
        return {**_read_at(reading, now), **_unknown_server(state, problem)}
    ours = server.pid is not None or server.state is not ServerState.RUNNING
    return {
        **_read_at(reading, now),
        "state": server.state.value,
        "url": server.url,
        "pid": server.pid,
        "exit_code": server.exit_code,
        "app": server.app,
        # Before the server has answered, an empty list would mean that it has no models.
        "models": list(server.models) if server.models or server.state is ServerState.RUNNING else None,
        "labels": {model: list(labels) for model, labels in server.labels.items()} or None,
        "studies": server.studies,
        "version": server.version,
        "error": _problem(server.problem),
        "phase": server.phase or None,
        "run_id": server.run_id if ours else None,
        "log_path": server.log_path if ours else None,
        "started_at": moment(server.started_at) if ours else None,
        "ended_at": moment(server.ended_at) if ours else None,
        "orphans": [_orphan(orphan) for orphan in server.orphans],
    }


def studies_document(
    reading: Reading[StudyQueue], now: datetime, damaged: Iterable[str] = (), second: Iterable[str] = ()
) -> Document:
    """``studies list``.

    ``studies`` is null when the server reports only their number. ``damaged`` are the studies whose final label
    is known to be empty or cut off, ``second`` those that lack their second reading; ``completed`` does not count
    them. ``server_total`` and ``server_completed`` are the server's counts, and null if they are unknown.
    """
    queue = reading.value
    if queue is None:
        return {**_read_at(reading, now), **dict.fromkeys(_STUDIES_FIELDS)}
    return {
        **_read_at(reading, now),
        "total": queue.total,
        "completed": queue.sound_finals(damaged, second),
        "damaged": queue.damaged(damaged),
        "server_total": queue.server_total,
        "server_completed": queue.server_completed,
        "source": queue.source.value,
        "source_problem": queue.source_problem or None,
        "modality": queue.modality or None,
        "other_modalities": list(queue.other_modalities),
        "label_tags": dict(queue.label_tags),
        "studies": [study_document(study) for study in queue.studies]
        if queue.listed or queue.studies
        else None,
    }


def labels_document(reading: Reading[LabelCopies], now: datetime) -> Document:
    """The copies of the labels: ``total`` on the host, ``here`` on this machine, and why others are missing.

    ``missing`` names only the first of ``missing_count``. ``by_models`` of ``total``, and ``by_models_here`` of
    ``here``, are labels that models made.
    """
    copies = reading.value
    return {
        **_read_at(reading, now),
        "total": None if copies is None else copies.total,
        "here": None if copies is None else copies.here,
        "by_models": None if copies is None else copies.by_models,
        "by_models_here": None if copies is None else copies.by_models_here,
        "missing": None if copies is None else list(copies.missing),
        "missing_count": None if copies is None else copies.absent,
        "reason": None if copies is None else copies.reason or None,
        "folder": None if copies is None else copies.folder or None,
        "last": None if copies is None else copies.last or None,
        "last_at": None if copies is None else moment(copies.last_at),
        "copies": None if copies is None else copies.copies,
        "by_checksum": None if copies is None else copies.by_checksum,
        "skipped": None if copies is None else list(copies.skipped),
    }


def labels_missing(copies: LabelCopies) -> str:
    """The text ``3 labels are not on this machine``."""
    if not copies.absent:
        return "Some labels are perhaps not on this machine"
    return (
        "1 label is not on this machine"
        if copies.absent == 1
        else f"{copies.absent} labels are not on this machine"
    )


def training_document(reading: Reading[TrainStatus], now: datetime) -> Document:
    """``train status``: the training's state, its epochs, best metric and error."""
    training = reading.value
    return {
        **_read_at(reading, now),
        "state": None if training is None else training.state.value,
        "model": None if training is None else training.model,
        "epoch": None if training is None else training.epoch,
        "total_epochs": None if training is None else training.total_epochs,
        "best": None if training is None else _best(training.best),
        "eta_s": None if training is None else _number(training.eta_s),
        "error": None if training is None else _problem(training.problem),
        "loss": None if training is None else _number(training.loss),
        "not_a_number": None if training is None else dict(training.not_numbers),
        "task_id": None if training is None else training.task_id,
        "iteration": None if training is None else training.iteration,
        "iterations": None if training is None else training.iterations,
        "queued": None if training is None else training.queued,
        "started_at": None if training is None else moment(training.started_at),
        "ended_at": None if training is None else moment(training.ended_at),
        "ended_with": None if training is None else training.ended_with or None,
        "pid": None if training is None else training.pid,
    }


def epoch_record(model: str | None, point: EpochPoint, total_epochs: int | None, now: datetime) -> Document:
    """One line of ``train ... --follow``."""
    return {
        "as_of": moment(now),
        "model": model,
        "epoch": point.epoch,
        "total_epochs": total_epochs,
        "loss": _number(point.loss),
        "metrics": {
            **{name: _number(value) for name, value in point.metrics.items()},
            **{name: None for name in point.not_numbers if name != LOSS},
        },
        "not_a_number": list(point.not_numbers),
        "seconds": _number(point.seconds),
    }


def _read_at(reading: Reading[Any], now: datetime) -> Document:
    """The fields on a value's age. ``as_of`` is when the value was true, or ``now`` if there is no value."""
    return {
        "as_of": moment(reading.as_of or now),
        "stale": reading.is_stale(now),
        "stale_because": reading.error,
    }


def _unknown_server(state: str | None, problem: Problem | None) -> Document:
    empty = dict.fromkeys(_SERVER_FIELDS)
    return {"state": state, **empty, "error": _problem(problem)}


def _number(value: float | None) -> float | None:
    """Return a finite number, else None: a diverging loss may be NaN or infinite, and JSON can't express either."""
    return value if value is not None and math.isfinite(value) else None


def _problem(problem: Problem | None) -> Document | None:
    if problem is None:
        return None
    document: Document = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    return {**document, "detail": problem.detail} if problem.detail else document


def study_document(study: Study) -> Document:
    """One study of ``studies list``."""
    latest = study.open_fetches[0] if study.open_fetches else None
    return {
        "id": study.id,
        "name": study.name or None,
        "state": study.state.value,
        "tags": {tag: moment(at) for tag, at in study.tags.items()},
        "opened_by": list(study.openers),
        "opened_at": None if latest is None else moment(latest.at),
        "submitted_by": dict(study.authors),
        "replaced": [{"client": label.client, "at": moment(label.at)} for label in study.replaced],
        "fetches": [_fetch(fetch) for fetch in study.fetches],
        "added_at": moment(study.added_at),
        "review": study.review or None,
        "scores": {name: _number(score) for name, score in study.scores.items()},
        "modality": study.modality or None,
        "images": study.images,
        "size": study.size,
        "work": None
        if study.work is None
        else {"seconds": study.work.seconds, "paused_seconds": study.work.paused_s},
    }


def _fetch(fetch: Fetch) -> Document:
    return {"strategy": fetch.strategy, "client": fetch.client, "at": moment(fetch.at)}


def _best(best: Best | None) -> Document | None:
    if best is None:
        return None
    return {"metric": best.metric, "value": _number(best.value), "epoch": best.epoch}


def _gpu(gpu: Gpu) -> Document:
    return {
        "index": gpu.index,
        "name": gpu.name,
        "memory_used_mib": gpu.memory_used_mib,
        "memory_total_mib": gpu.memory_total_mib,
        "utilisation_pct": _number(gpu.utilisation_pct),
        "temperature_c": _number(gpu.temperature_c),
        "power_w": _number(gpu.power_w),
    }


def _orphan(orphan: OrphanTask) -> Document:
    return {
        "pid": orphan.pid,
        "pgid": orphan.pgid,
        "model": orphan.model,
        "started_at": moment(orphan.started_at),
        "folder": orphan.folder or None,
        "user": orphan.user or None,
        "ours": orphan.ours,
        "task": orphan.task,
    }


def alert_document(alert: Alert) -> Document:
    """One alert of ``status``."""
    return {
        **{"key": alert.key, "level": alert.level.value},
        "message": alert.message,
        "hint": alert.hint or None,
        "at": moment(alert.at),
    }
