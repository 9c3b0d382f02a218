"""Money to the cent, beside the emulated ledger: stops, starts, price changes, closed consoles, bad bills."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.config.model import RunpodSection
from labeltui.domain.amounts import cents, dollars
from labeltui.domain.documents.pod import money_document
from labeltui.domain.money import Spend, cost_of
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.pod.spending import SessionCost, observed
from labeltui.domain.state import Identity, SessionState
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from labeltui.sandbox.runpod.api.app import build_app
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.clock import START, FakeClock
from labeltui.sandbox.runpod.world.pods import Mount, Spec
from labeltui.sandbox.runpod.world.world import Key, World
from labeltui.session.history.costs import CostHistory
from labeltui.session.history.database import Database
from labeltui.session.pod.account import Access, PodAccount
from labeltui.session.pod.spending import Spending
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from tests.asgi import StreamedAsgi

A5000 = "NVIDIA RTX A5000"
URL = "https://api.runpod.example"
KEY = "rpa_test"


class Desk:
    """One console over an account of this process, with the account's clock in the test's hand."""

    def __init__(self, folder: Path, *, ahead: timedelta = timedelta()) -> None:
        self.world = World(clock=FakeClock(), funds=Decimal(100), keys={KEY: Key()})
        self.state = StateFolder(folder)
        self.ahead = ahead  # of this machine's clock, beside RunPod's
        self.open()

    def now(self) -> datetime:
        return self.world.clock.now() + self.ahead

    def open(self) -> None:
        """A console over the same state as the one before."""
        self.store = Store(SessionState(Identity("p")))
        self.transport = Transport(Secret(KEY), URL, transport=StreamedAsgi(build_app(self.world)))
        self.account = PodAccount(
            self.store, self.now, RunpodSection(pod="annot"), Access(URL, KEY), self.client
        )
        self.database = Database(self.state)
        self.history = CostHistory(self.database)
        self.spending = Spending(self.store, self.account, self.history, self.now)

    async def reopen(self) -> None:
        """The console before has ended, with everything written."""
        await self.database.close()
        self.open()

    def client(self, key: Secret, **_options: object) -> RunpodClient:
        return RunpodClient(key, transport=self.transport, api="v2", now=self.now)

    def rent(self, mount: Mount | None = None) -> str:
        spec = Spec(name="annot", image="i", disk=20, gpu=A5000, mount=mount or Mount("/workspace", 100))
        return timeline.create(self.world, spec).id

    async def watch(self, seconds: float, step: float = 100.0) -> None:
        """Poll the pod as the console does, for that many seconds."""
        await self.spending.load()
        while seconds > 0:
            self.pass_by(min(step, seconds))
            await self.account.pod.poll()
            seconds -= step

    def pass_by(self, seconds: float) -> None:
        """Let time pass without a poll."""
        clock = self.world.clock
        assert isinstance(clock, FakeClock)
        clock.advance(seconds)
        timeline.advance(self.world)

    @property
    def spend(self) -> Spend:
        value = self.store.state.spend.value
        assert value is not None
        return value

    def paid(self, pod_id: str, since: datetime) -> Decimal:
        """What the account's ledger has for the pod."""
        kinds = ("gpu", "cpu", "disk")
        now = self.world.clock.now()
        return sum((self.world.ledger.between(pod_id, kind, since, now) for kind in kinds), Decimal(0))


async def test_a_session_to_the_cent_from_the_rent_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pod = desk.rent()
    desk.pass_by(90)  # the image is pulled: that is paid for
    await desk.watch(3 * 3600)
    assert cents(desk.spend.session or Decimal(-1)) == cents(desk.paid(pod, START)) > Decimal("0.85")
    assert desk.spend.session_since == START


