"""Money on a fake clock: to the cent, and to the last digit where that can be said."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.sandbox.runpod.api import billing
from labeltui.sandbox.runpod.world import edits, events, money, requests, timeline
from labeltui.sandbox.runpod.world.clock import START, FakeClock
from labeltui.sandbox.runpod.world.money import Ledger
from labeltui.sandbox.runpod.world.pods import Mount, Spec
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import World

A5000 = "NVIDIA RTX A5000"  # 0.27 USD per hour
HOUR = 3600


def world(funds: str = "100.00") -> World:
    return World(clock=FakeClock(), funds=Decimal(funds))


def spec(mount: Mount | None = None, **changes: object) -> Spec:
    made = Spec(name="x", image="i", disk=20, gpu=A5000, mount=mount)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def wait(account: World, seconds: float) -> None:
    assert isinstance(account.clock, FakeClock)
    account.clock.advance(seconds)
    timeline.advance(account)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def network(account: World, size: int = 100) -> Mount:
    wanted = requests.check(requests.CreateVolume, {"name": "v", "size": size, "dataCenter": "EU-RO-1"})
    return Mount("/workspace", volume=edits.create_volume(account, wanted).id)


@pytest.mark.parametrize(
    ("mount", "running", "stopped"),
    [
        (None, "0.272740", "0.000000"),  # 20 GB of container disk beside the GPU
        (Mount("/workspace", 100), "0.286438", "0.027397"),  # the notes' example: 0.0274 while stopped
    ],
)
def test_rates_running_and_stopped(mount: Mount | None, running: str, stopped: str) -> None:
    account = world()
    pod = timeline.create(account, spec(mount))
    assert round(account.ledger.rate(), 6) == Decimal(running)
    wait(account, 60)
    timeline.act(account, pod.id, "stop")
    assert (pod.cost, round(account.ledger.rate(), 6)) == (0, Decimal(stopped))
    timeline.act(account, pod.id, "terminate")
    assert account.ledger.rate() == 0


@pytest.mark.parametrize(("size", "rate"), [(100, "0.07"), (999, "0.07"), (1000, "0.05"), (4000, "0.05")])
def test_a_network_volume_costs_used_or_not(size: int, rate: str) -> None:
    account = world()
    network(account, size)
    wait(account, 730 * HOUR)
    assert account.ledger.spent(account.now) == size * Decimal(rate)


def test_a_day_with_a_pod_to_the_cent() -> None:
    """Eight hours on, sixteen off, with 100 GB of volume disk; billed from the rent on, the pull too."""
    account = world()
    pod = timeline.create(account, spec(Mount("/workspace", 100)))
    wait(account, 8 * HOUR)
    gpu, disk = Decimal("2.16"), (120 * Decimal("0.10") / 730) * 8
    assert account.ledger.between(pod.id, "gpu", START, account.now) == gpu
    assert cents(account.balance()) == cents(100 - gpu - disk) == Decimal("97.71")
    timeline.act(account, pod.id, "stop")
    wait(account, 16 * HOUR)
    disk += 100 * Decimal("0.20") / 730 * 16
    assert cents(account.balance()) == cents(100 - gpu - disk) == Decimal("97.27")
    assert account.ledger.between(pod.id, "gpu", START, account.now) == gpu


def test_a_price_change_is_for_pods_rented_later() -> None:
    account = world()
    old = timeline.create(account, spec())
    events.happen(account, "price", gpu=A5000, secure="1.00")
    new = timeline.create(account, spec())
    wait(account, HOUR)
    assert [account.ledger.between(pod.id, "gpu", START, account.now) for pod in (old, new)] == [
        Decimal("0.27"),
        Decimal("1.00"),
    ]


def test_at_zero_pods_without_a_network_volume_are_terminated_at_that_very_second() -> None:
    account = world("2.70")
    survivor = timeline.create(account, spec(network(account), disk=1))
    lost = timeline.create(account, spec(Mount("/workspace", 10), disk=1))
    stopped = timeline.create(account, spec(disk=1))
    wait(account, 60)
    timeline.act(account, stopped.id, "stop")
    rate = account.ledger.rate()
    end = account.now + timedelta(seconds=float(account.balance() / rate * HOUR))
    wait(account, (end - account.now).total_seconds() - 1)
    assert {pod.status for pod in account.pods.values()} == {"RUNNING", "EXITED"}
    wait(account, 20 * HOUR)
    assert list(account.pods) == [survivor.id]
    assert (survivor.status, lost.status, stopped.status) == ("EXITED", "TERMINATED", "TERMINATED")
    assert survivor.change.startswith("Exited by Runpod: ")
    assert abs((account.gone[lost.id][1] - end).total_seconds()) < 0.001
    assert survivor.exited_at == account.gone[lost.id][1]
    storage = account.ledger.rate()  # it goes on, below zero
    assert round(storage, 8) == round(100 * Decimal("0.07") / 730, 8)
    owed = -account.balance()
    assert cents(owed) == cents(storage * money.seconds(account.now - end) / HOUR)


def test_setting_the_balance_to_zero_is_the_end_at_once() -> None:
    account = world()
    pod = timeline.create(account, spec())
    events.happen(account, "balance", dollars=0)
    assert pod.status == "TERMINATED"
    events.happen(account, "balance", dollars="50")
    assert cents(account.balance()) == 50


@pytest.mark.parametrize(
    ("funds", "limit", "count", "refused"),
    [
        ("0.26", "80", 1, "Insufficient balance"),
        ("0.27", "80", 1, None),
        ("100", "1.00", 4, "INSUFFICIENT_BALANCE: Renting this pod would put you over your current spending"),
        ("100", "1.08", 4, None),
    ],
)
def test_an_hour_of_credit_and_the_limit(funds: str, limit: str, count: int, refused: str | None) -> None:
    account = world(funds)
    account.spend_limit = Decimal(limit)
    if refused is None:
        assert timeline.create(account, spec(gpu_count=count)).gpus == count
        return
    with pytest.raises(Refusal, match=refused) as refusal:
        timeline.create(account, spec(gpu_count=count))
    assert refusal.value.status == 402


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["start", "stop", "restart"]), st.integers(1, 40_000)), max_size=12),
    st.sampled_from(["hour", "day", "week", "month", "year"]),
)
def test_buckets_add_up_to_what_was_spent(steps: list[tuple[str, int]], size: str) -> None:
    account = world("1000")
    pod = timeline.create(account, spec(Mount("/workspace", 50)))
    for action, seconds in steps:
        if action in pod.actions:
            timeline.act(account, pod.id, action)
        wait(account, seconds)
    start, end = billing.bucket_start(START, size), billing.ceiling(account.now, size)
    total = sum(
        (
            account.ledger.between(pod.id, kind, first, min(last, account.now))
            for first, last in billing.buckets(start, end, size)
            for kind in ("gpu", "cpu", "disk")
        ),
        Decimal(0),
    )
    assert abs(total - account.ledger.spent(account.now)) < Decimal("1e-18")
    assert abs(1000 - total - account.balance()) < Decimal("1e-18")


def test_a_ledger_with_the_same_rate_goes_on() -> None:
    ledger = Ledger()
    for hour in range(3):
        ledger.set_rates("pod", {"gpu": Decimal("0.27"), "disk": Decimal(0)}, START + timedelta(hours=hour))
    assert len(ledger.segments) == 1
    assert ledger.spent(START + timedelta(hours=4)) == Decimal("1.08")
    assert ledger.lasts_until(Decimal("0.54"), START) == START + timedelta(hours=2)
    assert Ledger().lasts_until(Decimal(1), START) is None


@pytest.mark.parametrize(
    ("size", "start", "end"),
    [
        ("hour", "2026-11-23T09:00:00+00:00", "2026-11-23T10:00:00+00:00"),
        ("day", "2026-11-23T00:00:00+00:00", "2026-11-24T00:00:00+00:00"),
        ("week", "2026-11-23T00:00:00+00:00", "2026-11-30T00:00:00+00:00"),
        ("month", "2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        ("year", "2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_the_bounds_of_a_bucket(size: str, start: str, end: str) -> None:
    inside = START + timedelta(minutes=7)
    assert (billing.bucket_start(inside, size).isoformat(), billing.ceiling(inside, size).isoformat()) == (
        start,
        end,
    )
