"""Convert GraphQL's pods. GraphQL reports the desired status; :func:`observed` derives the actual status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.pod.pod import Cloud, Load, Pod, PodAction, PodStatus, Port, SshEndpoint
from labeltui.runpod import wire
from labeltui.runpod.convert import environment, public_endpoint, public_ip, short_gpu

# Query only fields that RunPod's own tools use, because one unknown field fails the whole query. Never query
# keys or logins.
FIELDS = (
    "{ id name imageName desiredStatus lastStatusChange createdAt lastStartedAt locked costPerHr adjustedCostPerHr "
    "gpuCount vcpuCount memoryInGb containerDiskInGb volumeInGb volumeMountPath networkVolumeId templateId "
    "dockerArgs env ports "
    "machine { podHostId gpuDisplayName gpuTypeId secureCloud dataCenterId } "
    "runtime { uptimeInSeconds container { cpuPercent memoryPercent } "
    "gpus { id gpuUtilPercent memoryUtilPercent } ports { ip isIpPublic privatePort publicPort type } } }"
)
_LEGAL = {
    PodStatus.RUNNING: (PodAction.STOP, PodAction.TERMINATE),
    PodStatus.STARTING: (PodAction.STOP, PodAction.TERMINATE),
    PodStatus.STOPPED: (PodAction.START, PodAction.TERMINATE),
}


class _Machine(wire.Wire):
    podHostId: wire.Text = ""
    gpuDisplayName: wire.Text = ""
    gpuTypeId: wire.Text = ""
    secureCloud: Annotated[bool | None, wire.maybe_flag] = None
    dataCenterId: wire.Text = ""


class _Container(wire.Wire):
    cpuPercent: wire.Number = None
    memoryPercent: wire.Number = None


class _Gpu(wire.Wire):
    gpuUtilPercent: wire.Number = None
    memoryUtilPercent: wire.Number = None


class _Port(wire.Wire):
    ip: wire.Text = ""
    isIpPublic: wire.Flag = False
    privatePort: wire.Whole = None
    publicPort: wire.Whole = None
    type: wire.Text = ""


class _Runtime(wire.Wire):
    uptimeInSeconds: wire.Whole = None
    container: Annotated[_Container, wire.mapping] = _Container()
    gpus: Annotated[tuple[_Gpu, ...] | None, wire.maybe_objects] = None
    ports: Annotated[tuple[_Port, ...], wire.objects] = ()


class _Pod(wire.Wire):
    id: wire.Text = ""
    name: wire.Text = ""
    imageName: wire.Text = ""
    desiredStatus: wire.Text = ""
    lastStatusChange: wire.Text = ""
    createdAt: wire.Moment = None
    lastStartedAt: wire.Moment = None
    locked: wire.Flag = False
    costPerHr: wire.Money = None
    adjustedCostPerHr: wire.Money = None
    gpuCount: wire.Whole = None
    vcpuCount: wire.Number = None
    memoryInGb: wire.Number = None
    containerDiskInGb: wire.Whole = None
    volumeInGb: wire.Whole = None
    volumeMountPath: wire.Text = ""
    networkVolumeId: wire.Text = ""
    templateId: wire.Text = ""
    dockerArgs: wire.Text = ""
    env: wire.Texts = ()
    ports: wire.Text = ""
    machine: Annotated[_Machine, wire.mapping] = _Machine()
    runtime: Annotated[_Runtime | None, wire.maybe_object] = None


def pod(document: Mapping[str, Any], now: datetime) -> Pod:
    """Convert a pod. :func:`observed` derives the status as RunPod's own command line tool does."""
    sent = _Pod.model_validate(document)
    status = observed(sent.desiredStatus, sent.runtime is not None, sent.lastStatusChange)
    runtime = sent.runtime if sent.runtime is not None and status is PodStatus.RUNNING else _Runtime()
    cost = sent.costPerHr if sent.adjustedCostPerHr is None else sent.adjustedCostPerHr
    return Pod(
        id=sent.id,
        name=sent.name,
        status=status,
        read_at=now,
        desired=_DESIRED.get(sent.desiredStatus.upper()),
        actions=_LEGAL.get(status, ()),
        image=sent.imageName,
        args=sent.dockerArgs,
        gpu_id=sent.machine.gpuTypeId,
        gpu_name=sent.machine.gpuDisplayName or short_gpu(sent.machine.gpuTypeId),
        gpu_count=sent.gpuCount or 0,
        gpus_attached=None if runtime.gpus is None else len(runtime.gpus),
        cpu_id="" if sent.gpuCount or sent.machine.gpuTypeId else "cpu",
        vcpu_count=sent.vcpuCount,
        ram_gb=sent.memoryInGb,
        container_disk_gb=sent.containerDiskInGb,
        volume_disk_gb=0 if sent.networkVolumeId else sent.volumeInGb or 0,
        volume_path=sent.volumeMountPath or None,
        network_volume_id=sent.networkVolumeId or None,
        network_volume_gb=None,
        ports=_ports(sent.ports, runtime.ports),
        cloud=_cloud(sent.machine.secureCloud),
        data_centre=sent.machine.dataCenterId or None,
        env=dict(text.split("=", 1) for text in sent.env if "=" in text),
        template_id=sent.templateId or None,
        compute_per_hour=cost if status.is_up else wire.decimal(0),
        locked=sent.locked,
        ssh=_direct(runtime.ports),
        ssh_proxy=public_endpoint("ssh.runpod.io", 22, sent.machine.podHostId),
        load=_load(runtime),
        has_runtime=status is PodStatus.RUNNING,
        uptime_s=runtime.uptimeInSeconds,
        created_at=sent.createdAt,
        started_at=sent.lastStartedAt,
        last_change=sent.lastStatusChange,
    )


