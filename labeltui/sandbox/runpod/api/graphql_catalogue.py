"""GPU types, data centres and network volumes in GraphQL."""

from __future__ import annotations

from typing import Any

from labeltui.sandbox.runpod.world.catalog import LEVELS, DataCenter, GpuType
from labeltui.sandbox.runpod.world.world import Volume, World


def gpu_answer(world: World, gpu: GpuType) -> dict[str, Any]:
    """Return a GPU type. ``lowestPrice`` (USD per hour) depends on the query's input."""

    def lowest(_info: Any, input: dict[str, Any] | None = None) -> dict[str, Any]:
        wanted = input or {}
        count = wanted.get("gpuCount") or 1
        level = world.catalog.stock(gpu.id, center=wanted.get("dataCenterId"))
        price = min(one for one in (gpu.secure, gpu.community) if one > 0)
        if wanted.get("secureCloud") is not None:
            price = gpu.secure if wanted["secureCloud"] else gpu.community
        free = level != "NONE" and count <= gpu.most
        return {
            "uninterruptablePrice": float(price * count) if free else None,
            "stockStatus": (level if free else LEVELS[0]).capitalize(),
            "availableGpuCounts": list(range(1, gpu.most + 1)) if free else [],
            "gpuName": gpu.name,
            "gpuTypeId": gpu.id,
        }

    return {
        "id": gpu.id,
        "displayName": gpu.name,
        "manufacturer": gpu.manufacturer.capitalize(),
        "memoryInGb": gpu.memory,
        "secureCloud": gpu.secure > 0,
        "communityCloud": gpu.community > 0,
        "securePrice": float(gpu.secure),
        "communityPrice": float(gpu.community),
        "maxGpuCount": gpu.most,
        "maxGpuCountSecureCloud": gpu.most,
        "maxGpuCountCommunityCloud": gpu.most,
        "lowestPrice": lowest,
    }


def volume_answer(volume: Volume) -> dict[str, Any]:
    """Return a network volume; its size is in GB."""
    return {"id": volume.id, "name": volume.name, "size": volume.size, "dataCenterId": volume.center}


def centre_answer(world: World, place: DataCenter) -> dict[str, Any]:
    """Return a data centre; ``gpuAvailability`` is computed only where a query selects it."""

    def availability(_info: Any, input: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        return [
            {
                "available": level != "NONE",
                "stockStatus": level.capitalize(),
                "gpuTypeId": gpu,
                "displayName": world.catalog.gpus[gpu].name,
            }
            for gpu, level in place.stock.items()
        ]

    return {
        "id": place.id,
        "name": place.name,
        "location": place.country,
        "listed": True,
        "storageSupport": bool(place.volume_types),
        "compliance": [mark for mark in place.compliance if mark not in ("HIPAA", "RENEWABLE")],
        "gpuAvailability": availability,
    }
