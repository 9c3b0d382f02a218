"""A value with the time at which it was true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")

STALE_AFTER_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """The last value that a poller read, and the result of its last attempt.

    ``value`` stays when an attempt fails: the screen dims it and shows ``error`` beside it. ``interval_s`` is the
    time between polls; 0 for values that change by events, which never become stale by age.
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
        """The reading after a successful attempt."""
        return Reading(value, now, latency_s, None, 0, interval_s)

    def failed(self, error: str, *, interval_s: float | None = None) -> Reading[T]:
        """The reading after a failed attempt: the old value, and the error."""
        interval = self.interval_s if interval_s is None else interval_s
        return replace(self, error=error, failures=self.failures + 1, interval_s=interval)

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the value was true; None before the first value."""
        return None if self.as_of is None else max(0.0, (now - self.as_of).total_seconds())

    def is_stale(self, now: datetime) -> bool:
        """True when the value may be out of date: the last attempt failed, or three attempts were missed."""
        if self.error is not None:
            return True
        age = self.age_s(now)
        return age is not None and self.interval_s > 0 and age > STALE_AFTER_INTERVALS * self.interval_s
