"""Renting a pod: an offer, a price that was agreed to, and never two of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.domain import documents
from labeltui.domain.money import HOURS_PER_MONTH, disk_per_hour
from labeltui.domain.pod import Cloud, GpuOffer, PodSpec, PodStatus, Stock
from labeltui.domain.poddocuments import pod_document
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.session.podcontrol import public_key, until

if TYPE_CHECKING:
    from labeltui.session.report import Document, Report
    from labeltui.session.session import Session

CONTAINER_GB = 50
VOLUME_GB = 50
KEYS = ("~/.ssh/id_ed25519.pub", "~/.ssh/id_rsa.pub")


async def pod_create(session: Session, params: Mapping[str, Any], report: Report) -> Document:
    """Rent a pod under the name that the profile uses, and wait until it can be reached.

    Nothing dearer than ``max_price`` is rented; without it the price is said, and nothing rented. A pod that already
    has the name is taken for the one asked for.
    """
    client = await session.rental.client()
    offer = _offer(await client.gpu_offers(), params.get("gpu"))
    spec = _spec(session, offer, params)
    _agreed(offer, spec, params.get("max_price"))
    report.progress(f"Renting {offer.name} as {spec.name}")
    await client.create_once(spec)
    pod = await until(session, lambda p: p.status is PodStatus.RUNNING and p.ssh is not None, report)
    session.link.reconnect()
    return {"as_of": documents.moment(session.clock()), **pod_document(pod)}


def cost_per_hour(offer: GpuOffer, spec: PodSpec) -> Decimal | None:
    """$/h of the GPU and its disks; None where this cloud does not offer it."""
    price = offer.price_secure if spec.cloud is Cloud.SECURE else offer.price_community
    disks = disk_per_hour(
        container_gb=spec.container_disk_gb, volume_gb=spec.volume_disk_gb, network_gb=0, running=True
    )
    return None if price is None else price + disks


def _offer(offers: tuple[GpuOffer, ...], wanted: str | None) -> GpuOffer:
    free = sorted(
        (o for o in offers if o.stock is not Stock.NONE and o.price_secure), key=lambda o: o.price_secure or 0
    )
    if wanted is None:
        names = ", ".join(f"{o.name} (${o.price_secure})" for o in free[:5]) or "none"
        raise Misused("no_gpu_named", "Which GPU?", f"Name one with --gpu; free now: {names}.")
    found = next((o for o in offers if wanted.lower() in (o.id.lower(), o.name.lower())), None)
    if found is None:
        raise Failed(
            "unknown_gpu", f"RunPod has no GPU called {wanted!r}.", "`labeltui pod gpus` lists them."
        )
    return found


def _spec(session: Session, offer: GpuOffer, params: Mapping[str, Any]) -> PodSpec:
    section = session.rental.section
    name = params.get("name") or (section.pod if section is not None else None)
    if not name:
        raise Misused("no_pod_named", "The pod needs a name.", "Give --name, or name it in the profile.")
    network = params.get("network_volume")
    return PodSpec(
        name,
        offer.id,
        container_disk_gb=params.get("container_gb") or CONTAINER_GB,
        volume_disk_gb=0 if network else params.get("volume_gb") or VOLUME_GB,
        network_volume_id=network,
        public_keys=(public_key(_key_file(session, params.get("key"))),),
    )


def _key_file(session: Session, named: str | None) -> str:
    section = session.rental.section
    own = f"{section.key}.pub" if section is not None and section.key else None
    for path in (named, own, *KEYS):
        if path and (path == named or Path(path).expanduser().is_file()):
            return path
    raise Misused(
        "no_ssh_key", "There is no SSH key to reach the pod with.", "Make one: ssh-keygen -t ed25519."
    )


def _agreed(offer: GpuOffer, spec: PodSpec, limit: float | None) -> None:
    cost = cost_per_hour(offer, spec)
    if cost is None or offer.stock is Stock.NONE:
        raise Failed(
            "no_capacity", f"No {offer.name} is free now.", "`labeltui pod gpus` shows what is; or try later."
        )
    price = f"${cost:.3f}/h, ${cost * HOURS_PER_MONTH:.0f} a month"
    if limit is None:
        raise Refused(
            "price_not_agreed", f"{offer.name} with these disks costs {price}.",
            f"Add --max-price {cost:.2f} to agree to it, and rent it.",
        )  # fmt: skip
    if cost > Decimal(str(limit)) + Decimal("0.005"):
        raise Refused(
            "too_dear", f"{offer.name} with these disks costs {price}.", f"That is more than ${limit}/h."
        )
