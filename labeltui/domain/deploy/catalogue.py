"""RunPod's offers: GPUs, data centres and network volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from labeltui.domain.money import network_volume_per_hour
from labeltui.domain.pod.pod import OFFICIAL_IMAGE, Cloud, Pod


class Stock(StrEnum):
    """RunPod's estimate of how many GPUs of a type are free. It does not reserve any."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PodSpec:
    """The pod to rent. ``name`` must be unique to this request: labeltui finds the pod by name after a timeout."""

    name: str
    gpu_id: str
    image: str = OFFICIAL_IMAGE
    gpu_count: int = 1
    cloud: Cloud = Cloud.SECURE
    container_disk_gb: int = 50
    volume_disk_gb: int = 0  # 0, or at least 10; not together with a network volume
    network_volume_id: str | None = None
    volume_path: str = "/workspace"
    data_centres: tuple[str, ...] = ()  # empty: any
    ports: tuple[str, ...] = ("22/tcp",)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    public_keys: tuple[str, ...] = ()  # SSH keys for this pod only; empty: the account's keys
    start_ssh: bool = True
    min_cuda: str | None = None
    registry_id: str | None = None


@dataclass(frozen=True, slots=True)
class GpuOffer:
    """A GPU type. Prices are $/h for one GPU; None means that the cloud does not offer the GPU."""

    id: str
    name: str
    vram_gb: int
    price_secure: Decimal | None = None
    price_community: Decimal | None = None
    stock: Stock = Stock.UNKNOWN
    data_centres: Mapping[str, Stock] = field(default_factory=dict)
    cuda_versions: tuple[str, ...] = ()  # versions that a free machine has now
    manufacturer: str = ""


@dataclass(frozen=True, slots=True)
class DataCentre:
    """A data centre. ``volume_types`` is empty if it has no network volumes."""

    id: str
    name: str
    region: str = ""
    volume_types: tuple[str, ...] = ()
    compliance: tuple[str, ...] = ()
    gpus: Mapping[str, Stock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkVolume:
    """A disk that exists independently of pods and cannot leave its data centre."""

    id: str
    name: str
    size_gb: int
    data_centre: str
    type: str = ""

    @property
    def cost_per_hour(self) -> Decimal:
        """$/h of the volume, whether or not a pod uses it."""
        return network_volume_per_hour(self.size_gb)


def described(pod: Pod, offers: Mapping[str, GpuOffer], volumes: Mapping[str, NetworkVolume]) -> Pod:
    """Return the pod with GPU name, GPU memory and volume size, looked up by id in the catalogue and the volumes."""
    offer, volume = offers.get(pod.gpu_id), volumes.get(pod.network_volume_id or "")
    return replace(
        pod,
        gpu_name=offer.name if offer else pod.gpu_name,
        gpu_vram_gb=offer.vram_gb if offer else pod.gpu_vram_gb,
        network_volume_gb=volume.size_gb if volume else pod.network_volume_gb,
    )