_DESIRED = {
    "RUNNING": PodStatus.RUNNING,
    "CREATED": PodStatus.PROVISIONING,
    "RESTARTING": PodStatus.RUNNING,
    "EXITED": PodStatus.STOPPED,
    "PAUSED": PodStatus.STOPPED,
    "DEAD": PodStatus.ERROR,
    "TERMINATED": PodStatus.TERMINATED,
}


def observed(desired: str, has_runtime: bool, last_change: str) -> PodStatus:
    """Derive the actual status. A pod whose desired status is RUNNING but that has no runtime is starting."""
    status = _DESIRED.get(desired.upper(), PodStatus.UNKNOWN)
    if status is PodStatus.STOPPED and last_change.lower().startswith("terminated by"):
        return PodStatus.TERMINATED
    if status is PodStatus.RUNNING and not has_runtime:
        return PodStatus.STARTING
    return status


def _cloud(secure: bool | None) -> Cloud | None:
    return None if secure is None else Cloud.SECURE if secure else Cloud.COMMUNITY


def _ports(declared: str, mapped: tuple[_Port, ...]) -> tuple[Port, ...]:
    ports = []
    for text in declared.split(","):
        number, _, protocol = text.strip().partition("/")
        if not (number.isascii() and number.isdigit() and protocol in ("tcp", "http")):
            continue
        at = next((m for m in mapped if m.isIpPublic and m.privatePort == int(number)), None)
        public = at if protocol == "tcp" else None
        ports.append(
            Port(int(number), protocol, public.publicPort, public_ip(public.ip))
            if public
            else Port(int(number), protocol)
        )
    return tuple(ports)


def _direct(mapped: tuple[_Port, ...]) -> SshEndpoint | None:
    for port in mapped:
        if port.privatePort == 22 and port.type == "tcp" and port.isIpPublic:
            return public_endpoint(port.ip, port.publicPort, "root")
    return None


def _load(runtime: _Runtime) -> Load:
    gpus = tuple((gpu.gpuUtilPercent, gpu.memoryUtilPercent) for gpu in runtime.gpus or ())
    return Load(gpus, runtime.container.cpuPercent, runtime.container.memoryPercent)


def create_input(spec: PodSpec) -> dict[str, Any]:
    """Return the input of the mutation ``podFindAndDeployOnDemand``, without its ``cloudType``."""
    pod_input: dict[str, Any] = {
        "name": spec.name,
        "imageName": spec.image,
        "gpuTypeId": spec.gpu_id,
        "gpuCount": spec.gpu_count,
        "containerDiskInGb": spec.container_disk_gb,
        "volumeInGb": spec.volume_disk_gb,
        "volumeMountPath": spec.volume_path,
        "ports": ",".join(spec.ports),
        "env": [{"key": name, "value": text} for name, text in environment(spec).items()],
        "startSsh": spec.start_ssh,
        "startJupyter": False,
        "supportPublicIp": True,
    }
    optional = {
        "networkVolumeId": spec.network_volume_id,
        "dataCenterId": spec.data_centres[0] if spec.data_centres else None,
        "minCudaVersion": spec.min_cuda,
        "containerRegistryAuthId": spec.registry_id,
    }
    return pod_input | {name: value for name, value in optional.items() if value is not None}
