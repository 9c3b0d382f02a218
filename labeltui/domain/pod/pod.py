"""A rented machine: what RunPod says of it, in our words, and what has changed since it last said so."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from labeltui.domain.money import ZERO, disk_per_hour, network_volume_per_hour

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


class Stock(StrEnum):
    """How many of a GPU are free: a hint for ordering, never a reservation."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


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
class SshDoor:
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
class PodEvent:
    """Something that happened to a pod. ``kind`` is for scripts, ``text`` for people."""

    at: datetime
    kind: str
    text: str


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
    ssh: SshDoor | None = None  # straight to the pod's sshd: exec, SFTP, forwarding
    ssh_proxy: SshDoor | None = None  # RunPod's proxy: an interactive shell and nothing else
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
class PodSpec:
    """What to rent. ``name`` must be of this request alone: it is how a pod is found again after a timeout."""

    name: str
    gpu_id: str
    image: str = OFFICIAL_IMAGE
    gpu_count: int = 1
    cloud: Cloud = Cloud.SECURE
    container_disk_gb: int = 50
    volume_disk_gb: int = 0  # at least 10, or none; not together with a network volume
    network_volume_id: str | None = None
    volume_path: str = "/workspace"
    data_centres: tuple[str, ...] = ()  # empty: any
    ports: tuple[str, ...] = ("22/tcp",)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    public_keys: tuple[str, ...] = ()  # ssh keys of this pod alone; empty: those of the account
    start_ssh: bool = True
    min_cuda: str | None = None
    template_id: str | None = None
    registry_id: str | None = None


@dataclass(frozen=True, slots=True)
class GpuOffer:
    """A kind of GPU: $/h for one, by cloud (None: not offered there)."""

    id: str
    name: str
    vram_gb: int
    price_secure: Decimal | None = None
    price_community: Decimal | None = None
    max_secure: int = 0  # most of them in one pod
    max_community: int = 0
    stock: Stock = Stock.UNKNOWN
    data_centres: Mapping[str, Stock] = field(default_factory=dict)
    cuda_versions: tuple[str, ...] = ()  # with a machine free now
    manufacturer: str = ""


@dataclass(frozen=True, slots=True)
class DataCentre:
    """A place. ``volume_types`` is empty where no network volume can be made."""

    id: str
    name: str
    region: str = ""
    volume_types: tuple[str, ...] = ()
    compliance: tuple[str, ...] = ()
    gpus: Mapping[str, Stock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkVolume:
    """A disk that outlives pods, in one data centre for ever."""

    id: str
    name: str
    size_gb: int
    data_centre: str
    type: str = ""

    @property
    def cost_per_hour(self) -> Decimal:
        """$/h, as long as it exists."""
        return network_volume_per_hour(self.size_gb)


@dataclass(frozen=True, slots=True)
class Template:
    """A saved set of container settings."""

    id: str
    name: str
    image: str
    container_disk_gb: int | None = None
    ports: tuple[str, ...] = ()
    start_ssh: bool = True
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key of the account; ``line`` is kept exactly as the account has it."""

    line: str

    @property
    def comment(self) -> str:
        """What follows the key, usually ``user@machine``."""
        parts = self.line.split(None, 2)
        return parts[2].strip() if len(parts) > 2 else ""

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ssh-keygen shows it; empty for what is no key."""
        parts = self.line.split(None, 2)
        try:
            blob = base64.b64decode(parts[1], validate=True)
        except (IndexError, binascii.Error, ValueError):
            return ""
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    def same_as(self, other: SshKey) -> bool:
        """True for the same key, whatever its comment."""
        return self.line.split()[:2] == other.line.split()[:2]


@dataclass(frozen=True, slots=True)
class PodLogLine:
    """A line of a pod's log; ``id`` resumes the stream after it. ``source`` is ``container`` or ``system``."""

    source: str
    text: str
    at: datetime | None = None
    id: str = ""


def described(pod: Pod, offers: Mapping[str, GpuOffer], volumes: Mapping[str, NetworkVolume]) -> Pod:
    """The pod with what the catalogue and the volumes (each by id) know of it: GPU name, memory, volume size."""
    offer, volume = offers.get(pod.gpu_id), volumes.get(pod.network_volume_id or "")
    return replace(
        pod,
        gpu_name=offer.name if offer else pod.gpu_name,
        gpu_vram_gb=offer.vram_gb if offer else pod.gpu_vram_gb,
        network_volume_gb=volume.size_gb if volume else pod.network_volume_gb,
    )


def container_restarted(before: Pod, after: Pod) -> bool:
    """True when ``after`` runs another container than ``before`` did: its disk is new, and so are its host keys."""
    if not (before.status.is_up and after.status.is_up):
        return after.status.is_up and after.started_at != before.started_at
    if before.started_at and after.started_at and before.started_at != after.started_at:
        return True
    return before.uptime_s is not None and after.uptime_s is not None and after.uptime_s < before.uptime_s


def changes(before: Pod | None, after: Pod | None, at: datetime) -> tuple[PodEvent, ...]:
    """What happened between two looks at one pod; None is a pod that is not there (any more)."""
    if before is None or after is None:
        if before is after:
            return ()
        if after is None and before is not None:
            return (PodEvent(at, "gone", f"{before.name} is gone: it was terminated, here or elsewhere."),)
        return (PodEvent(at, "appeared", f"{after.name} is there."),) if after else ()
    if before.id != after.id:
        return (PodEvent(at, "migrated", _migrated(before, after)),)
    if after.status is PodStatus.TERMINATED:
        gone = PodEvent(at, "gone", f"{after.name} is gone: it was terminated, here or elsewhere.")
        return () if before.status is PodStatus.TERMINATED else (gone,)
    events = []
    if before.status is not after.status:
        why = f" ({after.last_change})" if after.last_change != before.last_change else ""
        events.append(PodEvent(at, after.status.value, f"{before.status} became {after.status}{why}."))
    if container_restarted(before, after):
        events.append(PodEvent(at, "restarted", "A new container runs: its host keys are new."))
    if before.ssh and after.ssh and before.ssh != after.ssh:
        text = f"The ssh address changed from {before.ssh.address} to {after.ssh.address}."
        events.append(PodEvent(at, "address", text))
    if after.lost_its_gpu and not before.lost_its_gpu:
        events.append(PodEvent(at, "no_gpu", "It runs without a GPU."))
    if before.data_centre and after.data_centre and before.data_centre != after.data_centre:
        text = f"It moved from {before.data_centre} to {after.data_centre}."
        events.append(PodEvent(at, "moved", text))
    return tuple(events)


def _migrated(before: Pod, after: Pod) -> str:
    moved = before.data_centre and after.data_centre and before.data_centre != after.data_centre
    place = f", in {after.data_centre} instead of {before.data_centre}" if moved else ""
    return f"{after.name} is another pod than before: its id was {before.id} and is {after.id}{place}."
