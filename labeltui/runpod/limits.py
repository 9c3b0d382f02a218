"""RunPod's rate limits for this account, from the headers of its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MEMBER = re.compile(r'"([^"]{1,40})"((?:\s*;\s*[a-z]+=[^;,]*)*)')
_PARAMETER = re.compile(r";\s*([a-z]+)=(\d+)")
RESERVE = 0.2  # share of the remaining requests left to other programs on the same account


@dataclass(frozen=True, slots=True)
class Window:
    """One window of the limit: requests left, seconds until it is reset, and its ``quota`` per ``seconds``."""

    name: str
    remaining: int | None = None
    resets_in_s: int | None = None
    quota: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """All windows as of ``read_at`` (seconds of the monotonic clock)."""

    windows: tuple[Window, ...] = ()
    read_at: float = 0.0

    def wait_s(self, now: float) -> float:
        """Seconds until another request may be sent; 0 while every window has requests left."""
        waits = [
            self.read_at + window.resets_in_s - now
            for window in self.windows
            if window.remaining == 0 and window.resets_in_s is not None
        ]
        return max(0.0, *waits) if waits else 0.0

    def interval_s(self, wanted: float) -> float:
        """Seconds between polls so that no window runs out; at least ``wanted``."""
        paces = [wanted]
        for window in self.windows:
            if window.remaining is not None and window.resets_in_s is not None:
                usable = window.remaining * (1 - RESERVE)
                paces.append(window.resets_in_s / usable if usable >= 1 else float(window.resets_in_s))
        return max(paces)

    def tightest(self) -> Window | None:
        """The window with the smallest share left, for display; None when RunPod sent no limits."""
        known = [window for window in self.windows if window.remaining is not None and window.quota]
        return min(known, key=lambda window: (window.remaining or 0) / (window.quota or 1), default=None)


def rate_limits(headers: Mapping[str, str], now: float) -> RateLimits | None:
    """Parse the headers ``RateLimit`` and ``RateLimit-Policy``; None when both are absent."""
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
    """Parse ``Retry-After`` (seconds or a date) to seconds; None when it is absent or malformed."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
