"""What RunPod offers: GPUs, data centres, network volumes and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from labeltui.domain.money import network_volume_per_hour
from labeltui.domain.pod.pod import OFFICIAL_IMAGE, Cloud, Pod


class Stock(StrEnum):
    """How many of a GPU are free: a hint for ordering, never a reservation."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


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


def described(pod: Pod, offers: Mapping[str, GpuOffer], volumes: Mapping[str, NetworkVolume]) -> Pod:
    """The pod with what the catalogue and the volumes (each by id) know of it: GPU name, memory, volume size."""
    offer, volume = offers.get(pod.gpu_id), volumes.get(pod.network_volume_id or "")
    return replace(
        pod,
        gpu_name=offer.name if offer else pod.gpu_name,
        gpu_vram_gb=offer.vram_gb if offer else pod.gpu_vram_gb,
        network_volume_gb=volume.size_gb if volume else pod.network_volume_gb,
    )
