"""The emulator's clock: the machine's real clock, or a fake clock that tests advance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""The default start time of a fake clock."""


class Clock(Protocol):
    """A clock that never goes back."""

    def now(self) -> datetime:
        """The present time, with its zone."""
        ...


class RealClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """The present time, in UTC."""
        return datetime.now(UTC)


class FakeClock:
    """A clock that moves only by :meth:`advance`."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """The current time of the fake clock."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward; raises ``ValueError`` for negative seconds."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += timedelta(seconds=seconds)


def rfc3339(at: datetime) -> str:
    """Format a time as the API does. Omits fractions of a second that are zero."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def javascript(at: datetime) -> str:
    """Format a time as JavaScript's ``Date.toString()`` does in UTC."""
    return at.astimezone(UTC).strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")
