"""What a session on a rented pod has cost: rate times time as the pod was seen, the bill where nobody looked. Pure.

A session begins when its pod is started, outlives the console, and goes on while the pod is stopped and its disk still
costs, until the pod is started again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from labeltui.domain.money import ZERO, BillingRecord, cost_of
from labeltui.domain.pod.pod import Pod

WATCHED = timedelta(minutes=2)  # between two looks that are this close the pod did not stop and start unseen
FIRST_START = timedelta(
    minutes=40
)  # a pod that began to run so soon after it was rented has not been stopped yet


@dataclass(frozen=True, slots=True)
class SessionCost:
    """``spent`` $ from ``began`` to ``at``; from then on ``rate`` $/h.

    ``unseen_from``: the pod was stopped at some time after it, which only the bill can tell.
    """

    pod_id: str
    began: datetime
    spent: Decimal
    at: datetime
    rate: Decimal
    up: bool
    unseen_from: datetime | None = None

    def until(self, now: datetime) -> Decimal:
        """$ from the beginning to ``now``, at the last rate."""
        return self.spent + cost_of(self.rate, now - self.at)

    def document(self) -> dict[str, Any]:
        """As it is kept over restarts of the console."""
        unseen = None if self.unseen_from is None else self.unseen_from.isoformat()
        return {
            "pod": self.pod_id, "began": self.began.isoformat(), "spent": str(self.spent), "at": self.at.isoformat(),
            "rate": str(self.rate), "up": self.up, "unseen_from": unseen,
        }  # fmt: skip

    @classmethod
    def of_document(cls, told: Mapping[str, Any]) -> SessionCost | None:
        """What was kept; None for what is none."""
        try:
            unseen = told["unseen_from"]
            return cls(
                str(told["pod"]), datetime.fromisoformat(told["began"]), Decimal(told["spent"]),
                datetime.fromisoformat(told["at"]), Decimal(told["rate"]), bool(told["up"]),
                None if unseen is None else datetime.fromisoformat(unseen),
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, InvalidOperation):
            return None


def observed(before: SessionCost | None, pod: Pod, now: datetime) -> SessionCost | None:
    """The session's cost after the pod was seen once more; None while its price has never been told."""
    same = before if before is not None and before.pod_id == pod.id else None
    rate = pod.cost_per_hour
    if rate is None:
        if same is None:
            return None
        rate = same.rate
    up = pod.status.is_up
    if same is None:
        return _begun(pod, _start_of(pod, now) if up else now, rate, now)
    start = pod.started_at
    seen_long_ago = now - same.at > WATCHED
    restarted = start is not None and start > same.at and (not same.up or seen_long_ago)
    if up and (not same.up or restarted):
        return _begun(pod, min(max(start or now, same.at), now), rate, now)
    if not up and same.up and seen_long_ago:
        return replace(same, rate=rate, at=now, up=False, unseen_from=same.unseen_from or same.at)
    if same.unseen_from is not None:
        return same  # until the bill tells
    # The rate that was seen holds until another one is.
    return replace(same, spent=same.until(now), at=max(now, same.at), rate=rate, up=up)


def _begun(pod: Pod, began: datetime, rate: Decimal, now: datetime) -> SessionCost:
    return SessionCost(pod.id, began, cost_of(rate, now - began), now, rate, pod.status.is_up)


def _start_of(pod: Pod, now: datetime) -> datetime:
    return min(_paid_since(pod) or now, now)  # RunPod's clock may be ahead of ours


def _paid_since(pod: Pod) -> datetime | None:
    """Since when it is paid for: a pod costs from the moment it is rented, while its image is still pulled."""
    start, created = pod.started_at, pod.created_at
    if start is None or (created is not None and timedelta() <= start - created <= FIRST_START):
        return created or start
    return start


def reconciled(cost: SessionCost, records: Iterable[BillingRecord]) -> SessionCost:
    """The cost with the time that nobody saw taken from the bill. Unchanged when there was none."""
    if cost.unseen_from is None:
        return cost
    gap = ZERO
    for record in records:
        if record.pod_id != cost.pod_id or record.end <= cost.unseen_from or record.start >= cost.at:
            continue
        gap += record.total
        if record.start < cost.unseen_from:  # what the bucket holds of the time before is counted already
            known = cost.unseen_from - max(record.start, cost.began)
            whole = cost.spent / Decimal(str(max(1.0, (cost.unseen_from - cost.began).total_seconds())))
            gap -= whole * Decimal(str(known.total_seconds()))
    return replace(cost, spent=cost.spent + max(ZERO, gap), unseen_from=None)


def costing(
    records: Iterable[BillingRecord], pods: Iterable[Pod]
) -> list[tuple[str, Decimal, datetime | None]]:
    """What each pod costs, and since when: one that is billed may have been stopped before, so its start counts."""
    billed = {record.pod_id for record in records}
    return [
        (pod.id, pod.cost_per_hour, _paid_since(pod) if pod.id in billed else pod.created_at)
        for pod in pods
        if pod.cost_per_hour
    ]
