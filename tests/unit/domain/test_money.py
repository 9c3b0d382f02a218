"""Cents are exact, and a stopped pod is not free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain import money
from labeltui.domain.amounts import cents
from labeltui.domain.deploy.catalogue import NetworkVolume
from labeltui.domain.money import BillingRecord, cost_of, disk_per_hour, hours_left, spent_since
from labeltui.domain.pod.pod import Pod, PodStatus

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pod(status: PodStatus, **fields: object) -> Pod:
    return Pod("id", "annot", status, NOON, **fields)  # type: ignore[arg-type]


def test_a_stopped_volume_of_100_gb_is_20_dollars_a_month() -> None:
    stopped = pod(
        PodStatus.STOPPED, container_disk_gb=50, volume_disk_gb=100, compute_per_hour=Decimal("0.0")
    )
    assert stopped.cost_per_hour == stopped.cost_per_hour_stopped
    assert cents(money.per_month(stopped.cost_per_hour_stopped)) == Decimal("20.00")
    assert stopped.cost_per_hour_stopped.quantize(Decimal("0.0001")) == Decimal("0.0274")


def test_a_running_pod_pays_for_its_disks_too() -> None:
    running = pod(
        PodStatus.RUNNING, container_disk_gb=73, volume_disk_gb=73, compute_per_hour=Decimal("0.27")
    )
    assert running.cost_per_hour == Decimal("0.29")
    assert pod(PodStatus.RUNNING).cost_per_hour is None
    assert pod(PodStatus.TERMINATED, volume_disk_gb=100).cost_per_hour == 0


@pytest.mark.parametrize(("size", "month"), [(100, "7.00"), (1000, "70.00"), (2000, "120.00"), (0, "0.00")])
def test_network_volumes(size: int, month: str) -> None:
    assert cents(money.per_month(NetworkVolume("v", "n", size, "EU").cost_per_hour)) == Decimal(month)


@given(st.integers(0, 4000), st.integers(0, 4000), st.integers(0, 4000))
def test_stopping_frees_the_container_disk_and_doubles_the_volume(
    box: int, volume: int, network: int
) -> None:
    running = disk_per_hour(container_gb=box, volume_gb=volume, network_gb=network)
    stopped = disk_per_hour(container_gb=box, volume_gb=volume, network_gb=network, running=False)
    difference = (Decimal("0.10") * volume - Decimal("0.10") * box) / 730
    assert abs((stopped - running) - difference) < Decimal("1e-20")


@pytest.mark.parametrize(
    ("rate", "time", "cost"),
    [
        ("0.27", timedelta(hours=8), "2.16"),
        ("0.44", timedelta(seconds=1), "0.00"),
        ("3.59", timedelta(days=30), "2584.80"),
        ("1", timedelta(seconds=18), "0.01"),
        ("1", timedelta(hours=-1), "0.00"),
    ],
)
def test_rate_times_time(rate: str, time: timedelta, cost: str) -> None:
    assert cents(cost_of(Decimal(rate), time)) == Decimal(cost)


@pytest.mark.parametrize(
    ("balance", "rate", "left"),
    [("10", "0.5", 20), ("-3", "0.5", 0), ("10", "0", None), (None, "1", None), ("10", None, None)],
)
def test_hours_left(balance: str | None, rate: str | None, left: int | None) -> None:
    assert hours_left(Decimal(balance) if balance else None, Decimal(rate) if rate else None) == left


def record(pod_id: str, start: datetime, total: str, hours: int = 1) -> BillingRecord:
    return BillingRecord(pod_id, start, start + hours * HOUR, Decimal(total))


def test_spent_is_the_bill_and_what_it_does_not_have_yet() -> None:
    midnight = NOON - 12 * HOUR
    records = [record("a", NOON - 3 * HOUR, "0.27"), record("a", NOON - 2 * HOUR, "0.27")]
    running = [("a", Decimal("0.27"), NOON - 9 * HOUR), ("b", Decimal("1"), NOON - timedelta(minutes=30))]
    assert spent_since(midnight, NOON, records, running) == Decimal("0.27") * 3 + Decimal("0.5")


def test_the_bucket_of_now_is_not_counted_twice() -> None:
    half = NOON + timedelta(minutes=30)
    records = [record("a", NOON, "0.135")]
    assert spent_since(NOON - 12 * HOUR, half, records, [("a", Decimal("0.27"), NOON)]) == Decimal("0.135")


def test_a_bucket_across_midnight_counts_by_its_share() -> None:
    records = [record("a", NOON - 2 * HOUR, "2.00", hours=2), record("a", NOON - 9 * HOUR, "7")]
    assert spent_since(NOON - HOUR, NOON, records) == Decimal("1.0")


def test_a_pod_started_before_since_counts_from_since() -> None:
    assert spent_since(NOON - HOUR, NOON, [], [("a", Decimal(2), None)]) == 2
