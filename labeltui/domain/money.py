"""What a pod costs: rates as RunPod publishes them, sums in decimals, never in binary fractions.

All amounts are US dollars. RunPod shows 0.00 $/h for a stopped pod although its disk is still paid for; the
functions here are what the console says instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

HOURS_PER_MONTH = Decimal(730)
CONTAINER_DISK = Decimal("0.10")  # $/GB/month while running; it is wiped, and free, while stopped
VOLUME_DISK_RUNNING = Decimal("0.10")  # $/GB/month
VOLUME_DISK_STOPPED = Decimal("0.20")  # $/GB/month: twice as much as while running
NETWORK_VOLUME = Decimal("0.07")  # $/GB/month for the first terabyte, running or not
NETWORK_VOLUME_ABOVE = Decimal("0.05")  # $/GB/month for what is above it
NETWORK_VOLUME_STEP_GB = 1000

ZERO = Decimal(0)
CENT = Decimal("0.01")
SECONDS_PER_HOUR = Decimal(3600)
BILL_LAG = timedelta(minutes=10)  # RunPod's billing runs every five minutes, and takes a while


@dataclass(frozen=True, slots=True)
class Account:
    """The account's money. ``balance`` in $, the rates in $/h; None where the account did not tell."""

    balance: Decimal | None = None
    spend_per_hour: Decimal | None = None
    spend_limit: Decimal | None = None  # $/h for all pods together; a new pod above it is refused
    email: str = ""

    @property
    def hours_left(self) -> Decimal | None:
        """Hours until the balance is used up at the rate of now; None when nothing is spent, or not known."""
        return hours_left(self.balance, self.spend_per_hour)


@dataclass(frozen=True, slots=True)
class Spend:
    """What the profile's pod and its account have cost, in $. None is "not known"; ``why`` and ``bill_error`` say why.

    ``session`` is of the profile's pod since ``session_since``, with its disk while stopped; ``today`` is of all pods
    of the account since midnight here, and was true at ``today_at``.
    """

    session: Decimal | None = None
    session_since: datetime | None = None
    per_hour: Decimal | None = None  # what the pod costs now, disks included, running or stopped
    today: Decimal | None = None
    today_at: datetime | None = None
    why: str = ""  # why the session's cost is not known
    bill_error: str = ""  # why the bill is not known, or old


@dataclass(frozen=True, slots=True)
class BillingRecord:
    """One bucket of RunPod's bill for one pod. Times with zone; ``end`` may lie ahead for the bucket of now."""

    pod_id: str
    start: datetime
    end: datetime
    total: Decimal
    gpu: Decimal = ZERO
    cpu: Decimal = ZERO
    disk: Decimal = ZERO


def cents(amount: Decimal) -> Decimal:
    """The amount as money is written: two places, half a cent rounds up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def disk_per_hour(
    *, container_gb: int = 0, volume_gb: int = 0, network_gb: int = 0, running: bool = True
) -> Decimal:
    """$/h of a pod's disks. The network volume is paid for whether or not the pod runs, or exists."""
    container = CONTAINER_DISK * container_gb if running else ZERO
    volume = (VOLUME_DISK_RUNNING if running else VOLUME_DISK_STOPPED) * volume_gb
    return (container + volume) / HOURS_PER_MONTH + network_volume_per_hour(network_gb)


def network_volume_per_hour(size_gb: int) -> Decimal:
    """$/h of a network volume."""
    first = min(size_gb, NETWORK_VOLUME_STEP_GB)
    above = max(0, size_gb - NETWORK_VOLUME_STEP_GB)
    return (NETWORK_VOLUME * first + NETWORK_VOLUME_ABOVE * above) / HOURS_PER_MONTH


def per_month(per_hour: Decimal) -> Decimal:
    """What a rate comes to when it runs for a month (730 h)."""
    return per_hour * HOURS_PER_MONTH


def cost_of(per_hour: Decimal, running: timedelta) -> Decimal:
    """Rate times time; RunPod bills by the second. Time that is negative costs nothing."""
    micro = Decimal(max(0, running // timedelta(microseconds=1)))
    return per_hour * micro / 1_000_000 / SECONDS_PER_HOUR


def hours_left(balance: Decimal | None, per_hour: Decimal | None) -> Decimal | None:
    """Hours until ``balance`` is used up; 0 when it already is, None when nothing is spent or not known."""
    if balance is None or per_hour is None or per_hour <= 0:
        return None
    return max(ZERO, balance) / per_hour


def spent_since(
    since: datetime,
    now: datetime,
    records: Iterable[BillingRecord],
    running: Iterable[tuple[str, Decimal, datetime | None]] = (),
) -> Decimal:
    """$ spent in [since, now): the bill, and what pods cost since the bill's last bucket of them.

    ``running`` has (pod id, $/h, running since). RunPod writes its bill every few minutes: the newest bucket of a pod
    lags by so much, and is taken for what the pod has cost in it, where the difference is no more than that. A bucket
    that began before ``since`` counts by the share of it that lies within.
    """
    newest: dict[str, BillingRecord] = {}
    total = ZERO
    for record in records:
        total += record.total * _share(record, since, now)
        known = newest.get(record.pod_id)
        newest[record.pod_id] = record if known is None or record.end > known.end else known
    for pod_id, per_hour, started in running:
        last = newest.get(pod_id)
        begin = max(filter(None, (since, started, last.end if last is not None else None)))
        total += cost_of(per_hour, now - begin)
        if last is not None and last.start >= since:
            within = cost_of(per_hour, min(now, last.end) - max(last.start, started or last.start))
            if last.total < within <= last.total + cost_of(per_hour, BILL_LAG):
                total += within - last.total
    return total


def _share(record: BillingRecord, since: datetime, now: datetime) -> Decimal:
    # What the bucket of now holds was spent before now, however far ahead its end lies.
    end = min(record.end, now)
    whole = (end - record.start).total_seconds()
    if whole <= 0:
        return ZERO if record.start >= now or record.start < since else Decimal(1)
    within = (end - max(record.start, since)).total_seconds()
    return ZERO if within <= 0 else Decimal(str(min(1.0, within / whole)))
