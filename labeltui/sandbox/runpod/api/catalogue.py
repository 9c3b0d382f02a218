"""REST v2: the catalogue of GPU types and data centres."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeltui.sandbox.runpod.api.present import center_json, gpu_json
from labeltui.sandbox.runpod.api.query import choices, whole, world_of
from labeltui.sandbox.runpod.world.catalog import CUDA_VERSIONS
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.requests import Invalid, at_least

_AVAILABILITY_ONLY = ("product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion")


def _stock_filters(request: Request) -> dict[str, Any]:
    include = choices(request, "include", ("AVAILABILITY",))
    sent = [name for name in _AVAILABILITY_ONLY if name in request.query_params]
    if not include:
        if sent:
            raise Refusal(400, f"{sent[0]} is valid only with include=AVAILABILITY")
        return {}
    if not choices(request, "product", ("POD", "CLUSTER", "SERVERLESS")):
        raise Refusal(400, "product is required with include=AVAILABILITY")
    exact = choices(request, "cudaVersions", r"\d+\.\d+")
    floor = request.query_params.get("minCudaVersion")
    if exact and floor is not None:
        raise Refusal(400, "cudaVersions and minCudaVersion are mutually exclusive")
    if floor is not None and not re.fullmatch(r"\d+(\.\d+)?", floor):
        raise Invalid([f"query.minCudaVersion: '{floor}' does not match pattern"])
    versions = at_least(floor) if floor else CUDA_VERSIONS
    return {
        "stock": True,
        "count": whole(request, "count", 1, 1, 1000),
        "cloud": (choices(request, "cloud", ("SECURE", "COMMUNITY")) or ("SECURE",))[0],
        "countries": choices(request, "countryCodes", r"[A-Z]{2}"),
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
    """Return one GPU type."""
    catalog, filters = world_of(request).catalog, _stock_filters(request)
    found = catalog.gpus.get(request.path_params["id"])
    if found is None:
        raise Refusal(404, "gpu type not found")
    return JSONResponse(gpu_json(catalog, found, **filters))


async def centers(request: Request) -> Response:
    """List the data centres."""
    catalog = world_of(request).catalog
    include = choices(request, "include", ("GPU_AVAILABILITY", "CPU_AVAILABILITY"))
    regions = choices(request, "regions", r"[A-Z_]+")
    marks = choices(request, "compliance", r"[A-Z0-9_]+")
    kinds = choices(request, "networkVolumeTypes", ("STANDARD", "HIGH_PERFORMANCE"))
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
    """Return one data centre."""
    catalog = world_of(request).catalog
    include = choices(request, "include", ("GPU_AVAILABILITY", "CPU_AVAILABILITY"))
    found = catalog.centers.get(request.path_params["id"])
    if found is None:
        raise Refusal(404, "data center not found")
    return JSONResponse(center_json(catalog, found, include))


ROUTES = [
    Route("/v2/catalog/gpus", gpus),
    Route("/v2/catalog/gpus/{id:path}", gpu),
    Route("/v2/catalog/datacenters", centers),
    Route("/v2/catalog/datacenters/{id}", center),
]
