"""From what REST v2 sends to the values the console works with, and from a wish to what it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any

from labeltui.domain.deploy.catalogue import DataCentre, GpuOffer, NetworkVolume, PodSpec, Stock, Template
from labeltui.domain.money import ZERO, BillingRecord
from labeltui.domain.pod.pod import Cloud, Load, Pod, PodAction, PodStatus, Port, SshDoor
from labeltui.runpod import wire

STATUS = {
    "PROVISIONING": PodStatus.PROVISIONING,
    "STARTING": PodStatus.STARTING,
    "RUNNING": PodStatus.RUNNING,
    "EXITED": PodStatus.STOPPED,
    "ERROR": PodStatus.ERROR,
    "TERMINATED": PodStatus.TERMINATED,
}
ACTIONS = {action.value: action for action in PodAction}
_PORT = re.compile(r"(\d{1,5})/(tcp|http)")
_OWN_NETWORK = ip_network("100.64.0.0/10")
_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_GPU_PREFIX = re.compile(r"^(NVIDIA|AMD) (GeForce |Instinct )?")


def pod(document: Mapping[str, Any], now: datetime) -> Pod:
    """A pod of ``GET /v2/pods``."""
    told = wire.WirePod.model_validate(document)
    network = told.mounts.network[0] if told.mounts.network else None
    persistent = told.mounts.persistent
    mount = network or persistent
    runtime = told.runtime or wire.Runtime()
    machine = told.gpu or told.cpu
    return Pod(
        id=told.id,
        name=told.name,
        status=STATUS.get(told.status.upper(), PodStatus.UNKNOWN),
        read_at=now,
        actions=tuple(ACTIONS[name] for name in told.actions if name in ACTIONS),
        image=told.image,
        args=told.args,
        gpu_id=told.gpu.id if told.gpu else "",
        gpu_name=short_gpu(told.gpu.id) if told.gpu else "",
        gpu_count=(told.gpu.count or 1) if told.gpu else 0,
        gpus_attached=None if runtime.gpus is None else len(runtime.gpus),
        cpu_id=(told.cpu.id or "cpu") if told.cpu else "",
        vcpu_count=machine.vcpuCount if machine else None,
        ram_gb=machine.memory if machine else None,
        container_disk_gb=told.disk,
        volume_disk_gb=(persistent.size or 0) if persistent else 0,
        volume_path=(mount.path or None) if mount else None,
        network_volume_id=(network.volumeId or None) if network else None,
        ports=_ports(told.ports, runtime.ports),
        cloud=_cloud(told.cloud),
        data_centre=told.dataCenterId or None,
        cuda=told.cudaVersion or None,
        env=told.env,
        template_id=told.template or None,
        compute_per_hour=told.cost,
        locked=told.locked,
        cluster_id=told.cluster.id or "?" if told.cluster else None,
        ssh=_door(told.ssh.direct),
        ssh_proxy=_door(told.ssh.proxy),
        load=_load(runtime),
        uptime_s=runtime.uptime,
        created_at=told.createdAt,
        started_at=told.startedAt,
    )


def short_gpu(gpu_id: str) -> str:
    """``RTX A5000`` from ``NVIDIA RTX A5000``: the name RunPod shows, should the catalogue not be at hand."""
    return _GPU_PREFIX.sub("", gpu_id)


def _cloud(text: str) -> Cloud | None:
    return Cloud(text.lower()) if text.lower() in set(Cloud) else None


def stock(text: str) -> Stock:
    """``HIGH`` of REST v2, or ``High`` of GraphQL."""
    return Stock(text.lower()) if text.lower() in set(Stock) else Stock.UNKNOWN


def _door(told: wire.Endpoint | None) -> SshDoor | None:
    return None if told is None else public_door(told.host, told.port, told.username)


def public_door(host: str, port: int | None, user: str) -> SshDoor | None:
    """Where ssh goes, or None: what does not look like a host or a user never gets near a command line."""
    if port is None or not 0 < port < 65536:
        return None
    if not _HOST.fullmatch(host) or not _USER.fullmatch(user):
        return None
    return SshDoor(host, port, user)


def _ports(declared: tuple[str, ...], mapped: tuple[wire.MappedPort, ...]) -> tuple[Port, ...]:
    ports = []
    for text in declared:
        matched = _PORT.fullmatch(text.strip())
        if not matched:
            continue
        private, protocol = int(matched[1]), matched[2]
        at = next((m for m in mapped if m.private == private and m.type == protocol), None)
        if (
            at is None or protocol == "http"
        ):  # an http port's address is the proxy's own, of no use to anybody
            ports.append(Port(private, protocol))
        else:
            ports.append(Port(private, protocol, at.public, public_ip(at.ip)))
    return tuple(ports)


def public_ip(text: str) -> str | None:
    """An address that a port is reached at; None for those of RunPod's own network (100.64.0.0/10)."""
    try:
        return None if ip_address(text) in _OWN_NETWORK else text
    except (ValueError, TypeError):
        return None


