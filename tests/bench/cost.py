"""Measure the CPU and memory that a process uses."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


def resident_kib() -> int | None:
    """Resident memory of this process in KiB. None without /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Start:
    """The clock, CPU time and memory at the start of a measurement."""

    at: float = field(default_factory=time.monotonic)
    cpu_s: float = field(default_factory=time.process_time)
    resident_kib: int | None = field(default_factory=resident_kib)


@dataclass(frozen=True)
class Cost:
    """CPU in percent of a core; memory in KiB, None without /proc; requests per minute by endpoint."""

    seconds: float
    cpu_pct: float
    resident_kib: int | None
    growth_kib: int | None
    requests: dict[str, float]

    @classmethod
    def since(cls, start: Start, counts: dict[str, int]) -> Self:
        """The cost from ``start`` to now. ``counts`` are the requests since then."""
        seconds = time.monotonic() - start.at
        cpu_pct = 100 * (time.process_time() - start.cpu_s) / seconds
        now = resident_kib()
        growth = None if now is None or start.resident_kib is None else now - start.resident_kib
        return cls(seconds, cpu_pct, now, growth, {name: n * 60 / seconds for name, n in counts.items()})

    def write(self, answer: Path) -> None:
        """Write it to a file for the bench that started this process."""
        write_answer(answer, asdict(self))


def write_answer(answer: Path, document: dict[str, object]) -> None:
    """Write the file atomically, because the bench polls for it."""
    fresh = answer.with_suffix(".new")
    fresh.write_text(json.dumps(document))
    fresh.replace(answer)
