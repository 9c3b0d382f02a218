"""What a process costs while it idles."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Start:
    """Where a measurement begins."""

    at: float = field(default_factory=time.monotonic)
    cpu_s: float = field(default_factory=time.process_time)
    resident_kib: int | None = field(default_factory=lambda: resident_kib())


@dataclass(frozen=True)
class Cost:
    """CPU in percent of a core, resident memory in KiB (None without /proc), requests per minute."""

    seconds: float
    cpu_pct: float
    resident_kib: int | None
    growth_kib: int | None
    requests: dict[str, float]

    @classmethod
    def between(
        cls,
        cpu0: float,
        cpu1: float,
        seconds: float,
        rss0: int | None,
        rss1: int | None,
        counts: dict[str, int],
    ) -> Self:
        """From CPU seconds and memory at both ends, and requests by endpoint in between."""
        growth = None if rss0 is None or rss1 is None else rss1 - rss0
        per_minute = {endpoint: count * 60 / seconds for endpoint, count in counts.items()}
        return cls(seconds, 100 * (cpu1 - cpu0) / seconds, rss1, growth, per_minute)


def resident_kib() -> int | None:
    """Resident memory of this process."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