def _load(runtime: wire.Runtime) -> Load:
    gpus = tuple((gpu.util, gpu.memoryUtil) for gpu in runtime.gpus or ())
    return Load(gpus, runtime.cpu.util, runtime.memory.util)


def gpu_offer(document: Mapping[str, Any]) -> GpuOffer:
    """An entry of ``GET /v2/catalog/gpus``."""
    told = wire.WireGpuType.model_validate(document)
    return GpuOffer(
        id=told.id,
        name=told.name or short_gpu(told.id),
        vram_gb=told.memory or 0,
        price_secure=_price(told.price.secure) if told.secure else None,
        price_community=_price(told.price.community) if told.community else None,
        max_secure=int(told.maxCount.secure or 0),
        max_community=int(told.maxCount.community or 0),
        stock=stock(told.availability),
        data_centres={place.id: stock(place.availability) for place in told.dataCenters if place.id},
        cuda_versions=tuple(cuda.version for cuda in told.cudaVersions if cuda.available and cuda.version),
        manufacturer=told.manufacturer,
    )


def _price(amount: Decimal | None) -> Decimal | None:
    return amount if amount else None  # 0 is how RunPod says "not offered"


def data_centre(document: Mapping[str, Any]) -> DataCentre:
    """An entry of ``GET /v2/catalog/datacenters``."""
    told = wire.WireDataCentre.model_validate(document)
    return DataCentre(
        id=told.id,
        name=told.name,
        region=told.region.replace("_", " ").title(),
        volume_types=told.networkVolumeTypes,
        compliance=told.compliance,
        gpus={gpu.id: stock(gpu.availability) for gpu in told.gpuAvailability if gpu.id},
    )


def network_volume(document: Mapping[str, Any]) -> NetworkVolume:
    """A network volume."""
    told = wire.WireVolume.model_validate(document)
    return NetworkVolume(told.id, told.name, told.size or 0, told.dataCenter, told.type)


def template(document: Mapping[str, Any]) -> Template:
    """A template."""
    told = wire.WireTemplate.model_validate(document)
    return Template(told.id, told.name, told.image, told.disk, told.ports, told.startSsh, told.public)


def billing_record(document: Mapping[str, Any]) -> BillingRecord | None:
    """A record of ``GET /v2/billing/pods``; None for one without a time."""
    told = wire.WireBill.model_validate(document)
    if told.startTime is None or told.endTime is None:
        return None
    return BillingRecord(
        told.podId,
        told.startTime,
        told.endTime,
        told.totalAmount or ZERO,
        told.gpuAmount or ZERO,
        told.cpuAmount or ZERO,
        told.diskAmount or ZERO,
    )


def create_body(spec: PodSpec) -> dict[str, Any]:
    """What ``POST /v2/pods`` takes: nothing that is left out, for there is no default to rely on."""
    gpu: dict[str, Any] = {"id": spec.gpu_id, "count": spec.gpu_count}
    if spec.min_cuda:
        gpu["minCudaVersion"] = spec.min_cuda
    body: dict[str, Any] = {
        "name": spec.name,
        "image": spec.image,
        "cloud": spec.cloud.value.upper(),
        "gpu": gpu,
        "disk": spec.container_disk_gb,
        "ports": list(spec.ports),
        "env": environment(spec),
        "startSsh": spec.start_ssh,
        "startJupyter": False,
    }
    if spec.network_volume_id:
        body["mounts"] = {"network": [{"volumeId": spec.network_volume_id, "path": spec.volume_path}]}
    elif spec.volume_disk_gb:
        body["mounts"] = {"persistent": {"size": spec.volume_disk_gb, "path": spec.volume_path}}
    if spec.data_centres:
        body["dataCenterIds"] = list(spec.data_centres)
    if spec.template_id:
        body["templateId"] = spec.template_id
    if spec.registry_id:
        body["registry"] = spec.registry_id
    return body


def environment(spec: PodSpec) -> dict[str, str]:
    """The container's variables; the keys of this pod alone go in as the images expect them."""
    own = {"PUBLIC_KEY": "\n".join(spec.public_keys)} if spec.public_keys else {}
    return {**spec.env, **own}
