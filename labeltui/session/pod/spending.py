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
from labeltui.session.pod.account import STEADY_S, PodAccount
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, error_text
from labeltui.support.backoff import backoff_s

BILL_S = 300.0  # RunPod updates its bill at this interval
DOCUMENT = "spending"


class Spending:
    """Writes the store's field ``spend``.

    The session's cost is stored on disk, so the sum continues when labeltui starts again.
    """

    def __init__(self, store: Store, account: PodAccount, state: StateFolder, clock: Clock) -> None:
        self._store, self._account, self._state, self._clock = store, account, state, clock
        self._cost = SessionCost.of_document(state.read(DOCUMENT))
        self._bill: tuple[datetime, tuple[BillingRecord, ...], tuple[Pod, ...]] | None = None
        self._error = ""
        self._spend = store.own(Fields.spend)
        store.subscribe(self._on_store)

    async def run(self) -> None:
        """Read the bill every 5 minutes until cancelled, and sooner after a failure."""
        failures = 0
        while True:
            failures = 0 if await self.refresh() else failures + 1
            await asyncio.sleep(min(BILL_S, backoff_s(failures, 5.0)) if failures else BILL_S)

    async def refresh(self) -> bool:
        """Read the bill now. Returns False if it could not be read; the old figure is then shown with the error."""
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
            if self._cost is not None:
                self._store_cost(reconciled(self._cost, records))
        self._publish()
        return not self._error

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if Fields.pod not in changed:
            return
        pod = state.pod.value
        if pod is not None and state.pod.error is None and pod.status is not PodStatus.UNKNOWN:
            self._store_cost(observed(self._cost, pod, self._clock()))
        self._publish()

    def _store_cost(self, cost: SessionCost | None) -> None:
        if cost is None or cost == self._cost:
            return
        self._cost = cost
        self._state.write(DOCUMENT, cost.document())

    def _publish(self) -> None:
        state, now = self._store.state, self._clock()
        pod, cost = state.pod.value, self._cost
        if pod is None and self._bill is None:
            return
        mine = cost if cost is not None and pod is not None and cost.pod_id == pod.id else None
        unseen = mine is not None and mine.unseen_from is not None
        why = "RunPod has not reported the pod's price yet" if mine is None else ""
        if unseen:
            why = "the pod was stopped while no labeltui was open, and the bill of that time is not known"
        today, today_at = self._today(now)
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

    def _today(self, now: datetime) -> tuple[Decimal | None, datetime | None]:
        if self._bill is None:
            return None, None
        read_at, records, pods = self._bill
        if self._error:  # keep the old figure; an estimate would grow
            now = read_at
        return spent_since(_midnight(now), now, records, costing(records, pods)), now


def _midnight(now: datetime) -> datetime:
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
