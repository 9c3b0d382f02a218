"""Where the emulator has its time from: this machine, or a test's hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""When a fake clock starts, unless told otherwise."""


class Clock(Protocol):
    """Tells the time; it never goes back."""

    def now(self) -> datetime:
        """Return the instant, with its zone."""
        ...


class RealClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """Return the instant, in UTC."""
        return datetime.now(UTC)


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the instant it was last moved to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on; raises ``ValueError`` for a step back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += timedelta(seconds=seconds)


def rfc3339(at: datetime) -> str:
    """Format an instant as the API does, to the microsecond only where it has one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def javascript(at: datetime) -> str:
    """Format an instant as JavaScript's ``Date.toString()`` does in UTC."""
    return at.astimezone(UTC).strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")
