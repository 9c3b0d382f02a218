"""Costs of pods, at RunPod's published rates.

All amounts are US dollars, as Decimals and never floats. RunPod shows 0.00 $/h for a stopped pod although its
disk still costs; the console shows the rates computed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from labeltui.domain.amounts import dollars

HOURS_PER_MONTH = Decimal(730)
CONTAINER_DISK = Decimal("0.10")  # $/GB/month while running; while stopped it is wiped and free
VOLUME_DISK_RUNNING = Decimal("0.10")  # $/GB/month
VOLUME_DISK_STOPPED = Decimal("0.20")  # $/GB/month: twice as much as while running
NETWORK_VOLUME = Decimal("0.07")  # $/GB/month for the first terabyte, running or not
NETWORK_VOLUME_ABOVE = Decimal("0.05")  # $/GB/month above that
NETWORK_VOLUME_STEP_GB = 1000

ZERO = Decimal(0)
SECONDS_PER_HOUR = Decimal(3600)
BILL_LAG = timedelta(minutes=10)  # RunPod computes the bill every five minutes


@dataclass(frozen=True, slots=True)
class Account:
    """The account's money: ``balance`` in $, rates in $/h. None means that the account did not report the value."""

    balance: Decimal | None = None
    spend_per_hour: Decimal | None = None
    spend_limit: Decimal | None = None  # $/h for all pods together; RunPod refuses a new pod above it
    email: str = ""

    @property
    def hours_left(self) -> Decimal | None:
        """Hours until the balance is used up at the present rate. None when nothing is spent or unknown."""
        return hours_left(self.balance, self.spend_per_hour)


@dataclass(frozen=True, slots=True)
class Spend:
    """The cost of the profile's pod and of its account, in $. None means unknown; ``why`` and ``bill_error`` say why.

    ``session`` is the cost of the profile's pod since ``session_since``, including its disk while the pod was
    stopped. ``today`` is the cost of all pods of the account since local midnight, as of ``today_at``.
    """

    session: Decimal | None = None
    session_since: datetime | None = None
    per_hour: Decimal | None = None  # the pod's present cost, disks included
    today: Decimal | None = None
    today_at: datetime | None = None
    why: str = ""  # why the session's cost is not known
    bill_error: str = ""  # why the bill is not known, or old


@dataclass(frozen=True, slots=True)
class BillingRecord:
    """The cost of one pod in one period of RunPod's bill.

    Times have a zone. The ``end`` of the present period is in the future.
    """

    pod_id: str
    start: datetime
    end: datetime
    total: Decimal
    gpu: Decimal = ZERO
    cpu: Decimal = ZERO
    disk: Decimal = ZERO


def month_text(per_hour: Decimal) -> str:
    """Format a rate in $/h as the cost of a month: ``$207.12 a month``."""
    return f"{dollars(per_month(per_hour))} a month"


def disk_per_hour(
    *, container_gb: int = 0, volume_gb: int = 0, network_gb: int = 0, running: bool = True
) -> Decimal:
    """$/h for a pod's disks. A network volume costs the same with a running, stopped or terminated pod."""
    container = CONTAINER_DISK * container_gb if running else ZERO
    volume = (VOLUME_DISK_RUNNING if running else VOLUME_DISK_STOPPED) * volume_gb
    return (container + volume) / HOURS_PER_MONTH + network_volume_per_hour(network_gb)


def network_volume_per_hour(size_gb: int) -> Decimal:
    """$/h for a network volume of ``size_gb`` GB."""
    first = min(size_gb, NETWORK_VOLUME_STEP_GB)
    above = max(0, size_gb - NETWORK_VOLUME_STEP_GB)
    return (NETWORK_VOLUME * first + NETWORK_VOLUME_ABOVE * above) / HOURS_PER_MONTH


def per_month(per_hour: Decimal) -> Decimal:
    """$ for a month (730 h) at ``per_hour`` $/h."""
    return per_hour * HOURS_PER_MONTH


def cost_of(per_hour: Decimal, running: timedelta) -> Decimal:
    """$ for the time ``running`` at ``per_hour`` $/h, by the second as RunPod bills. 0 for a negative time."""
    micro = Decimal(max(0, running // timedelta(microseconds=1)))
    return per_hour * micro / 1_000_000 / SECONDS_PER_HOUR


def hours_left(balance: Decimal | None, per_hour: Decimal | None) -> Decimal | None:
    """Hours until ``balance`` is used up, 0 if it already is. None when nothing is spent or a value is unknown."""
    if balance is None or per_hour is None or per_hour <= 0:
        return None
    return max(ZERO, balance) / per_hour


def spent_since(
    since: datetime,
    now: datetime,
    records: Iterable[BillingRecord],
    running: Iterable[tuple[str, Decimal, datetime | None]] = (),
) -> Decimal:
    """$ spent in [since, now): the bill, plus the cost of pods since the end of their newest period on it.

    ``running`` has (pod id, $/h, running since). RunPod updates its bill every few minutes, so a pod's newest period
    often shows too little. If this delay explains the difference, the computed cost replaces the billed one. Of a
    period that began before ``since``, only the share after ``since`` counts.
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
    # The present bucket was spent before now, although its end is in the future.
    end = min(record.end, now)
    length = (end - record.start).total_seconds()
    if length <= 0:
        return ZERO if record.start >= now or record.start < since else Decimal(1)
    within = (end - max(record.start, since)).total_seconds()
    return ZERO if within <= 0 else Decimal(str(min(1.0, within / length)))
