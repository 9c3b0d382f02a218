"""REST v2: the bill for pods, in buckets of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeltui.sandbox.runpod.api.query import choices, instant, whole, world_of
from labeltui.sandbox.runpod.world.clock import rfc3339
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import World

_AMOUNTS = {"gpuAmount": "gpu", "cpuAmount": "cpu", "diskAmount": "disk"}
_JOB = timedelta(minutes=5)  # interval of the billing job


async def bills(request: Request) -> Response:
    """Return the costs of pods by time and pod, up to the last run of the billing job."""
    world = world_of(request)
    size = (choices(request, "bucketSize", ("hour", "day", "week", "month", "year")) or ("day",))[0]
    start, end = _window(request, world, size)
    pod = request.query_params.get("podId")
    known = floor(world.now, _JOB)
    owners = dict.fromkeys(one.owner for one in world.ledger.segments if one.kind != "network")
    records = []
    for first, last in buckets(start, end, size):
        for owner in owners:
            if pod not in (None, owner):
                continue
            amounts = {
                name: world.ledger.between(owner, kind, first, min(last, known))
                for name, kind in _AMOUNTS.items()
            }
            if any(amounts.values()):
                records.append((owner, first, last, amounts))
    query = {"startTime": rfc3339(start), "endTime": rfc3339(end), "bucketSize": size, "podId": pod}
    totals = {name: sum((one[3][name] for one in records), Decimal(0)) for name in _AMOUNTS}
    return JSONResponse(
        {
            "records": [
                {"podId": owner, "startTime": rfc3339(first), "endTime": rfc3339(last), **_money(amounts)}
                for owner, first, last, amounts in records
            ],
            "metadata": {
                "query": query,
                "recordCount": len(records),
                "uniquePodCount": len({one[0] for one in records}),
                "totals": _money(totals),
            },
        }
    )


def _money(amounts: dict[str, Decimal]) -> dict[str, float]:
    return {"totalAmount": float(sum(amounts.values(), Decimal(0)))} | {
        name: float(value) for name, value in amounts.items()
    }


def _window(request: Request, world: World, size: str) -> tuple[datetime, datetime]:
    query = request.query_params
    last = ceiling(world.now, size)
    if "lastN" in query:
        if "startTime" in query or "endTime" in query:
            raise Refusal(400, "lastN is mutually exclusive with startTime and endTime")
        start = last
        for _ in range(whole(request, "lastN", 1, 1, 10000)):
            start = bucket_start(start - timedelta(microseconds=1), size)
        return start, last
    end = ceiling(instant(query["endTime"], "query.endTime"), size) if "endTime" in query else last
    first = (
        instant(query["startTime"], "query.startTime") if "startTime" in query else end - timedelta(days=30)
    )
    return bucket_start(first, size), end


def floor(at: datetime, step: timedelta) -> datetime:
    """Round ``at`` down to a multiple of ``step`` since midnight."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // step * step


def bucket_start(at: datetime, size: str) -> datetime:
    """Return the start of the bucket that contains ``at``."""
    at = at.replace(minute=0, second=0, microsecond=0)
    if size == "hour":
        return at
    at = at.replace(hour=0)
    if size == "week":
        return at - timedelta(days=at.weekday())
    if size == "month":
        return at.replace(day=1)
    return at.replace(month=1, day=1) if size == "year" else at


def next_bucket(start: datetime, size: str) -> datetime:
    """Return the start of the next bucket. ``start`` is the start of a bucket."""
    longest = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}[size]
    return bucket_start(start + timedelta(days=longest), size)


def ceiling(at: datetime, size: str) -> datetime:
    """Round ``at`` up to the start of a bucket."""
    start = bucket_start(at, size)
    return start if start == at else next_bucket(start, size)


def buckets(start: datetime, end: datetime, size: str) -> Iterator[tuple[datetime, datetime]]:
    """Split the time between ``start`` and ``end`` into buckets."""
    while start < end:
        last = next_bucket(start, size)
        yield start, last
        start = last


ROUTES = [Route("/v2/billing/pods", bills)]
