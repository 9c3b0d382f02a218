"""REST v2: the catalogue and the bills."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeltui.sandbox.runpod.api.present import center_json, gpu_json
from labeltui.sandbox.runpod.api.rest import whole, world_of
from labeltui.sandbox.runpod.world.catalog import CUDA_VERSIONS
from labeltui.sandbox.runpod.world.clock import rfc3339
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.requests import Invalid, at_least
from labeltui.sandbox.runpod.world.world import World

_AVAILABILITY_ONLY = ("product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion")
_AMOUNTS = {"gpuAmount": "gpu", "cpuAmount": "cpu", "diskAmount": "disk"}
_JOB = timedelta(minutes=5)  # how often the billing job runs


def _listed(request: Request, name: str, allowed: tuple[str, ...] | str) -> tuple[str, ...]:
    """Return the values of a comma-separated or repeated query parameter; raises :class:`Invalid`."""
    values = [part for text in request.query_params.getlist(name) for part in text.split(",") if part]
    for value in values:
        good = re.fullmatch(allowed, value) if isinstance(allowed, str) else value in allowed
        if not good:
            raise Invalid([f"query.{name}: value '{value}' is not allowed"])
    return tuple(values)


def _stock_filters(request: Request) -> dict[str, Any]:
    include = _listed(request, "include", ("AVAILABILITY",))
    sent = [name for name in _AVAILABILITY_ONLY if name in request.query_params]
    if not include:
        if sent:
            raise Refusal(400, f"{sent[0]} is valid only with include=AVAILABILITY")
        return {}
    if not _listed(request, "product", ("POD", "CLUSTER", "SERVERLESS")):
        raise Refusal(400, "product is required with include=AVAILABILITY")
    exact = _listed(request, "cudaVersions", r"\d+\.\d+")
    floor = request.query_params.get("minCudaVersion")
    if exact and floor is not None:
        raise Refusal(400, "cudaVersions and minCudaVersion are mutually exclusive")
    if floor is not None and not re.fullmatch(r"\d+(\.\d+)?", floor):
        raise Invalid([f"query.minCudaVersion: '{floor}' does not match pattern"])
    versions = at_least(floor) if floor else CUDA_VERSIONS
    return {
        "stock": True,
        "count": whole(request, "count", 1, 1, 1000),
        "cloud": (_listed(request, "cloud", ("SECURE", "COMMUNITY")) or ("SECURE",))[0],
        "countries": _listed(request, "countryCodes", r"[A-Z]{2}"),
        "cuda": tuple(one for one in versions if not exact or one in exact),
    }


async def gpus(request: Request) -> Response:
    """List the GPU types."""
    catalog, filters = world_of(request).catalog, _stock_filters(request)
    rows = [gpu_json(catalog, gpu, **filters) for gpu in catalog.gpus.values()]
    if filters.get("countries"):
        rows = [row for row in rows if "dataCenters" in row]
    return JSONResponse({"gpus": rows})


async def gpu(request: Request) -> Response:
    """Tell one GPU type."""
    catalog, filters = world_of(request).catalog, _stock_filters(request)
    found = catalog.gpus.get(request.path_params["id"])
    if found is None:
        raise Refusal(404, "gpu type not found")
    return JSONResponse(gpu_json(catalog, found, **filters))


async def centers(request: Request) -> Response:
    """List the data centres."""
    catalog = world_of(request).catalog
    include = _listed(request, "include", ("GPU_AVAILABILITY", "CPU_AVAILABILITY"))
    regions = _listed(request, "regions", r"[A-Z_]+")
    marks = _listed(request, "compliance", r"[A-Z0-9_]+")
    kinds = _listed(request, "networkVolumeTypes", ("STANDARD", "HIGH_PERFORMANCE"))
    network = request.query_params.get("globalNetwork")
    rows = [
        center_json(catalog, place, include)
        for place in catalog.centers.values()
        if (not regions or place.region in regions)
        and set(marks) <= set(place.compliance)
        and (not kinds or set(kinds) & set(place.volume_types))
        and (network is None or place.global_network == (network == "true"))
    ]
    return JSONResponse({"dataCenters": rows})


async def center(request: Request) -> Response:
    """Tell one data centre."""
    catalog = world_of(request).catalog
    include = _listed(request, "include", ("GPU_AVAILABILITY", "CPU_AVAILABILITY"))
    found = catalog.centers.get(request.path_params["id"])
    if found is None:
        raise Refusal(404, "data center not found")
    return JSONResponse(center_json(catalog, found, include))


async def bills(request: Request) -> Response:
    """Tell what pods cost, by time and pod, up to the last run of the billing job."""
    world = world_of(request)
    size = (_listed(request, "bucketSize", ("hour", "day", "week", "month", "year")) or ("day",))[0]
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
    end = ceiling(_time(query["endTime"], "endTime"), size) if "endTime" in query else last
    first = _time(query["startTime"], "startTime") if "startTime" in query else end - timedelta(days=30)
    return bucket_start(first, size), end


def _time(text: str, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid([f"query.{name}: '{text}' is not valid 'date-time'"])
    return at.astimezone(UTC)


def floor(at: datetime, step: timedelta) -> datetime:
    """Return the last multiple of ``step`` in its day."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // step * step


def bucket_start(at: datetime, size: str) -> datetime:
    """Return the start of the bucket that holds an instant."""
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
    """Return the start of the bucket after the one that starts at ``start``."""
    longest = {"hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}[size]
    return bucket_start(start + timedelta(days=longest), size)


def ceiling(at: datetime, size: str) -> datetime:
    """Return the end of the bucket that holds an instant; a boundary stays."""
    start = bucket_start(at, size)
    return start if start == at else next_bucket(start, size)


def buckets(start: datetime, end: datetime, size: str) -> Iterator[tuple[datetime, datetime]]:
    """Cut a window into buckets."""
    while start < end:
        last = next_bucket(start, size)
        yield start, last
        start = last


ROUTES = [
    Route("/v2/catalog/gpus", gpus),
    Route("/v2/catalog/gpus/{id:path}", gpu),
    Route("/v2/catalog/datacenters", centers),
    Route("/v2/catalog/datacenters/{id}", center),
    Route("/v2/billing/pods", bills),
]
