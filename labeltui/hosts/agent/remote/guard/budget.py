"""The cost of the session: the pod's rate times the time since the pod started.

``now`` is in seconds on the monotonic clock, ``wall`` in unix seconds. Amounts are US dollars, rates per hour.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any


class Budget:
    """The cost of the pod since its start. ``spent`` and ``rate`` are None while they are unknown."""

    def __init__(self, previous: dict[str, Any], now: float, wall: float) -> None:
        """``previous`` is the previous guard's state file. It is empty if the pod has restarted since."""
        self.spent: float | None = previous.get("spent")
        self.spent_at: float = previous.get("spent_mono") or now
        self.rate: float | None = previous.get("rate")
        self.began = wall

    def learn(self, pod: dict[str, Any], console_rate: object, now: float, wall: float) -> None:
        """Take the rate and the start time from RunPod's answer. ``console_rate`` takes precedence."""
        cost = pod.get("cost")
        if isinstance(cost, (int, float)) and cost > 0 and not console_rate:
            self.set_rate(float(cost), now)
        self.learn_start(pod.get("startedAt"), wall)
        if self.spent is None and self.rate is not None:
            # RunPod's answer has no start time, so the cost is counted from the start of the guard.
            self.spent = self.rate * max(0.0, wall - self.began) / 3600.0

    def learn_start(self, started: object, wall: float) -> None:
        """Set ``spent`` to the cost since the pod's start. Does nothing if ``spent`` is already known."""
        if self.spent is not None or not isinstance(started, str) or self.rate is None:
            return
        age = age_s(started, wall)
        if age is not None:
            self.spent = self.rate * age / 3600.0

    def count(self, rate: object, started: object, now: float, wall: float) -> None:
        """Add the cost since the last call. ``rate`` and ``started`` are the values that a console sent, if any."""
        if isinstance(rate, (int, float)) and rate != self.rate:
            self.set_rate(float(rate), now)
        self.learn_start(started, wall)
        self.add(now)

    def set_rate(self, rate: float, now: float) -> None:
        """Change the rate from ``now`` on."""
        self.add(now)
        self.rate = rate

    def add(self, now: float) -> None:
        """Add rate times time since the last addition."""
        if self.spent is not None and self.rate is not None:
            self.spent += self.rate * max(0.0, now - self.spent_at) / 3600.0
        self.spent_at = now


def age_s(started: str, wall: float) -> float | None:
    """Return the seconds since an RFC 3339 time. None if the text is not such a time."""
    try:
        # Before Python 3.11 fromisoformat accepts neither Z nor fractions that don't have 3 or 6 digits.
        text = started[:19] + "+00:00" if started.endswith("Z") else started
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, wall - at.timestamp()) if at.tzinfo else None
