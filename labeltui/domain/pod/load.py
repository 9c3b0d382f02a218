"""The recent load of the host: a bounded history of samples, each with its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.host import HostMetrics
    from labeltui.domain.pod.pod import Pod

AGENT = "agent"
RUNPOD = "RunPod"
HISTORY_S = 900.0
PEAK_S = 60.0
CLOSEST_S = 2.0  # closer samples are dropped: a chart has a few dozen cells


@dataclass(frozen=True, slots=True)
class LoadSample:
    """One sample of the load, in percent; None means unknown. ``source`` is the agent or RunPod."""

    at: datetime
    source: str
    gpu: float | None = None  # of the busiest GPU
    vram: float | None = None  # of the fullest GPU
    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None


def of_agent(metrics: HostMetrics, at: datetime) -> LoadSample:
    """A sample from the agent's metrics."""
    return LoadSample(
        at,
        AGENT,
        _most(gpu.utilisation_pct for gpu in metrics.gpus),
        _most(_share(gpu.memory_used_mib, gpu.memory_total_mib) for gpu in metrics.gpus),
        metrics.cpu_pct,
        _share(metrics.memory_used, metrics.memory_total),
        _share(metrics.disk_used, metrics.disk_total),
    )


def of_runpod(pod: Pod) -> LoadSample | None:
    """A sample from RunPod's report of a running pod. It has no disk. None when the report has no load."""
    load = pod.load
    gpu, vram = _most(g for g, _ in load.gpus), _most(m for _, m in load.gpus)
    if gpu is None and vram is None and load.cpu_pct is None and load.memory_pct is None:
        return None
    return LoadSample(pod.read_at, RUNPOD, gpu, vram, load.cpu_pct, load.memory_pct)


def appended(samples: tuple[LoadSample, ...], sample: LoadSample) -> tuple[LoadSample, ...]:
    """The history with one more sample, limited to the last quarter of an hour."""
    if samples and (sample.at - samples[-1].at).total_seconds() < CLOSEST_S:
        return samples
    oldest = sample.at - timedelta(seconds=HISTORY_S)
    return (*(one for one in samples if one.at >= oldest), sample)


def memory_peak(samples: tuple[LoadSample, ...], now: datetime) -> float | None:
    """Return the highest use of memory in the last minute, in percent; None if it is unknown."""
    since = now - timedelta(seconds=PEAK_S)
    return _most(sample.memory for sample in samples if sample.at >= since)


def in_cells(
    samples: tuple[LoadSample, ...], field: str, now: datetime, cells: int, span_s: float
) -> tuple[float | None, ...]:
    """The mean of a field in each of ``cells`` equal parts of the last ``span_s`` seconds; None if a part has none."""
    sums = [0.0] * cells
    counts = [0] * cells
    for sample in samples:
        value: float | None = getattr(sample, field)
        age = (now - sample.at).total_seconds()
        if value is None or not 0 <= age < span_s:
            continue
        place = cells - 1 - int(age / span_s * cells)
        sums[place] += value
        counts[place] += 1
    return tuple(total / count if count else None for total, count in zip(sums, counts, strict=True))


def _share(used: float | None, total: float | None) -> float | None:
    return None if used is None or not total else 100.0 * used / total


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
