"""The cost of a session on a rented pod: rate times time while the pod was observed, else RunPod's bill.

A session begins when its pod is started and outlives the console. It continues while the pod is stopped, because
the pod's disk still costs, and ends when the pod is started again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from labeltui.domain.money import ZERO, BillingRecord, cost_of
from labeltui.domain.pod.pod import Pod

WATCHED = timedelta(minutes=2)  # readings this close together miss no stop and restart
FIRST_START = timedelta(minutes=40)  # a start within this time after the renting is the first one


@dataclass(frozen=True, slots=True)
class SessionCost:
    """The session has cost ``spent`` $ from ``began`` to ``at``, and costs ``rate`` $/h since.

    If ``unseen_from`` is set, nobody observed the pod after that time, and it was stopped some time later. Only
    RunPod's bill has the cost of that time.
    """

    pod_id: str
    began: datetime
    spent: Decimal
    at: datetime
    rate: Decimal
    up: bool
    unseen_from: datetime | None = None

    def until(self, now: datetime) -> Decimal:
        """$ from ``began`` to ``now``, at the last rate."""
        return self.spent + cost_of(self.rate, now - self.at)

    def document(self) -> dict[str, Any]:
        """The document that is stored for the next start of the console."""
        unseen = None if self.unseen_from is None else self.unseen_from.isoformat()
        return {
            "pod": self.pod_id, "began": self.began.isoformat(), "spent": str(self.spent), "at": self.at.isoformat(),
            "rate": str(self.rate), "up": self.up, "unseen_from": unseen,
        }  # fmt: skip

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> SessionCost | None:
        """Load a stored cost. Returns None if the document is missing a field or malformed."""
        try:
            unseen = document["unseen_from"]
            return cls(
                str(document["pod"]), datetime.fromisoformat(document["began"]), Decimal(document["spent"]),
                datetime.fromisoformat(document["at"]), Decimal(document["rate"]), bool(document["up"]),
                None if unseen is None else datetime.fromisoformat(unseen),
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, InvalidOperation):
            return None


def observed(before: SessionCost | None, pod: Pod, now: datetime) -> SessionCost | None:
    """Return the session's cost after one more reading of the pod; None while the pod's price is unknown."""
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
    read_long_ago = now - same.at > WATCHED
    restarted = start is not None and start > same.at and (not same.up or read_long_ago)
    if up and (not same.up or restarted):
        return _begun(pod, min(max(start or now, same.at), now), rate, now)
    if not up and same.up and read_long_ago:
        return replace(same, rate=rate, at=now, up=False, unseen_from=same.unseen_from or same.at)
    if same.unseen_from is not None:
        return same  # unchanged until the bill is read
    # The observed rate applies until another one is observed.
    return replace(same, spent=same.until(now), at=max(now, same.at), rate=rate, up=up)


def _begun(pod: Pod, began: datetime, rate: Decimal, now: datetime) -> SessionCost:
    return SessionCost(pod.id, began, cost_of(rate, now - began), now, rate, pod.status.is_up)


def _start_of(pod: Pod, now: datetime) -> datetime:
    return min(_paid_since(pod) or now, now)  # RunPod's clock may be ahead


def _paid_since(pod: Pod) -> datetime | None:
    """Return the time since which the pod costs money.

    At its first start that is the renting, because the image download costs too.
    """
    start, created = pod.started_at, pod.created_at
    if start is None or (created is not None and timedelta() <= start - created <= FIRST_START):
        return created or start
    return start


def reconciled(cost: SessionCost, records: Iterable[BillingRecord]) -> SessionCost:
    """Return the cost, with RunPod's bill for the time that nobody observed.

    If there is no such time, return it unchanged.
    """
    if cost.unseen_from is None:
        return cost
    gap = ZERO
    for record in records:
        if record.pod_id != cost.pod_id or record.end <= cost.unseen_from or record.start >= cost.at:
            continue
        gap += record.total
        if record.start < cost.unseen_from:  # the part of the bucket before that is counted already
            known = cost.unseen_from - max(record.start, cost.began)
            per_second = cost.spent / Decimal(str(max(1.0, (cost.unseen_from - cost.began).total_seconds())))
            gap -= per_second * Decimal(str(known.total_seconds()))
    return replace(cost, spent=cost.spent + max(ZERO, gap), unseen_from=None)


def costing(
    records: Iterable[BillingRecord], pods: Iterable[Pod]
) -> list[tuple[str, Decimal, datetime | None]]:
    """(pod id, $/h, running since) of each pod that costs money.

    A pod that the bill names may have been stopped in between, so its last start counts. Other pods count from
    the time they were rented.
    """
    billed = {record.pod_id for record in records}
    return [
        (pod.id, pod.cost_per_hour, _paid_since(pod) if pod.id in billed else pod.created_at)
        for pod in pods
        if pod.cost_per_hour
    ]
