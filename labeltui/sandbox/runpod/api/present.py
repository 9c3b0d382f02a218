"""The JSON documents of REST v2."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from labeltui.sandbox.runpod.world.catalog import CUDA_VERSIONS, LEVELS, Catalog, DataCenter, GpuType
from labeltui.sandbox.runpod.world.clock import rfc3339
from labeltui.sandbox.runpod.world.pods import Mount, Pod
from labeltui.sandbox.runpod.world.world import Volume, World

HOST = "127.0.0.1"


def pod_json(world: World, pod: Pod) -> dict[str, Any]:
    """Return a pod's document, with its state at the moment."""
    spec, now = pod.spec, world.now
    answer: dict[str, Any] = {
        "id": pod.id,
        "name": spec.name,
        "status": pod.status,
        "actions": list(pod.actions),
        "image": spec.image,
        "args": spec.args,
        "disk": spec.disk,
        "ports": list(spec.ports),
        "env": dict(spec.env),
        "registry": spec.registry,
        "mounts": _mounts(spec.mount),
        "cloud": spec.cloud,
        "dataCenterId": pod.center,
        "cudaVersion": pod.cuda,
        "ssh": {"proxy": _proxy(world, pod), "direct": _direct(pod, now)},
        "template": None,
        "cost": float(pod.cost),
        "locked": pod.locked,
        "globalNetworking": _global(pod),
        "runtime": _runtime(world, pod, now),
        "createdAt": rfc3339(pod.created_at),
        "startedAt": rfc3339(pod.started_at) if pod.started_at else None,
    }
    if spec.cpu is not None:
        answer["cpu"] = {"id": spec.cpu, "vcpuCount": spec.vcpus, "memory": spec.vcpus * 2}
    elif pod.gpus:
        answer["gpu"] = {"id": spec.gpu, "count": pod.gpus}
    elif pod.status not in ("RUNNING", "STARTING"):
        answer["gpu"] = {"id": spec.gpu, "count": spec.gpu_count}
    return answer


def _mounts(mount: Mount | None) -> dict[str, Any]:
    if mount is None:
        return {}
    if mount.volume is not None:
        return {"network": [{"volumeId": mount.volume, "path": mount.path}]}
    return {"persistent": {"size": mount.size, "path": mount.path}}


def _global(pod: Pod) -> dict[str, Any]:
    if not pod.spec.global_network:
        return {"enabled": False}
    return {"enabled": True, "ip": "10.65.1.42", "internalDns": f"{pod.id}.runpod.internal"}


def _proxy(world: World, pod: Pod) -> dict[str, Any] | None:
    if pod.status == "PROVISIONING":
        return None
    (host, port), user = world.proxy, f"{pod.id}-{pod.host_token}"
    command = f"ssh {user}@{host}" + (f" -p {port}" if port != 22 else "")
    return {"host": host, "port": port, "username": user, "command": command}


def _direct(pod: Pod, now: datetime) -> dict[str, Any] | None:
    port = pod.ports(now).get(22)
    if port is None:
        return None
    return {"host": HOST, "port": port, "username": "root", "command": f"ssh root@{HOST} -p {port}"}


def port_rows(pod: Pod, now: datetime) -> list[tuple[int, int, str, str]]:
    """Return rows of private port, public port, protocol, ip. Http ports have RunPod's proxy as ip."""
    rows = []
    for private, public in pod.ports(now).items():
        http = f"{private}/http" in pod.spec.ports
        rows.append((private, public, "http" if http else "tcp", "100.65.20.7" if http else HOST))
    return rows


def uptime(pod: Pod, now: datetime) -> int:
    """Return the whole seconds since the container's start; 0 before the first start."""
    return int((now - pod.started_at).total_seconds()) if pod.started_at else 0


def _runtime(world: World, pod: Pod, now: datetime) -> dict[str, Any] | None:
    if pod.status != "RUNNING" or world.faults.take("runtime_null", pod=pod.id) is not None:
        return None
    load = pod.load
    return {
        "uptime": uptime(pod, now),
        "gpus": [{"util": load["gpu"], "memoryUtil": load["gpuMemory"]} for _ in range(pod.gpus)],
        "cpu": {"util": load["cpu"]},
        "memory": {"util": load["memory"]},
        "ports": [
            {"private": private, "public": public, "type": kind, "ip": ip}
            for private, public, kind, ip in port_rows(pod, now)
        ],
    }


def volume_json(volume: Volume) -> dict[str, Any]:
    """Return a network volume's document."""
    return {
        "id": volume.id,
        "name": volume.name,
        "size": volume.size,
        "dataCenter": volume.center,
        "type": volume.type,
    }


def gpu_json(
    catalog: Catalog, gpu: GpuType, *, stock: bool = False, countries: tuple[str, ...] = (), count: int = 1,
    cloud: str = "SECURE", cuda: tuple[str, ...] = CUDA_VERSIONS,
) -> dict[str, Any]:  # fmt: skip
    """Return a GPU type's document. ``stock`` adds the availability for the given filters."""
    answer: dict[str, Any] = {
        "id": gpu.id,
        "name": gpu.name,
        "pool": gpu.pool,
        "manufacturer": gpu.manufacturer,
        "memory": gpu.memory,
        "secure": gpu.secure > 0,
        "community": gpu.community > 0,
        "price": {"secure": float(gpu.secure), "community": float(gpu.community)},
        "maxCount": {"secure": gpu.most, "community": gpu.most},
    }
    if not stock:
        return answer
    offered = gpu.price(cloud) > 0 and count <= gpu.most and bool(cuda)
    places = [
        {"id": place.id, "name": place.name, "availability": place.stock[gpu.id]}
        for place in catalog.centers.values()
        if offered and gpu.id in place.stock and (not countries or place.country in countries)
    ]
    answer["availability"] = max((one["availability"] for one in places), key=LEVELS.index, default="NONE")
    if places:
        answer["dataCenters"] = places
    free = answer["availability"] != "NONE"
    answer["cudaVersions"] = [{"version": version, "available": free} for version in cuda]
    return answer


def center_json(catalog: Catalog, place: DataCenter, include: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a data centre as JSON.

    ``include`` may have ``GPU_AVAILABILITY`` and ``CPU_AVAILABILITY``; each adds how many are free, as a level.
    """
    answer: dict[str, Any] = {
        "id": place.id,
        "name": place.name,
        "region": place.region,
        "globalNetwork": place.global_network,
        "networkVolumeTypes": list(place.volume_types),
        "compliance": list(place.compliance),
    }
    if "GPU_AVAILABILITY" in include and place.stock:
        answer["gpuAvailability"] = [
            {"id": gpu, "name": catalog.gpus[gpu].name, "availability": level}
            for gpu, level in place.stock.items()
        ]
    if "CPU_AVAILABILITY" in include:
        answer["cpuAvailability"] = [{"id": "cpu5c", "name": "Compute-Optimized", "availability": "HIGH"}]
    return answer
