"""A rented machine: what RunPod says of it, in our words, and what has changed since it last said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from labeltui.domain.money import ZERO, disk_per_hour

OFFICIAL_IMAGE = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"


class PodStatus(StrEnum):
    """What a pod is seen to be, not what was asked of it."""

    PROVISIONING = "provisioning"  # a machine is being found
    STARTING = "starting"  # the image is pulled, the container made
    RUNNING = "running"  # the container runs; that says nothing about sshd in it
    STOPPED = "stopped"
    ERROR = "error"
    TERMINATED = "terminated"
    UNKNOWN = "unknown"

    @property
    def is_up(self) -> bool:
        """True while the machine is paid for."""
        return self in (PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.RUNNING)


class PodAction(StrEnum):
    """What may be asked of a pod now."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    TERMINATE = "terminate"


class Cloud(StrEnum):
    """Whose machines."""

    SECURE = "secure"  # data centres; always a public address
    COMMUNITY = "community"  # other people's machines: not for patient data


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the container; ``public`` and ``ip`` only while it is mapped."""

    private: int
    protocol: str  # "tcp" | "http"
    public: int | None = None
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class SshEndpoint:
    """Where ssh goes."""

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
    """How busy the pod is, in percent; None where it did not tell. One entry of ``gpus`` per GPU."""

    gpus: tuple[tuple[float | None, float | None], ...] = ()  # (utilisation, memory)
    cpu_pct: float | None = None
    memory_pct: float | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod. Sizes in GB as RunPod counts them, money in $/h; None is "not told"."""

    id: str
    name: str
    status: PodStatus
    read_at: datetime  # when this was true
    desired: PodStatus | None = None  # what was asked for; told by GraphQL only
    actions: tuple[PodAction, ...] = ()  # what is legal now
    image: str = ""
    args: str = ""
    gpu_id: str = ""
    gpu_name: str = ""
    gpu_count: int = 0
    gpu_vram_gb: int | None = None  # of one GPU
    gpus_attached: int | None = None  # GPUs the running container reports; 0 is a pod that came back without
    cpu_id: str = ""  # kind of a pod that was rented without a GPU
    gpus_free_on_host: int | None = None  # GraphQL only: whether a stopped pod would get one again
    vcpu_count: float | None = None
    ram_gb: float | None = None
    container_disk_gb: int | None = None
    volume_disk_gb: int = 0  # on the host: gone with it, and with the pod
    volume_path: str | None = None  # where the volume, of whichever kind, is mounted
    network_volume_id: str | None = None
    network_volume_gb: int | None = None
    ports: tuple[Port, ...] = ()
    cloud: Cloud | None = None
    data_centre: str | None = None
    cuda: str | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold secrets: show the names only
    template_id: str | None = None
    compute_per_hour: Decimal | None = None  # as RunPod says it now; 0 while stopped
    locked: bool = False
    cluster_id: str | None = None  # member of a cluster: it can not be changed by itself
    ssh: SshEndpoint | None = None  # straight to the pod's sshd: exec, SFTP, forwarding
    ssh_proxy: SshEndpoint | None = None  # RunPod's proxy: an interactive shell and nothing else
    load: Load = Load()
    uptime_s: int | None = None  # of the container
    created_at: datetime | None = None
    started_at: datetime | None = None
    last_change: str = ""  # RunPod's free text of why it stopped; GraphQL only

    @property
    def container_started_at(self) -> datetime | None:
        """Start of the container that runs now: its host keys are as old as this."""
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
    def lost_its_gpu(self) -> bool:
        """True for a pod that was rented with a GPU and runs without one; a count that is not told is no loss."""
        return self.status is PodStatus.RUNNING and not self.cpu_id and self.gpus_attached == 0

    @property
    def cost_per_hour(self) -> Decimal | None:
        """$/h now, disks included; the network volume only where its size is known."""
        if self.status is PodStatus.TERMINATED:
            return ZERO
        if not self.status.is_up:
            return self.cost_per_hour_stopped
        return None if self.compute_per_hour is None else self.compute_per_hour + self._disks(running=True)

    @property
    def cost_per_hour_stopped(self) -> Decimal:
        """$/h while it is stopped: what RunPod shows as 0."""
        return self._disks(running=False)

    def _disks(self, *, running: bool) -> Decimal:
        return disk_per_hour(
            container_gb=self.container_disk_gb or 0,
            volume_gb=self.volume_disk_gb,
            network_gb=self.network_volume_gb or 0,
            running=running,
        )

    def proxy_url(self, private_port: int) -> str | None:
        """The public web address of an http port; None for a port that has none."""
        http = any(port.private == private_port and port.protocol == "http" for port in self.ports)
        return f"https://{self.id}-{private_port}.proxy.runpod.net" if http else None


@dataclass(frozen=True, slots=True)
class PodLogLine:
    """A line of a pod's log; ``id`` resumes the stream after it. ``source`` is ``container`` or ``system``."""

    source: str
    text: str
    at: datetime | None = None
    id: str = ""
