"""The GraphQL fields of pods and the account, and the mutations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from labeltui.sandbox.runpod.api.graphql_catalogue import centre_answer, gpu_answer, volume_answer
from labeltui.sandbox.runpod.api.present import HOST, port_rows, uptime
from labeltui.sandbox.runpod.world import edits, life, requests, timeline
from labeltui.sandbox.runpod.world.catalog import GpuType
from labeltui.sandbox.runpod.world.clock import rfc3339
from labeltui.sandbox.runpod.world.pods import Mount, Pod, Spec
from labeltui.sandbox.runpod.world.refusals import NO_CAPACITY, Refusal
from labeltui.sandbox.runpod.world.world import World

Answers = dict[str, Callable[..., Any]]


def queries(world: World) -> Answers:
    """Return the resolvers of the query root's fields."""

    def pod(input: dict[str, Any] | None = None) -> Any:
        found = world.pods.get((input or {}).get("podId", ""))
        return pod_answer(world, found) if found else None

    def gpu_types(input: dict[str, Any] | None = None) -> Any:
        wanted = [(input or {}).get("id"), *((input or {}).get("ids") or [])]
        ids = [one for one in wanted if one]
        return [gpu_answer(world, gpu) for gpu in world.catalog.gpus.values() if not ids or gpu.id in ids]

    return {
        "myself": lambda: _myself(world),
        "pod": pod,
        "gpuTypes": gpu_types,
        "cpuTypes": lambda: [],
        "dataCenters": lambda: [centre_answer(world, place) for place in world.catalog.centers.values()],
    }


def mutations(world: World) -> Answers:
    """Return the resolvers of the mutation root's fields."""

    def deploy(input: dict[str, Any] | None = None) -> Any:
        return pod_answer(world, _deploy(world, input or {}))

    def stop(input: dict[str, Any]) -> Any:
        pod = _pod(world, input["podId"])
        return pod_answer(world, timeline.act(world, pod.id, "stop") if pod.status != "EXITED" else pod)

    def terminate(input: dict[str, Any]) -> None:
        if input["podId"] not in world.pods:
            raise Refusal(404, "pod not found to terminate")
        timeline.act(world, input["podId"], "terminate")

    def reset(input: dict[str, Any]) -> Any:
        return pod_answer(world, timeline.act(world, _pod(world, input["podId"]).id, "restart"))

    def settings(input: dict[str, Any] | None = None) -> Any:
        block = (input or {}).get("pubKey") or ""
        world.ssh_keys = [line.strip() for line in block.splitlines() if line.strip()]
        return _myself(world)

    return {
        "podFindAndDeployOnDemand": deploy,
        "deployCpuPod": deploy,
        "podStop": stop,
        "podResume": lambda input: pod_answer(world, _resume(world, input)),
        "podTerminate": terminate,
        "podReset": reset,
        "podEditJob": lambda input: pod_answer(world, _edit(world, input)),
        "updateUserSettings": settings,
        "createNetworkVolume": lambda input: volume_answer(
            edits.create_volume(
                world,
                requests.CreateVolume(
                    name=input["name"], size=input["size"], dataCenter=input["dataCenterId"]
                ),
            )
        ),
        "deleteNetworkVolume": lambda input: edits.delete_volume(world, input["id"]),
    }


def _pod(world: World, pod_id: str) -> Pod:
    if pod_id not in world.pods:
        raise Refusal(404, "pod not found")
    return world.pods[pod_id]


def _resume(world: World, wanted: dict[str, Any]) -> Pod:
    timeline.advance(world)
    pod = _pod(world, wanted["podId"])
    count = wanted.get("gpuCount")
    if pod.status not in ("EXITED", "ERROR"):
        return pod
    if count not in (None, 0, pod.spec.gpu_count):
        raise Refusal(400, "gpuCount must be the pod's own, or 0")
    life.start(world, pod, world.now, gpus=count)
    return pod


