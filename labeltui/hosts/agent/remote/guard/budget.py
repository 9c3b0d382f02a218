"""What the session has cost: the pod's rate times the time since it started.

Times are seconds on the monotonic clock (``now``) and unix seconds (``wall``); amounts are US dollars, rates per hour.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any


class Budget:
    """``spent`` and ``rate`` are None while nobody knows them."""

    def __init__(self, previous: dict[str, Any], now: float, wall: float) -> None:
        """``previous`` is the state file of the guard before; empty where the pod has started since."""
        self.spent: float | None = previous.get("spent")
        self.spent_at: float = previous.get("spent_mono") or now
        self.rate: float | None = previous.get("rate")
        self.began = wall

    def learn(self, pod: dict[str, Any], wished: object, now: float, wall: float) -> None:
        """Rate and age from RunPod's answer. A rate that a console sent (``wished``) wins."""
        cost = pod.get("cost")
        if isinstance(cost, (int, float)) and cost > 0 and not wished:
            self.set_rate(float(cost), now)
        self.learn_start(pod.get("startedAt"), wall)
        if self.spent is None and self.rate is not None:
            # RunPod does not say since when: since the guard began.
            self.spent = self.rate * max(0.0, wall - self.began) / 3600.0

    def learn_start(self, started: object, wall: float) -> None:
        """Count the money spent before the guard began: from the pod's start, once."""
        if self.spent is not None or not isinstance(started, str) or self.rate is None:
            return
        age = age_s(started, wall)
        if age is not None:
            self.spent = self.rate * age / 3600.0

    def count(self, rate: object, started: object, now: float, wall: float) -> None:
        """Add the time since the last call; ``rate`` and ``started`` are what a console sent."""
        if isinstance(rate, (int, float)) and rate != self.rate:
            self.set_rate(float(rate), now)
        self.learn_start(started, wall)
        self.add(now)

    def set_rate(self, rate: float, now: float) -> None:
        """From now on it costs that much."""
        self.add(now)
        self.rate = rate

    def add(self, now: float) -> None:
        """Add rate times time since the last addition."""
        if self.spent is not None and self.rate is not None:
            self.spent += self.rate * max(0.0, now - self.spent_at) / 3600.0
        self.spent_at = now


def age_s(started: str, wall: float) -> float | None:
    """Seconds since an RFC 3339 instant; None when it is none."""
    try:
        # Before Python 3.11 fromisoformat knows no Z, and no fractions of other than 3 or 6 digits.
        text = started[:19] + "+00:00" if started.endswith("Z") else started
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, wall - at.timestamp()) if at.tzinfo else None