async def test_a_stop_a_stopped_disk_and_another_session(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pod = desk.rent()
    await desk.watch(3600)
    timeline.act(desk.world, pod, "stop")
    await desk.watch(8 * 3600)
    first = desk.paid(pod, START)
    assert cents(desk.spend.session or Decimal(-1)) == cents(first)
    assert first > Decimal("0.5")  # the disk while stopped is in it
    timeline.act(desk.world, pod, "start")
    again = desk.world.clock.now()
    await desk.watch(1800)
    assert cents(desk.spend.session or Decimal(-1)) == cents(desk.paid(pod, again)) < Decimal("0.20")


async def test_a_console_that_was_closed_meanwhile_misses_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pod = desk.rent()
    await desk.watch(1800)
    desk.pass_by(7 * 3600)
    await desk.reopen()
    await desk.watch(60)
    assert cents(desk.spend.session or Decimal(-1)) == cents(desk.paid(pod, START))


async def test_todays_cost_is_not_less_than_a_sessions_that_began_today(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.spending.refresh()  # the bill is read before the pod is rented
    desk.rent()
    await desk.watch(40)
    assert desk.spend.today == desk.spend.session
    assert dollars(desk.spend.today or 0) == "<$0.01"


async def test_a_stop_that_nobody_saw_is_taken_from_the_bill(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pod = desk.rent()
    await desk.watch(2700)
    desk.pass_by(2 * 3600)
    timeline.act(desk.world, pod, "stop")
    desk.pass_by(3 * 3600)
    await desk.reopen()
    await desk.watch(20)
    assert desk.spend.session is None
    assert "labeltui was not open" in desk.spend.why
    assert await desk.spending.refresh()
    assert cents(desk.spend.session or Decimal(-1)) == cents(desk.paid(pod, START))


async def test_each_session_is_stored_once_also_when_two_processes_watch(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pod = desk.rent()
    await desk.watch(1800)
    await desk.reopen()  # a command beside it
    await desk.watch(600)
    assert len(await desk.spending.sessions()) == 1
    timeline.act(desk.world, pod, "stop")
    await desk.watch(600)
    timeline.act(desk.world, pod, "start")
    again = desk.world.clock.now()
    await desk.watch(1200)
    first, second = await desk.spending.sessions()
    assert (first.began, cents(first.spent)) == (START, cents(desk.paid(pod, START) - desk.paid(pod, again)))
    assert timedelta() <= second.began - again < timedelta(seconds=2)
    assert cents(second.spent) == cents(desk.paid(pod, again))


async def test_a_pod_that_is_resumed_after_another_goes_on_with_its_own_cost(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    first = desk.rent()
    await desk.watch(3600)
    timeline.act(desk.world, first, "stop")
    await desk.watch(600)
    stopped = desk.spend.session
    other = timeline.create(desk.world, Spec(name="other", image="i", disk=20, gpu=A5000)).id
    desk.account.adopt(await (await desk.account.client()).pod(other), None)
    await desk.watch(600)
    await desk.reopen()
    await desk.watch(100)
    assert desk.spend.session_since == START
    assert (
        cents(desk.spend.session or Decimal(-1))
        == cents(desk.paid(first, START))
        >= cents(stopped or Decimal(0))
    )


async def test_an_older_observation_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    costs = CostHistory(Database(StateFolder(tmp_path)))
    newer = SessionCost("a", START, Decimal(2), START + timedelta(hours=2), Decimal(1), up=True)
    older = SessionCost("a", START, Decimal(1), START + timedelta(hours=1), Decimal(1), up=True)
    costs.put(newer)
    costs.put(older)
    assert await costs.load() == [newer]


async def test_a_price_that_changes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pod = desk.rent()
    await desk.watch(3600)
    desk.world.pods[pod].gpu_price = Decimal("0.54")
    desk.world.meter(desk.world.pods[pod], desk.world.clock.now())
    await desk.watch(3600)
    assert abs((desk.spend.session or Decimal(0)) / desk.paid(pod, START) - 1) < Decimal("0.02")


@pytest.mark.parametrize("ahead", [timedelta(minutes=-3), timedelta(minutes=3)])
async def test_clocks_that_differ_are_no_more_than_that_off(tmp_path: Path, ahead: timedelta) -> None:
    desk = Desk(tmp_path, ahead=ahead)
    pod = desk.rent()
    await desk.watch(2 * 3600)
    off = cost_of(desk.spend.per_hour or Decimal(0), abs(ahead))
    assert abs((desk.spend.session or Decimal(0)) - desk.paid(pod, START)) <= off + Decimal("0.001")


async def test_today_is_the_bill_and_what_it_does_not_have_yet(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    pod = desk.rent()
    other = timeline.create(desk.world, Spec(name="other", image="i", disk=20, gpu=A5000)).id
    for minutes in (7, 61, 64, 179):
        await desk.watch(minutes * 60, step=300)
        assert await desk.spending.refresh()
        paid = desk.paid(pod, START) + desk.paid(other, START)
        assert cents(desk.spend.today or Decimal(-1)) == cents(paid), minutes


@pytest.mark.parametrize(
    "answer",
    [{"status": 429, "shape": "problem"}, {"status": 500, "shape": "text"}, {"status": 503, "shape": "html"}],
)
async def test_a_bill_that_fails_leaves_the_old_figure_with_the_reason(
    tmp_path: Path, answer: dict[str, Any]
) -> None:
    desk = Desk(tmp_path)
    desk.rent()
    await desk.watch(3600)
    assert await desk.spending.refresh()
    before = desk.spend
    await desk.watch(600)
    desk.transport.sleep = _at_once
    desk.world.faults.arm("status", times=50, detail="no", **answer)
    assert not await desk.spending.refresh()
    desk.world.faults.clear()
    assert desk.spend.bill_error
    assert (desk.spend.today_at or START) <= (before.today_at or START) + timedelta(hours=1)
    assert desk.spend.today is not None
    assert desk.spend.session is not None  # the pod was polled all the time
    document = money_document(desk.store.state, desk.now())
    assert document is not None
    assert document["bill_error"]
    assert document["balance"] is None


async def _at_once(_seconds: float) -> None:
    return


def test_what_is_not_known_is_null_and_not_zero() -> None:
    assert money_document(SessionState(Identity("p")), START) is None
    pod = Pod("a", "annot", PodStatus.RUNNING, START)
    assert observed(None, pod, START) is None


@given(st.lists(st.tuples(st.sampled_from(["stop", "start", "wait"]), st.integers(20, 7200)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_whatever_happens_in_sight_is_within_two_percent(life: list[tuple[str, int]]) -> None:
    now, up, cost = START, True, None
    began, paid = START, Decimal(0)
    rates = {True: Decimal("0.30"), False: Decimal("0.03")}
    started = START
    for what, seconds in [("wait", 3600), *life]:
        if what == "stop" and up:
            up = False
        elif what == "start" and not up:
            up, began, started, paid = True, now, now, Decimal(0)
        for _ in range(0, seconds, 20):
            now += timedelta(seconds=20)
            paid += rates[up] * 20 / 3600
            status = PodStatus.RUNNING if up else PodStatus.STOPPED
            pod = Pod(
                "a", "annot", status, now, compute_per_hour=rates[True], started_at=started, created_at=START,
                volume_disk_gb=0 if up else 110,
            )  # fmt: skip
            if up:
                pod = Pod(
                    "a",
                    "annot",
                    status,
                    now,
                    compute_per_hour=rates[True],
                    started_at=started,
                    created_at=START,
                )
            else:
                rates[False] = pod.cost_per_hour_stopped
            cost = observed(cost, pod, now)
    assert cost is not None
    assert cost.began == began
    assert abs(cost.spent - paid) <= max(paid * Decimal("0.02"), Decimal("0.01"))
    assert SessionCost.of_document(cost.document()) == cost
