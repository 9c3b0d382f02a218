"""A rented pod: RunPod's report of it, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from labeltui.domain.money import ZERO, disk_per_hour

OFFICIAL_IMAGE = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"


class PodStatus(StrEnum):
    """The observed status of a pod, as opposed to the desired one."""

    PROVISIONING = "provisioning"  # a machine is being found
    STARTING = "starting"  # the image is downloaded, the container created
    RUNNING = "running"  # the container runs; its sshd may not
    STOPPED = "stopped"
    ERROR = "error"
    TERMINATED = "terminated"
    UNKNOWN = "unknown"

    @property
    def is_up(self) -> bool:
        """True while the machine costs money."""
        return self in (PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.RUNNING)


class PodAction(StrEnum):
    """An action on a pod."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    TERMINATE = "terminate"


class Cloud(StrEnum):
    """The kind of cloud, by the owner of its machines."""

    SECURE = "secure"  # data centres; always a public address
    COMMUNITY = "community"  # machines of private owners: not for patient data


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the container. ``public`` and ``ip`` are set only while the port is mapped."""

    private: int
    protocol: str  # "tcp" | "http"
    public: int | None = None
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class SshEndpoint:
    """An address for ssh."""

    host: str
    port: int
    user: str

    @property
    def address(self) -> str:
        """``user@host:port`` (an IPv6 host in brackets)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the pod, in percent; None means unknown. One entry of ``gpus`` per GPU."""

    gpus: tuple[tuple[float | None, float | None], ...] = ()  # (utilisation, memory)
    cpu_pct: float | None = None
    memory_pct: float | None = None


ADDRESS_WITHIN_S = 180.0
"""Seconds after a container's start within which its SSH address must appear.

After that, labeltui reports the address as missing.
"""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod. Sizes are in GB as RunPod counts them, money in $/h. None means unknown."""

    id: str
    name: str
    status: PodStatus
    read_at: datetime  # when RunPod reported these values
    desired: PodStatus | None = None  # the desired status; GraphQL only
    actions: tuple[PodAction, ...] = ()  # allowed now
    image: str = ""
    args: str = ""
    gpu_id: str = ""
    gpu_name: str = ""
    gpu_count: int = 0
    gpu_vram_gb: int | None = None  # of one GPU
    gpus_attached: int | None = None  # GPUs of the running container; 0 if it lost its GPU
    cpu_id: str = ""  # CPU type of a pod that was rented without a GPU
    vcpu_count: float | None = None
    ram_gb: float | None = None
    container_disk_gb: int | None = None
    volume_disk_gb: int = 0  # on the host: lost with the host or the pod
    volume_path: str | None = None  # mount point of the volume disk or network volume
    network_volume_id: str | None = None
    network_volume_gb: int | None = None
    ports: tuple[Port, ...] = ()
    cloud: Cloud | None = None
    data_centre: str | None = None
    cuda: str | None = None
    env: Mapping[str, str] = field(
        default_factory=dict, repr=False
    )  # may hold secrets: names alone are shown
    template_id: str | None = None
    compute_per_hour: Decimal | None = None  # RunPod's present rate; 0 while stopped
    locked: bool = False
    cluster_id: str | None = None  # set for a pod of a cluster, which can't be changed alone
    ssh: SshEndpoint | None = None  # the pod's sshd: exec, SFTP, forwarding
    ssh_proxy: SshEndpoint | None = None  # the proxy shell: an interactive shell and nothing else
    load: Load = Load()
    has_runtime: bool = False  # RunPod reports a running container
    uptime_s: int | None = None  # of the container
    created_at: datetime | None = None
    started_at: datetime | None = None
    last_change: str = ""  # RunPod's text on why it stopped; GraphQL only

    @property
    def without_address(self) -> str:
        """Why a running pod gets no SSH address, and what to do."""
        if not any(port.private == 22 and port.protocol == "tcp" for port in self.ports):
            cause = "The pod's port 22/tcp is not exposed: make a new pod with 22/tcp."
        elif self.cloud is Cloud.COMMUNITY:
            cause = "Machines of the community cloud may have no public address; pods in the secure cloud have one."
        else:
            cause = "The pod's port 22/tcp has no public address; stop it, or make a new pod with 22/tcp."
        return (
            f"{cause} `labeltui shell --proxy` opens a shell on it." if self.ssh_proxy is not None else cause
        )

    @property
    def container_started_at(self) -> datetime | None:
        """Start of the present container. Its host keys were made at the same time."""
        if not self.status.is_up:
            return None
        if self.uptime_s is None:
            return self.started_at
        begun = self.read_at - timedelta(seconds=self.uptime_s)
        return begun if self.started_at is None else max(begun, self.started_at)

    @property
    def is_public(self) -> bool:
        """True when any port is on the open web, without a password."""
        return any(port.protocol == "http" for port in self.ports)

    @property
    def awaits_address(self) -> bool:
        """True for a pod that is up, and so costs money, but has no address for SSH."""
        return self.status.is_up and self.ssh is None

    @property
    def lost_its_gpu(self) -> bool:
        """True for a pod that was rented with a GPU and runs without one; False when the count is unknown."""
        return self.status is PodStatus.RUNNING and not self.cpu_id and self.gpus_attached == 0

    @property
    def cost_per_hour(self) -> Decimal | None:
        """$/h now, including disks, and including the network volume if its size is known. None when unknown."""
        if self.status is PodStatus.TERMINATED:
            return ZERO
        if not self.status.is_up:
            return self.cost_per_hour_stopped
        return None if self.compute_per_hour is None else self.compute_per_hour + self._disks(running=True)

    @property
    def cost_per_hour_stopped(self) -> Decimal:
        """$/h while the pod is stopped, which is the price of its disks. RunPod's own figure for it is 0."""
        return self._disks(running=False)

    def _disks(self, *, running: bool) -> Decimal:
        return disk_per_hour(
            container_gb=self.container_disk_gb or 0,
            volume_gb=self.volume_disk_gb,
            network_gb=self.network_volume_gb or 0,
            running=running,
        )

    def proxy_url(self, private_port: int) -> str | None:
        """The public web address of an http port; None for any other port."""
        http = any(port.private == private_port and port.protocol == "http" for port in self.ports)
        return f"https://{self.id}-{private_port}.proxy.runpod.net" if http else None


@dataclass(frozen=True, slots=True)
class PodLogLine:
    """A line of a pod's log; a stream resumes after ``id``. ``source`` is ``container`` or ``system``."""

    source: str
    text: str
    at: datetime | None = None
    id: str = ""
