"""A session on a RunPod account without pods, which always offers the same GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from labeltui.config.model import Profile, RunpodSection, ServerSection
from labeltui.domain.deploy.catalogue import DataCentre, GpuOffer, NetworkVolume, Stock
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Cloud
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.domain.state import Identity, SessionState
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.ui.app import Console
from tests.ui.fake_session import NOW, FakeSession, fresh

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx2oCCLmUmh5yb3MuC3nSFLT6tPVaqpBqsVeqbXIYGy you@desk"
CANARY = "rpa_CANARYCANARYCANARY"


def offer(name: str, vram: int, secure: str | None, community: str | None, **stock: Stock) -> GpuOffer:
    places = {place.replace("_", "-"): level for place, level in stock.items()}
    best = next((s for s in (Stock.HIGH, Stock.MEDIUM, Stock.LOW) if s in places.values()), Stock.NONE)
    return GpuOffer(
        f"NVIDIA {name}", name, vram, Decimal(secure) if secure else None,
        Decimal(community) if community else None, best, places,
        ("12.8", "12.4") if best is not Stock.NONE else (),
    )  # fmt: skip


OFFERS = (
    offer("RTX A4000", 16, "0.25", "0.17", EU_RO_1=Stock.LOW, EU_SE_1=Stock.MEDIUM),
    offer("RTX A5000", 24, "0.27", "0.16", EU_RO_1=Stock.HIGH, EU_SE_1=Stock.LOW, AP_JP_1=Stock.NONE),
    offer("RTX 3090", 24, "0.46", "0.22", US_KS_2=Stock.NONE),
    offer("RTX 4090", 24, "0.69", "0.34", EU_RO_1=Stock.MEDIUM, US_KS_2=Stock.HIGH),
    offer("L40S", 48, "0.86", "0.79", EU_SE_1=Stock.NONE, US_KS_2=Stock.MEDIUM),
    offer("A100 80GB PCIe", 80, "1.39", None, US_KS_2=Stock.LOW, AP_JP_1=Stock.MEDIUM),
    offer("RTX 2000 Ada", 8, "0.20", None, EU_RO_1=Stock.HIGH),
)
MANY = OFFERS + tuple(
    offer(f"Test {n:02}", 8 + n, f"{1 + n / 10:.2f}", None, EU_RO_1=Stock.LOW) for n in range(34)
)
PLACES = (
    DataCentre("EU-RO-1", "EU Romania 1", "Europe", ("STANDARD",)),
    DataCentre("EU-SE-1", "EU Sweden 1", "Europe", ("STANDARD",)),
    DataCentre("AP-JP-1", "AP Japan 1", "Asia"),
)
VOLUMES = (NetworkVolume("vol1", "scans", 200, "EU-RO-1"),)


class Client:
    """Returns ``offers``, or raises ``failing``; stores the requests in ``asked``."""

    def __init__(self) -> None:
        self.offers: tuple[GpuOffer, ...] = OFFERS
        self.failing: LabeltuiError | None = None
        self.asked: list[str] = []

    async def gpu_offers(self, *, cloud: Cloud) -> tuple[GpuOffer, ...]:
        self.asked.append(f"offers {cloud}")
        if self.failing is not None:
            raise self.failing
        return self.offers

    async def data_centres(self) -> tuple[DataCentre, ...]:
        return PLACES

    async def network_volumes(self) -> tuple[NetworkVolume, ...]:
        return VOLUMES

    async def pods(self) -> tuple[Any, ...]:
        return ()

    async def ssh_keys(self) -> tuple[Any, ...]:
        raise Failed(
            Code.RUNPOD_KEY_SCOPE, "The API key is valid, but it may not do this (the account's ssh keys)."
        )


class PodAccount:
    """An account whose client is :class:`Client`. ``key`` is a private key file with its .pub file beside it."""

    def __init__(self, key: Path) -> None:
        self.shop = Client()
        self.ssh_key = str(key)
        self.name = ""

    async def client(self) -> Client:
        return self.shop


class RentingSession(FakeSession):
    """A session whose profile names no pod."""

    def __init__(
        self, folder: Path, *, theme: str = "labeltui-dark", models: tuple[str, ...] = ("deepedit",)
    ) -> None:
        (folder / "id_ed25519").write_text("never read")
        (folder / "id_ed25519.pub").write_text(KEY + "\n")
        state = SessionState(
            Identity("liver", rents=True),
            account=fresh(Account(Decimal("18.40"), Decimal("0.00"), Decimal(80))),
        )
        profile = Profile(
            host="runpod", theme=theme, runpod=RunpodSection(key=str(folder / "id_ed25519")),
            server=ServerSection(models=models, folder="/workspace/labeltui"),
        )  # fmt: skip
        super().__init__(state, profile=profile, log=b"")
        self.account = PodAccount(folder / "id_ed25519")
        self.state_folder = StateFolder(folder / "state")
        self.config: Path | None = folder / "labeltui.toml"
        self.created: list[Mapping[str, Any]] = []


def market_console(folder: Path, **options: Any) -> Console:
    """A console over a :class:`RentingSession`, at the time ``NOW``."""
    return Console(session=RentingSession(folder, **options), clock=lambda: NOW)


def sold_out(offers: tuple[GpuOffer, ...], name: str) -> tuple[GpuOffer, ...]:
    """The offers, with the GPU ``name`` out of stock."""
    return tuple(replace(o, stock=Stock.NONE, data_centres={}) if o.name == name else o for o in offers)
