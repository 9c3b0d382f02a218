"""Convert REST v2 documents to domain objects, and a pod specification to a request body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any

from labeltui.domain.deploy.catalogue import DataCentre, GpuOffer, NetworkVolume, PodSpec, Stock
from labeltui.domain.money import ZERO, BillingRecord
from labeltui.domain.pod.pod import Cloud, Load, Pod, PodAction, PodStatus, Port, SshEndpoint
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
    """Convert a pod of ``GET /v2/pods``. Missing or malformed fields get their defaults."""
    sent = wire.WirePod.model_validate(document)
    network = sent.mounts.network[0] if sent.mounts.network else None
    persistent = sent.mounts.persistent
    mount = network or persistent
    runtime = sent.runtime or wire.Runtime()
    machine = sent.gpu or sent.cpu
    return Pod(
        id=sent.id,
        name=sent.name,
        status=STATUS.get(sent.status.upper(), PodStatus.UNKNOWN),
        read_at=now,
        actions=tuple(ACTIONS[name] for name in sent.actions if name in ACTIONS),
        image=sent.image,
        args=sent.args,
        gpu_id=sent.gpu.id if sent.gpu else "",
        gpu_name=short_gpu(sent.gpu.id) if sent.gpu else "",
        gpu_count=(sent.gpu.count or 1) if sent.gpu else 0,
        gpus_attached=None if runtime.gpus is None else len(runtime.gpus),
        cpu_id=(sent.cpu.id or "cpu") if sent.cpu else "",
        vcpu_count=machine.vcpuCount if machine else None,
        ram_gb=machine.memory if machine else None,
        container_disk_gb=sent.disk,
        volume_disk_gb=(persistent.size or 0) if persistent else 0,
        volume_path=(mount.path or None) if mount else None,
        network_volume_id=(network.volumeId or None) if network else None,
        ports=_ports(sent.ports, runtime.ports),
        cloud=_cloud(sent.cloud),
        data_centre=sent.dataCenterId or None,
        cuda=sent.cudaVersion or None,
        env=sent.env,
        template_id=sent.template or None,
        compute_per_hour=sent.cost,
        locked=sent.locked,
        cluster_id=sent.cluster.id or "?" if sent.cluster else None,
        ssh=_endpoint(sent.ssh.direct),
        ssh_proxy=_endpoint(sent.ssh.proxy),
        load=_load(runtime),
        has_runtime=sent.runtime is not None,
        uptime_s=runtime.uptime,
        created_at=sent.createdAt,
        started_at=sent.startedAt,
    )


def short_gpu(gpu_id: str) -> str:
    """Shorten ``NVIDIA RTX A5000`` to RunPod's ``RTX A5000``. Used until the catalogue is loaded."""
    return _GPU_PREFIX.sub("", gpu_id)


def _cloud(text: str) -> Cloud | None:
    return Cloud(text.lower()) if text.lower() in set(Cloud) else None


def stock(text: str) -> Stock:
    """Convert a stock level: ``HIGH`` (REST v2) or ``High`` (GraphQL). Returns UNKNOWN for any other text."""
    return Stock(text.lower()) if text.lower() in set(Stock) else Stock.UNKNOWN


def _endpoint(sent: wire.Endpoint | None) -> SshEndpoint | None:
    return None if sent is None else public_endpoint(sent.host, sent.port, sent.username)


def public_endpoint(host: str, port: int | None, user: str) -> SshEndpoint | None:
    """Validate an ssh address. Returns None unless host, port and user are safe on a command line."""
    if port is None or not 0 < port < 65536:
        return None
    if not _HOST.fullmatch(host) or not _USER.fullmatch(user):
        return None
    return SshEndpoint(host, port, user)


