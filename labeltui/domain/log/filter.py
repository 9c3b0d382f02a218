"""Filters on a log by minimum level, logger and time. Lines that continue a record belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from labeltui.domain.log.lines import LogRecord

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_ALIASES = {"WARN": "WARNING", "FATAL": "CRITICAL"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGE = re.compile(r"(\d{1,9})\s*([smhd])(?:in|ago|\b)")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")


@dataclass(frozen=True, slots=True)
class Scope:
    """Filters on records.

    ``level`` is one of :data:`LEVELS` or empty, ``logger`` a part of a name. Times are the host's local time.
    """

    level: str = ""
    logger: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self != Scope()

    @property
    def text(self) -> str:
        """The filters as text for the pane's border."""
        parts = (
            f"{self.level}+" if self.level else "",
            f"({self.logger})" if self.logger else "",
            f"from {self.since:%H:%M:%S}" if self.since is not None else "",
            f"to {self.until:%H:%M:%S}" if self.until is not None else "",
        )
        return " ".join(part for part in parts if part)

    @property
    def takes_errors(self) -> bool:
        """True when every error matches, whatever the level of its record."""
        return bool(self.level) and rank(self.level) <= rank("ERROR")

    def matches(self, record: LogRecord, *, error: bool = False) -> bool:
        """True for a record within the scope. A record without a level or time does not match a scope that names one.

        ``error`` is True if the record is an error or the lines of an error belong to it.
        """
        if self.level and rank(record.level) < rank(self.level) and not (error and self.takes_errors):
            return False
        if self.logger and self.logger.lower() not in record.logger.lower():
            return False
        if self.since is not None and (record.time is None or record.time < self.since):
            return False
        return self.until is None or (record.time is not None and record.time <= self.until)


def rank(level: str) -> int:
    """The severity of a level, from 0; -1 for an unknown level."""
    level = _ALIASES.get(level, level)
    return LEVELS.index(level) if level in LEVELS else -1


def moment(text: str, now: datetime, *, latest: bool = False) -> datetime:
    """Parse a time: ``17:02``, ``17:02:20``, ``2026-11-23 17:02``, or ``10m`` (ten minutes ago).

    ``now`` is the host's local time; the result has no zone either. A time of day means its most recent
    occurrence. With ``latest``, a time of day without seconds means the end of that minute. Raises ValueError
    with a message to show.
    """
    text = text.strip()
    if found := _AGE.fullmatch(text.removesuffix(" ago")):
        return now - timedelta(seconds=min(int(found[1]) * _UNITS[found[2]], 10**9))
    if found := _CLOCK.fullmatch(text):
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or (59 if latest else 0))
        try:
            at = now.replace(hour=hour, minute=minute, second=second, microsecond=999_999 if latest else 0)
        except ValueError as error:
            raise ValueError(f"{text} is not a time of day") from error
        return at if at.replace(second=0, microsecond=0) <= now else at - timedelta(days=1)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not a time: use 17:02, 2026-11-23 17:02, or 10m for ten minutes ago"
        ) from error