def _edit(world: World, wanted: dict[str, Any]) -> Pod:
    body: dict[str, Any] = {}
    for theirs, ours in (("imageName", "image"), ("dockerArgs", "args"), ("containerDiskInGb", "disk")):
        if wanted.get(theirs) is not None:
            body[ours] = wanted[theirs]
    if wanted.get("ports") is not None:
        body["ports"] = _ports(wanted["ports"])
    if wanted.get("env") is not None:
        body["env"] = _env(wanted["env"])
    return edits.update(world, wanted["podId"], requests.check(requests.UpdatePod, body))


def _deploy(world: World, wanted: dict[str, Any]) -> Pod:
    """Rent the first available GPU type of the request. If none is available, raises the last refusal."""
    spec = _spec(wanted)
    cpu = wanted.get("instanceId") or ("cpu3c" if not wanted.get("gpuTypeId") else None)
    gpus = [one for one in (wanted.get("gpuTypeId"), *(wanted.get("gpuTypeIdList") or [])) if one]
    if not gpus:
        spec.cpu = cpu
        return timeline.create(world, spec)
    last = Refusal(400, NO_CAPACITY, "SUPPLY_CONSTRAINT")
    for gpu in gpus:
        spec.gpu = gpu
        try:
            return timeline.create(world, spec)
        except Refusal as refusal:
            last = refusal
    raise last


def _spec(wanted: dict[str, Any]) -> Spec:
    image, disk = wanted.get("imageName"), wanted.get("containerDiskInGb")
    if not image or disk is None:
        raise Refusal(400, requests.PUZZLE)
    path, size = wanted.get("volumeMountPath") or "/runpod-volume", wanted.get("volumeInGb") or 0
    mount = Mount(path, size) if size else None
    if wanted.get("networkVolumeId"):
        mount = Mount(path, volume=wanted["networkVolumeId"])
    cuda = wanted.get("allowedCudaVersions")
    if not cuda and wanted.get("minCudaVersion"):
        cuda = requests.at_least(wanted["minCudaVersion"])
    return Spec(
        name=wanted.get("name") or "pod",
        image=image,
        disk=disk,
        args=wanted.get("dockerArgs") or "",
        ports=_ports(wanted.get("ports") or ""),
        env=_env(wanted.get("env") or []),
        registry=wanted.get("containerRegistryAuthId"),
        cloud="COMMUNITY" if wanted.get("cloudType") == "COMMUNITY" else "SECURE",
        gpu_count=wanted.get("gpuCount") or 1,
        cuda=tuple(cuda) if cuda else None,
        mount=mount,
        centers=(wanted["dataCenterId"],) if wanted.get("dataCenterId") else (),
        countries=(wanted["countryCode"],) if wanted.get("countryCode") else (),
        global_network=bool(wanted.get("globalNetwork")),
        start_ssh=bool(wanted.get("startSsh")),
        start_jupyter=bool(wanted.get("startJupyter")),
        stop_after=_instant(wanted.get("stopAfter")),
        terminate_after=_instant(wanted.get("terminateAfter")),
    )


def _ports(text: str) -> list[str]:
    return [port for port in text.split(",") if port]


def _env(pairs: list[dict[str, Any]]) -> dict[str, str]:
    return {pair["key"]: pair.get("value") or "" for pair in pairs}


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"invalid instant {text!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def pod_answer(world: World, pod: Pod) -> dict[str, Any]:
    """Return a pod for GraphQL. As on RunPod, a stopped pod shows its runtime for ``Timing.stale`` seconds."""
    spec, mount, now = pod.spec, pod.spec.mount, world.now
    volume = world.volumes.get(mount.volume or "") if mount else None
    gpu = world.catalog.gpus.get(spec.gpu or "")
    return {
        "id": pod.id,
        "name": spec.name,
        "imageName": spec.image,
        "desiredStatus": pod.desired,
        "lastStatusChange": pod.change,
        "createdAt": rfc3339(pod.created_at),
        "lastStartedAt": rfc3339(pod.started_at) if pod.started_at else None,
        "uptimeSeconds": 0,
        "podType": "RESERVED",
        "locked": pod.locked,
        "version": pod.starts,
        "costPerHr": float(pod.gpu_price * (spec.vcpus if spec.cpu else spec.gpu_count)),
        "adjustedCostPerHr": float(pod.cost),
        "costMultiplier": 1.0,
        "gpuCount": pod.gpus,
        "gpuPowerLimitPercent": 100,
        "gpus": [{"id": f"GPU-{pod.machine}-{index}", "podId": pod.id} for index in range(pod.gpus)],
        "vcpuCount": float(spec.vcpus if spec.cpu else 8),
        "memoryInGb": float(spec.vcpus * 2 if spec.cpu else 50),
        "containerDiskInGb": spec.disk,
        "volumeInGb": float(mount.size) if mount else 0.0,
        "volumeMountPath": mount.path if mount else None,
        "volumeEncrypted": False,
        "networkVolumeId": mount.volume if mount else None,
        "networkVolume": volume_answer(volume) if volume else None,
        "containerRegistryAuthId": spec.registry,
        "dockerArgs": spec.args,
        "env": [f"{name}={value}" for name, value in spec.env.items()],
        "ports": ",".join(spec.ports) or None,
        "machineId": pod.machine,
        "apiKey": pod.api_key,
        "consumerUserId": "user_demo",
        "machine": _machine(pod, gpu, now),
        "runtime": _runtime(world, pod, now),
        "savingsPlans": [],
    }  # fmt: skip


