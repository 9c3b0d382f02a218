"""The account's money, in exact decimals: what each thing costs per hour, and the sums."""

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
NETWORK_LARGE = Decimal("0.05")  # from one TB on
TERABYTE = 1000  # GB
_HOUR = Decimal(3600)


def per_hour(gigabytes: int, per_month: Decimal) -> Decimal:
    """USD per hour for so many GB at a monthly rate."""
    return Decimal(gigabytes) * per_month / HOURS_PER_MONTH


def network_volume(gigabytes: int) -> Decimal:
    """USD per hour of a network volume, whether it is used or not."""
    return per_hour(gigabytes, NETWORK_SMALL if gigabytes < TERABYTE else NETWORK_LARGE)


def seconds(span: timedelta) -> Decimal:
    """A time span in seconds, without rounding."""
    return Decimal(span.days * 86400 + span.seconds) + Decimal(span.microseconds) / 1_000_000


@dataclass(slots=True)
class Segment:
    """One rate for one thing (``kind``: gpu, cpu, disk or network) over a time; ``end`` is None while it lasts."""

    owner: str
    kind: str
    rate: Decimal  # USD per hour
    start: datetime
    end: datetime | None = None

    def cost(self, start: datetime, end: datetime) -> Decimal:
        """USD for the part between two times."""
        first, last = max(start, self.start), min(end, self.end or end)
        return self.rate * seconds(last - first) / _HOUR if last > first else Decimal(0)


class Ledger:
    """Everything that was and is being paid for."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._paid = Decimal(0)  # closed segments, summed once
        self._open: dict[tuple[str, str], Segment] = {}

    def set_rates(self, owner: str, rates: dict[str, Decimal], at: datetime) -> None:
        """From ``at`` on, ``owner`` costs exactly these rates by kind."""
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
        """USD per hour that is being spent now, for those kinds."""
        wanted = set(kinds)
        return sum((one.rate for (_, kind), one in self._open.items() if kind in wanted), Decimal(0))

    def spent(self, at: datetime) -> Decimal:
        """USD since the beginning."""
        return self._paid + sum((one.cost(one.start, at) for one in self._open.values()), Decimal(0))

    def between(self, owner: str, kind: str, start: datetime, end: datetime) -> Decimal:
        """USD for one thing between two times."""
        return sum(
            (one.cost(start, end) for one in self.segments if one.owner == owner and one.kind == kind),
            Decimal(0),
        )

    def lasts_until(self, funds: Decimal, at: datetime) -> datetime | None:
        """When ``funds`` (USD at ``at``) are used up at the present rate; None while nothing is spent."""
        rate = self.rate()
        if not rate:
            return None
        micros = (max(funds, Decimal(0)) / rate * _HOUR * 1_000_000).to_integral_value(ROUND_CEILING)
        if micros > 10**15:  # thirty years
            return None
        return at + timedelta(microseconds=int(micros))
