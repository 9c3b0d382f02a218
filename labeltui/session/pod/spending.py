"""Computes the cost of this session from the pod's price, and reads the cost of today from RunPod's bill."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from labeltui.domain.money import BillingRecord, Spend, spent_since
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.pod.spending import SessionCost, costing, observed, reconciled
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.session.history.costs import CostHistory
from labeltui.session.pod.account import STEADY_S, PodAccount
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, error_text
from labeltui.support.backoff import backoff_s

BILL_S = 300.0  # RunPod updates its bill at this interval


class Spending:
    """Writes the store's field ``spend``.

    The costs of sessions are stored, so the sum continues when labeltui starts again.
    """

    def __init__(self, store: Store, account: PodAccount, history: CostHistory, clock: Clock) -> None:
        self._store, self._account, self._history, self._clock = store, account, history, clock
        self._costs: dict[str, SessionCost] = {}  # of the newest session of each pod
        self._loading, self._loaded = asyncio.Lock(), False
        self._load_task: asyncio.Task[None] | None = None
        self._bill: tuple[datetime, tuple[BillingRecord, ...], tuple[Pod, ...]] | None = None
        self._error = ""
        self._spend = store.own(Fields.spend)
        store.subscribe(self._on_store)

    async def load(self) -> None:
        """Load the costs of earlier sessions, once. Without them, the present session's cost would start at zero."""
        async with self._loading:
            if self._loaded:
                return
            self._costs = {cost.pod_id: cost for cost in await self._history.load()}
            self._loaded = True
        self._observe(self._store.state)

    async def sessions(self) -> list[SessionCost]:
        """Return the stored sessions of every pod, the one that was observed last at the end."""
        return await self._history.load()

    async def run(self) -> None:
        """Read the bill every 5 minutes until cancelled, and sooner after a failure."""
        failures = 0
        while True:
            failures = 0 if await self.refresh() else failures + 1
            await asyncio.sleep(min(BILL_S, backoff_s(failures, 5.0)) if failures else BILL_S)

    async def refresh(self) -> bool:
        """Read the bill now. Returns False if it could not be read; the old figure is then shown with the error."""
        await self.load()
        now = self._clock()
        since = _midnight(now)
        if self._cost is not None and self._cost.unseen_from is not None:
            since = min(since, self._cost.unseen_from.replace(minute=0, second=0, microsecond=0))
        try:
            client = await self._account.client()
            records, pods = await client.bill(since), await client.pods()
        except LabeltuiError as error:
            self._error = error_text(error)
        else:
            self._error, self._bill = "", (now, records, pods)
            if (cost := self._cost) is not None:
                self._store_cost(reconciled(cost, records))
        self._publish()
        return not self._error

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if Fields.pod not in changed:
            return
        if self._loaded:
            self._observe(state)
        elif self._load_task is None:
            self._load_task = asyncio.get_running_loop().create_task(self.load())

    def _observe(self, state: SessionState) -> None:
        pod = state.pod.value
        if pod is not None and state.pod.error is None and pod.status is not PodStatus.UNKNOWN:
            self._store_cost(observed(self._costs.get(pod.id), pod, self._clock()))
        self._publish()

    @property
    def _cost(self) -> SessionCost | None:
        """The cost of the profile's pod, or of the pod that was observed last."""
        pod = self._store.state.pod.value
        return self._costs.get(pod.id) if pod is not None else next(reversed(self._costs.values()), None)

    def _store_cost(self, cost: SessionCost | None) -> None:
        if cost is None or cost == self._costs.get(cost.pod_id):
            return
        self._costs[cost.pod_id] = cost
        self._history.put(cost)

    def _publish(self) -> None:
        state, now = self._store.state, self._clock()
        pod, cost = state.pod.value, self._cost
        if pod is None and self._bill is None:
            return
        mine = cost if pod is not None else None
        unseen = mine is not None and mine.unseen_from is not None
        why = "RunPod has not reported the pod's price yet" if mine is None else ""
        if unseen:
            why = "the pod was stopped while labeltui was not open, and the bill of that time is unknown"
        today, today_at = self._today(now, None if unseen else mine)
        spend = Spend(
            session=mine.spent if mine is not None and not unseen else None,
            session_since=mine.began if mine is not None else None,
            per_hour=pod.cost_per_hour if pod is not None else None,
            why=why,
            bill_error=self._error,
            today=today,
            today_at=today_at,
        )
        reading: Reading[Spend] = Reading(spend, now, interval_s=STEADY_S)
        if state.pod.error is not None:  # the cost can't be newer than the pod's own reading
            reading = replace(self._spend.value, value=spend).failed(state.pod.error)
        self._spend.write(reading)

    def _today(self, now: datetime, mine: SessionCost | None) -> tuple[Decimal | None, datetime | None]:
        """Return today's cost and its time.

        Adds ``mine``, the cost of the profile's pod, which may be newer than the bill.
        """
        if self._bill is None:
            return None, None
        read_at, records, pods = self._bill
        if self._error:  # keep the old figure; an estimate would grow
            now = read_at
        today = spent_since(_midnight(now), now, records, costing(records, pods))
        if mine is not None and not self._error and mine.began >= _midnight(now):
            today = max(today, mine.spent)
        return today, now


def _midnight(now: datetime) -> datetime:
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
