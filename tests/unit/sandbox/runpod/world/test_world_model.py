"""The account under random actions and events: the money is right and every answer is legal."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from labeltui.sandbox.runpod.world import events, timeline
from labeltui.sandbox.runpod.world.clock import START, FakeClock
from labeltui.sandbox.runpod.world.pods import ACTIONS, Mount, Pod
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import World
from tests.unit.sandbox.runpod.world.world_steps import spec, wait


class Account(RuleBasedStateMachine):
    """Anything anybody can do, in any order: the books balance and no state is impossible."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(clock=FakeClock(), funds=Decimal(20))
        self.chance = 0

    def some(self, number: int) -> Pod:
        pods = list(self.world.pods.values())
        return pods[number % len(pods)]

    @staticmethod
    def answer(request: Callable[[], object]) -> int:
        """Return the status of a refusal, or 201."""
        try:
            request()
        except Refusal as refusal:
            return refusal.status
        return 201

    @rule(size=st.sampled_from([0, 10, 200]), fault=st.sampled_from([None, "stuck_pulling", "image_refused"]))
    def rent(self, size: int, fault: str | None) -> None:
        if fault is not None:
            self.world.faults.arm(fault)
        answer = self.answer(
            lambda: timeline.create(self.world, spec(mount=Mount("/workspace", size) if size else None))
        )
        assert answer in (201, 402)
        self.world.faults.clear()

    @precondition(lambda self: self.world.pods)
    @rule(number=st.integers(0, 9), action=st.sampled_from(["start", "stop", "restart", "terminate"]))
    def act(self, number: int, action: str) -> None:
        pod = self.some(number)
        legal = action in pod.actions
        answer = self.answer(lambda: timeline.act(self.world, pod.id, action))
        assert answer in ((201, 402, 404) if legal else (404, 409))

    @precondition(lambda self: self.world.pods)
    @rule(number=st.integers(0, 9), event=st.sampled_from(["host_failed", "stopped_elsewhere", "migrated"]))
    def happens(self, number: int, event: str) -> None:
        pod = self.some(number)
        answer = self.answer(lambda: events.happen(self.world, event, pod=pod.id))
        assert answer in (201, 402)
        assert answer == 402 or (pod.id in self.world.pods) == (event != "migrated")

    @rule(seconds=st.sampled_from([0.5, 7, 600, 40_000]))
    def time_passes(self, seconds: float) -> None:
        wait(self.world, seconds)

    @invariant()
    def the_books_balance(self) -> None:
        owners = {segment.owner for segment in self.world.ledger.segments}
        total = sum(
            self.world.ledger.between(owner, kind, START, self.world.now)
            for owner in owners
            for kind in ("gpu", "disk")
        )
        assert abs(self.world.funds - total - self.world.balance()) < Decimal("1e-15")
        rate = sum(sum(pod.rates().values()) for pod in self.world.pods.values())
        assert abs(self.world.ledger.rate() - rate) < Decimal("1e-15")

    @invariant()
    def nothing_is_impossible(self) -> None:
        for pod in self.world.pods.values():
            assert pod.status in ACTIONS
            assert (pod.cost > 0) == (pod.status in ("PROVISIONING", "STARTING", "RUNNING"))
            assert pod.started_at is None or pod.started_at >= pod.created_at
        assert not set(self.world.pods) & set(self.world.gone)


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
