"""Read RunPod's rate limits for this account from the headers of RunPod's answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MEMBER = re.compile(r'"([^"]{1,40})"((?:\s*;\s*[a-z]+=[^;,]*)*)')
_PARAMETER = re.compile(r";\s*([a-z]+)=(\d+)")
RESERVE = 0.2  # this share of the remaining requests is left for other programs of the account


@dataclass(frozen=True, slots=True)
class Window:
    """One rate limit: ``quota`` requests per ``seconds``, the requests remaining, and seconds until the reset."""

    name: str
    remaining: int | None = None
    resets_in_s: int | None = None
    quota: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """All windows at the time ``read_at`` (seconds of the monotonic clock)."""

    windows: tuple[Window, ...] = ()
    read_at: float = 0.0

    def wait_s(self, now: float) -> float:
        """Return the seconds to wait before the next request; 0 if every window has requests left."""
        waits = [
            self.read_at + window.resets_in_s - now
            for window in self.windows
            if window.remaining == 0 and window.resets_in_s is not None
        ]
        return max(0.0, *waits) if waits else 0.0

    def interval_s(self, wanted: float) -> float:
        """Return a poll interval in seconds that exhausts no window; at least ``wanted``."""
        paces = [wanted]
        for window in self.windows:
            if window.remaining is not None and window.resets_in_s is not None:
                usable = window.remaining * (1 - RESERVE)
                paces.append(window.resets_in_s / usable if usable >= 1 else float(window.resets_in_s))
        return max(paces)

    def tightest(self) -> Window | None:
        """Return the window with the smallest share of requests left. None if RunPod sent no limits."""
        known = [window for window in self.windows if window.remaining is not None and window.quota]
        return min(known, key=lambda window: (window.remaining or 0) / (window.quota or 1), default=None)


def rate_limits(headers: Mapping[str, str], now: float) -> RateLimits | None:
    """Parse the headers ``RateLimit`` and ``RateLimit-Policy``. Returns None if both are absent."""
    left = _members(headers.get("ratelimit", ""))
    policy = _members(headers.get("ratelimit-policy", ""))
    names = [*left, *(name for name in policy if name not in left)]
    if not names:
        return None
    windows = [
        Window(
            name,
            left.get(name, {}).get("r"),
            left.get(name, {}).get("t"),
            policy.get(name, {}).get("q"),
            policy.get(name, {}).get("w"),
        )
        for name in names
    ]
    return RateLimits(tuple(windows), now)


def _members(header: str) -> dict[str, dict[str, int]]:
    return {
        member[1]: {key: int(value[:12]) for key, value in _PARAMETER.findall(member[2])}
        for member in _MEMBER.finditer(header[:1000])
    }


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Parse ``Retry-After`` (seconds or a date) to seconds. Returns None if absent or malformed."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