def _machine(pod: Pod, gpu: GpuType | None, now: datetime) -> dict[str, Any]:
    taken = pod.host_taken_at is not None and now >= pod.host_taken_at
    return {
        "id": pod.machine,
        "podHostId": f"{pod.id}-{pod.host_token}",
        "gpuDisplayName": gpu.name if gpu else None,
        "gpuTypeId": gpu.id if gpu else None,
        "gpuAvailable": 0 if taken else 1,
        "costPerHr": float(pod.gpu_price),
        "secureCloud": pod.spec.cloud == "SECURE",
        "supportPublicIp": True,
        "dataCenterId": pod.center,
        "location": pod.center.partition("-")[0],
    }


def _runtime(world: World, pod: Pod, now: datetime) -> dict[str, Any] | None:
    up = pod.status == "RUNNING" and pod.ports_at is not None and now >= pod.ports_at
    since = (now - pod.exited_at).total_seconds() if pod.exited_at else None
    stale = pod.status == "EXITED" and bool(pod.mapping) and since is not None and since < world.timing.stale
    if not (up or stale) or world.faults.take("runtime_null", pod=pod.id) is not None:
        return None
    rows = port_rows(pod, now) if up else [(one, two, "tcp", HOST) for one, two in pod.mapping.items()]
    return {
        "uptimeInSeconds": uptime(pod, now),
        "container": {"cpuPercent": pod.load["cpu"], "memoryPercent": pod.load["memory"]},
        "gpus": [
            {
                "id": f"GPU-{pod.machine}-{index}",
                "gpuUtilPercent": pod.load["gpu"],
                "memoryUtilPercent": pod.load["gpuMemory"],
            }
            for index in range(pod.gpus)
        ],
        "ports": [
            {
                "ip": ip,
                "isIpPublic": kind == "tcp",
                "privatePort": private,
                "publicPort": public,
                "type": kind,
            }
            for private, public, kind, ip in rows
        ],
    }


def _myself(world: World) -> dict[str, Any]:
    ledger = world.ledger
    return {
        "id": "user_demo",
        "email": "demo@example.com",
        "pubKey": "\n".join(world.ssh_keys),
        "clientBalance": float(world.balance()),
        "currentSpendPerHr": float(ledger.rate()),
        "spendLimit": float(world.spend_limit),
        "underBalance": world.balance() <= 0,
        "minBalance": 0.0,
        "clientLifetimeSpend": float(ledger.spent(world.now)),
        "spendDetails": {
            "localStoragePerHour": float(ledger.rate(("disk",))),
            "networkStoragePerHour": float(ledger.rate(("network",))),
            "gpuComputePerHour": float(ledger.rate(("gpu", "cpu"))),
        },
        "isTeam": False,
        "pods": [pod_answer(world, pod) for pod in world.list_pods()],
        "networkVolumes": [volume_answer(one) for one in world.volumes.values()],
        "podTemplates": [],
        "containerRegistryCreds": [],
        "datacenters": [centre_answer(world, place) for place in world.catalog.centers.values()],
    }