def _ports(declared: tuple[str, ...], mapped: tuple[wire.MappedPort, ...]) -> tuple[Port, ...]:
    ports = []
    for text in declared:
        matched = _PORT.fullmatch(text.strip())
        if not matched:
            continue
        private, protocol = int(matched[1]), matched[2]
        at = next((m for m in mapped if m.private == private and m.type == protocol), None)
        # An http port has an address of RunPod's proxy, which is unreachable from outside.
        if at is None or protocol == "http":
            ports.append(Port(private, protocol))
        else:
            ports.append(Port(private, protocol, at.public, public_ip(at.ip)))
    return tuple(ports)


def public_ip(text: str) -> str | None:
    """Return ``text``, or None for an address in RunPod's internal network (100.64.0.0/10)."""
    try:
        return None if ip_address(text) in _OWN_NETWORK else text
    except (ValueError, TypeError):
        return None


def _load(runtime: wire.Runtime) -> Load:
    gpus = tuple((gpu.util, gpu.memoryUtil) for gpu in runtime.gpus or ())
    return Load(gpus, runtime.cpu.util, runtime.memory.util)


def gpu_offer(document: Mapping[str, Any]) -> GpuOffer:
    """Convert an entry of ``GET /v2/catalog/gpus``. A price of 0 means "not offered" and becomes None."""
    sent = wire.WireGpuType.model_validate(document)
    return GpuOffer(
        id=sent.id,
        name=sent.name or short_gpu(sent.id),
        vram_gb=sent.memory or 0,
        price_secure=_price(sent.price.secure) if sent.secure else None,
        price_community=_price(sent.price.community) if sent.community else None,
        stock=stock(sent.availability),
        data_centres={place.id: stock(place.availability) for place in sent.dataCenters if place.id},
        cuda_versions=tuple(cuda.version for cuda in sent.cudaVersions if cuda.available and cuda.version),
        manufacturer=sent.manufacturer,
    )


def _price(amount: Decimal | None) -> Decimal | None:
    return amount if amount else None  # RunPod sends 0 for "not offered"


def data_centre(document: Mapping[str, Any]) -> DataCentre:
    """Convert an entry of ``GET /v2/catalog/datacenters``."""
    sent = wire.WireDataCentre.model_validate(document)
    return DataCentre(
        id=sent.id,
        name=sent.name,
        region=sent.region.replace("_", " ").title(),
        volume_types=sent.networkVolumeTypes,
        compliance=sent.compliance,
        gpus={gpu.id: stock(gpu.availability) for gpu in sent.gpuAvailability if gpu.id},
    )


def network_volume(document: Mapping[str, Any]) -> NetworkVolume:
    """Convert an entry of ``GET /v2/network-volumes``; the size is in GB."""
    sent = wire.WireVolume.model_validate(document)
    return NetworkVolume(sent.id, sent.name, sent.size or 0, sent.dataCenter, sent.type)


def billing_record(document: Mapping[str, Any]) -> BillingRecord | None:
    """Convert a record of ``GET /v2/billing/pods``. Returns None if the start or end is missing."""
    sent = wire.WireBill.model_validate(document)
    if sent.startTime is None or sent.endTime is None:
        return None
    return BillingRecord(
        sent.podId,
        sent.startTime,
        sent.endTime,
        sent.totalAmount or ZERO,
        sent.gpuAmount or ZERO,
        sent.cpuAmount or ZERO,
        sent.diskAmount or ZERO,
    )


def create_body(spec: PodSpec) -> dict[str, Any]:
    """Return the body of ``POST /v2/pods``. Every setting is explicit, so RunPod's defaults do not matter."""
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
    if spec.registry_id:
        body["registry"] = spec.registry_id
    return body


def environment(spec: PodSpec) -> dict[str, str]:
    """Return the container's variables. The official images read this pod's own keys from ``PUBLIC_KEY``.

    RunPod's documentation names ``SSH_PUBLIC_KEY`` for the proxied shell.
    """
    keys = "\n".join(spec.public_keys)
    return {**spec.env, **({"PUBLIC_KEY": keys, "SSH_PUBLIC_KEY": keys} if keys else {})}
