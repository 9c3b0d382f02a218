"""Reads a run of the server from the agent's record of its job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from labeltui.domain.server.state import ServerRun
from labeltui.hosts.agent.messages import Job
from labeltui.monailabel.launch import CACHE_META, DEFAULT_CACHE_S, is_dicomweb

OPTIONS = "options"
"""The key of a job's record that has the options with which the server was started, for a restart."""


def run_of(job: Job, *, stopped: bool) -> ServerRun:
    """Return the run. ``stopped`` is True if the operator stopped it, even if the record does not say so."""
    meta = job.meta or {}
    models = meta.get("models")
    return ServerRun(
        state=job.state.value,
        run_id=job.run_id,
        pid=job.pid,
        exit_code=job.exit_code,
        log_path=job.log_path,
        started_at=moment(job.started_ts),
        ended_at=moment(job.ended_ts),
        stopped_by_us=job.stopped_by_us or stopped,
        app=_text(meta.get("app")),
        models=tuple(str(m) for m in models) if isinstance(models, list | tuple) else (),
        studies=_text(meta.get("studies")),
        dicomweb_cache_s=_cache_s(meta),
    )


def _cache_s(meta: Mapping[str, object]) -> int | None:
    """Return how many seconds the server caches DICOMweb's answers.

    A server that an earlier labeltui started has the default.
    """
    if not is_dicomweb(_text(meta.get("studies")) or ""):
        return None
    stored = meta.get(CACHE_META)
    return stored if isinstance(stored, int) else DEFAULT_CACHE_S


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def moment(unix_seconds: float | None, ahead_s: float = 0.0) -> datetime | None:
    """Convert Unix seconds of the host's clock to UTC. ``ahead_s`` converts it to this machine's clock."""
    return None if unix_seconds is None else datetime.fromtimestamp(unix_seconds - ahead_s, UTC)
