"""A value that knows when it was true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")

STALE_AFTER_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What a source last learnt, and how its last attempt went.

    ``value`` stays when an attempt fails: the screen dims it and shows ``error`` beside it.
    ``interval_s`` is how often the source means to look (0: told by events, so it never ages by itself).
    """

    value: T | None = None
    as_of: datetime | None = None
    latency_s: float | None = None
    error: str | None = None
    failures: int = 0
    interval_s: float = 0.0

    def succeeded(
        self, value: T, now: datetime, *, latency_s: float | None = None, interval_s: float = 0.0
    ) -> Reading[T]:
        """The reading after an attempt that brought ``value``."""
        return Reading(value, now, latency_s, None, 0, interval_s)

    def failed(self, error: str, *, interval_s: float | None = None) -> Reading[T]:
        """The reading after an attempt that failed: the old value, and why it is old."""
        kept = self.interval_s if interval_s is None else interval_s
        return replace(self, error=error, failures=self.failures + 1, interval_s=kept)

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the value was true, or None when there has never been one."""
        return None if self.as_of is None else max(0.0, (now - self.as_of).total_seconds())

    def is_stale(self, now: datetime) -> bool:
        """True when the value may no longer hold: an attempt failed, or three were missed."""
        if self.error is not None:
            return True
        age = self.age_s(now)
        return age is not None and self.interval_s > 0 and age > STALE_AFTER_INTERVALS * self.interval_s
