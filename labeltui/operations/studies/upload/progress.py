"""The progress of an upload: files, bytes, rate and time left."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labeltui.operations.progress import Report

EVERY_S = 1.0
OVER_S = 15.0  # the rate is that of the last seconds


class UploadProgress:
    """Counts files and bytes that are sent, and reports them at most once a second."""

    def __init__(self, report: Report, files: int, size: int) -> None:
        self._report, self._all_files, self._size = report, files, size
        self.files = self.bytes = self.sent = 0
        self._clock = asyncio.get_running_loop().time
        self._began = self._reported = self._clock()
        self._moments: deque[tuple[float, int]] = deque([(self._began, 0)])

    @property
    def seconds(self) -> float:
        """Seconds since the upload began."""
        return self._clock() - self._began

    def again(self, files: int, size: int) -> None:
        """Begin another attempt: ``files`` with ``size`` bytes are on the host."""
        self.files, self.bytes = files, size
        self._moments = deque([(self._clock(), size)])

    def on_bytes(self, count: int) -> None:
        """Count bytes that were sent, or that the host had."""
        self.bytes += count
        self.sent += count
        now = self._clock()
        if now - self._reported >= EVERY_S:
            self._reported = now
            self._moments.append((now, self.bytes))
            while len(self._moments) > 2 and now - self._moments[0][0] > OVER_S:
                self._moments.popleft()
            self._report.progress(self.text())

    def text(self) -> str:
        """Return ``12 of 200 studies, 1.2 of 2.0 GB, 85 MB/s, 10 s left``."""
        (before, done), (now, size) = self._moments[0], self._moments[-1]
        rate = (size - done) / (now - before) if now > before else 0.0
        text = (
            f"{self.files} of {self._all_files} studies, {size_text(self.bytes)} of {size_text(self._size)}"
        )
        if rate > 0:
            text += f", {size_text(rate)}/s, {time_text((self._size - self.bytes) / rate)} left"
        return text


def size_text(count: float) -> str:
    """Format bytes in decimal units, as disks are sold: ``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def files_text(count: int) -> str:
    """Format a number of files: ``1 file``, ``12 files``."""
    return f"{count} {'file' if count == 1 else 'files'}"


def time_text(seconds: float) -> str:
    """Format a time: ``40 s``, ``3 min``, ``2 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
