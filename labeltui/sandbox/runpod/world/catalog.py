"""The GPU types and data centres of the emulated RunPod, with prices and stock."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

LEVELS = ("NONE", "LOW", "MEDIUM", "HIGH")
CUDA_VERSIONS = ("12.4", "12.6", "12.8")
CPU_PRICE = Decimal("0.03")  # USD per vCPU and hour


@dataclass(slots=True)
class GpuType:
    """One type of GPU. Prices are USD per GPU and hour; ``memory`` is in GB."""

    id: str
    name: str
    memory: int
    secure: Decimal
    community: Decimal
    pool: str | None = None
    manufacturer: str = "NVIDIA"
    most: int = 8  # GPUs on one machine

    def price(self, cloud: str) -> Decimal:
        """Return the USD per hour for one GPU in ``cloud``."""
        return self.community if cloud == "COMMUNITY" else self.secure


@dataclass(slots=True)
class DataCenter:
    """One data centre. ``stock`` maps GPU types to ``LEVELS``; missing types are not offered."""

    id: str
    name: str
    region: str
    country: str
    compliance: tuple[str, ...]
    stock: dict[str, str] = field(default_factory=dict)
    global_network: bool = True
    volume_types: tuple[str, ...] = ("STANDARD",)


def _gpu(id: str, memory: int, secure: str, community: str, pool: str | None = None) -> GpuType:
    name = id.removeprefix("NVIDIA ").removeprefix("GeForce ")
    return GpuType(id, name, memory, Decimal(secure), Decimal(community), pool)


@dataclass(slots=True)
class Catalog:
    """The offered GPU types and data centres. Tests and faults may change the catalogue at any time."""

    gpus: dict[str, GpuType]
    centers: dict[str, DataCenter]

    def stock(self, gpu: str, *, center: str | None = None, countries: tuple[str, ...] = ()) -> str:
        """Return the best stock level of a GPU type, optionally in one data centre or some countries."""
        levels = [
            place.stock.get(gpu, "NONE")
            for place in self.centers.values()
            if (center is None or place.id == center) and (not countries or place.country in countries)
        ]
        return max(levels, key=LEVELS.index, default="NONE")

    def set_stock(self, gpu: str, level: str, center: str | None = None) -> None:
        """Change the stock of a GPU type in one data centre. Without ``center``, in all that offer the type."""
        if level not in LEVELS:
            raise ValueError(f"unknown stock level {level!r}")
        for place in self.centers.values():
            if place.id == center or (center is None and gpu in place.stock):
                place.stock[gpu] = level


def default_catalog() -> Catalog:
    """Return a small catalogue with every stock level, both clouds and three regions."""
    a4000, a5000, r3090 = "NVIDIA RTX A4000", "NVIDIA RTX A5000", "NVIDIA GeForce RTX 3090"
    r4090, l40s, a100 = "NVIDIA GeForce RTX 4090", "NVIDIA L40S", "NVIDIA A100 80GB PCIe"
    gpus = [
        _gpu(a4000, 16, "0.25", "0.17", "AMPERE_16"),
        _gpu(a5000, 24, "0.27", "0.16", "AMPERE_24"),
        _gpu(r3090, 24, "0.46", "0.22", "AMPERE_24"),
        _gpu(r4090, 24, "0.69", "0.34", "ADA_24"),
        _gpu(l40s, 48, "0.86", "0.79", "ADA_48_PRO"),
        _gpu(a100, 80, "1.39", "1.19", "AMPERE_80"),
    ]
    marks = ("GDPR", "ISO_IEC_27001", "SOC_2_TYPE_2")
    centers = [
        DataCenter(
            "EU-RO-1", "EU Romania 1", "EUROPE", "RO", marks, {a4000: "LOW", a5000: "HIGH", r4090: "MEDIUM"}
        ),
        DataCenter(
            "EU-SE-1", "EU Sweden 1", "EUROPE", "SE", marks, {a4000: "MEDIUM", a5000: "LOW", l40s: "NONE"}
        ),
        DataCenter(
            "US-KS-2",
            "US Kansas 2",
            "NORTH_AMERICA",
            "US",
            (*marks, "HIPAA"),
            {r3090: "NONE", r4090: "HIGH", l40s: "MEDIUM", a100: "LOW"},
            volume_types=("STANDARD", "HIGH_PERFORMANCE"),
        ),
        DataCenter("AP-JP-1", "AP Japan 1", "ASIA", "JP", (), {a5000: "NONE", a100: "MEDIUM"}, False, ()),
    ]
    return Catalog({gpu.id: gpu for gpu in gpus}, {place.id: place for place in centers})
