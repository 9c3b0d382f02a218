"""The account's money in exact decimals: hourly rates and sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

HOURS_PER_MONTH = Decimal(730)
CONTAINER_DISK = Decimal("0.10")  # USD per GB and month
VOLUME_RUNNING = Decimal("0.10")
VOLUME_STOPPED = Decimal("0.20")
NETWORK_SMALL = Decimal("0.07")
NETWORK_LARGE = Decimal("0.05")  # for sizes of one TB or more
TERABYTE = 1000  # GB
_HOUR = Decimal(3600)


def per_hour(gigabytes: int, per_month: Decimal) -> Decimal:
    """Return the USD per hour for a size in GB at a monthly rate per GB."""
    return Decimal(gigabytes) * per_month / HOURS_PER_MONTH


def network_volume(gigabytes: int) -> Decimal:
    """Return the USD per hour for a network volume, used or not."""
    return per_hour(gigabytes, NETWORK_SMALL if gigabytes < TERABYTE else NETWORK_LARGE)


def seconds(span: timedelta) -> Decimal:
    """A time span in seconds, without rounding."""
    return Decimal(span.days * 86400 + span.seconds) + Decimal(span.microseconds) / 1_000_000


@dataclass(slots=True)
class Segment:
    """A constant rate for an owner and a ``kind`` (gpu, cpu, disk, network). ``end`` is None while it applies."""

    owner: str
    kind: str
    rate: Decimal  # USD per hour
    start: datetime
    end: datetime | None = None

    def cost(self, start: datetime, end: datetime) -> Decimal:
        """Return the USD for the part of this segment between two times."""
        first, last = max(start, self.start), min(end, self.end or end)
        return self.rate * seconds(last - first) / _HOUR if last > first else Decimal(0)


class Ledger:
    """All past and current rates of the account."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._paid = Decimal(0)  # closed segments, summed once
        self._open: dict[tuple[str, str], Segment] = {}

    def set_rates(self, owner: str, rates: dict[str, Decimal], at: datetime) -> None:
        """Set all rates of ``owner`` by kind (USD per hour), valid from ``at`` on."""
        for (who, kind), segment in list(self._open.items()):
            if who == owner and rates.get(kind, Decimal(0)) != segment.rate:
                segment.end = at
                self._paid += segment.cost(segment.start, at)
                del self._open[who, kind]
        for kind, rate in rates.items():
            if rate and (owner, kind) not in self._open:
                self._open[owner, kind] = segment = Segment(owner, kind, rate, at)
                self.segments.append(segment)

    def rate(self, kinds: Iterable[str] = ("gpu", "cpu", "disk", "network")) -> Decimal:
        """Return the current spend in USD per hour for ``kinds``."""
        wanted = set(kinds)
        return sum((one.rate for (_, kind), one in self._open.items() if kind in wanted), Decimal(0))

    def spent(self, at: datetime) -> Decimal:
        """Return the USD spent from the beginning until ``at``."""
        return self._paid + sum((one.cost(one.start, at) for one in self._open.values()), Decimal(0))

    def between(self, owner: str, kind: str, start: datetime, end: datetime) -> Decimal:
        """Return the USD that one owner was charged for one kind of cost between two times."""
        return sum(
            (one.cost(start, end) for one in self.segments if one.owner == owner and one.kind == kind),
            Decimal(0),
        )

    def lasts_until(self, funds: Decimal, at: datetime) -> datetime | None:
        """Return the time when ``funds`` (USD at ``at``) run out at the present rate; None without spend."""
        rate = self.rate()
        if not rate:
            return None
        micros = (max(funds, Decimal(0)) / rate * _HOUR * 1_000_000).to_integral_value(ROUND_CEILING)
        if micros > 10**15:  # thirty years
            return None
        return at + timedelta(microseconds=int(micros))
