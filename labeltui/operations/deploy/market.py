"""Reads RunPod's offers and the account's resources, for the deploy form and the commands that list them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from labeltui.actions.params import NoParams
from labeltui.actions.pods import PodGpusParams, PodMakeVolumeParams
from labeltui.domain.amounts import cents, dollars
from labeltui.domain.deploy.candidates import by_price, stock_in
from labeltui.domain.deploy.catalogue import DataCentre, GpuOffer, NetworkVolume, Stock
from labeltui.domain.deploy.gpu_memory import Size, spatial_size
from labeltui.domain.deploy.quote import price
from labeltui.domain.deploy.sizing import LEAST_VOLUME_GB, MOST_NETWORK_GB
from labeltui.domain.documents.documents import moment
from labeltui.domain.documents.pod import gpu_document, volume_document
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account, network_volume_per_hour, per_month
from labeltui.domain.pod.pod import Cloud
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import LabeltuiError, Misused, Refused
from labeltui.hosts.ssh.own_keys import OwnKey, all_keys, read_public
from labeltui.operations.deploy.plan import volume_place
from labeltui.operations.deploy.rent import pending_name

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything that the deploy form offers, read at one time.

    A part that could not be read is empty. ``errors`` then has the reason under the part's name.
    """

    at: datetime
    offers: tuple[GpuOffer, ...] = ()
    places: tuple[DataCentre, ...] = ()
    volumes: tuple[NetworkVolume, ...] = ()
    names: tuple[str, ...] = ()  # of the account's pods
    account_keys: tuple[SshKey, ...] = ()
    own_keys: tuple[OwnKey, ...] = ()
    pending: str | None = None  # name in a request to rent that was never answered
    errors: Mapping[str, str] = field(default_factory=dict)


async def offers_now(session: Session, cloud: Cloud) -> tuple[GpuOffer, ...]:
    """Return the GPUs with price and stock in that cloud. Raises LabeltuiError."""
    return await (await session.account.client()).gpu_offers(cloud=cloud)


async def read_shop(session: Session, cloud: Cloud = Cloud.SECURE) -> Shop:
    """Read every part at once. Raises LabeltuiError only if there is no API key."""
    client = await session.account.client()
    errors: dict[str, str] = {}

    async def part(name: str, request: Awaitable[tuple[T, ...]]) -> tuple[T, ...]:
        try:
            return await request
        except LabeltuiError as error:
            errors[name] = error.problem.message
            return ()

    offers, places, volumes, pods, account_keys, own = await asyncio.gather(
        part("offers", client.gpu_offers(cloud=cloud)),
        part("places", client.data_centres()),
        part("volumes", client.network_volumes()),
        part("pods", client.pods()),
        part("account_keys", client.ssh_keys()),
        part("own_keys", _own_keys(session)),
    )
    names = tuple(pod.name for pod in pods)
    return Shop(
        session.clock(), offers, places, volumes, names, account_keys, own, pending_name(session), errors
    )


async def _own_keys(session: Session) -> tuple[OwnKey, ...]:
    """Return the operator's keys. The profile's key comes first, even if it is outside ``~/.ssh``."""
    keys = await all_keys()
    private = session.account.ssh_key
    if private is None:
        return keys
    try:
        own = read_public(f"{private}.pub")
    except Misused:
        return keys  # a pod needs the public key
    return (own, *(key for key in keys if key.line.split()[:2] != own.line.split()[:2]))


async def account_now(session: Session) -> Account:
    """Return the account with balance and limit. Raises LabeltuiError.

    Uses the session's reading if there is one, because RunPod's SDK takes seconds.
    """
    known = session.store.state.account.value
    return known if known is not None else await (await session.account.client()).account()


def needs(session: Session) -> tuple[tuple[str, ...], Size | None]:
    """Return the profile's models, and its spatial size (None: not set). Both determine the GPU memory needed."""
    server = session.profile.server
    return tuple(server.models), spatial_size(server.conf.get("spatial_size"))


async def pod_gpus(session: Session, params: PodGpusParams, _report: Report) -> Document:
    """List kinds of GPU with price and stock: free ones first, then the cheapest."""
    cloud = Cloud(params.cloud or Cloud.SECURE)
    centre = params.data_centre
    models, size = needs(session)

    def passes(offer: GpuOffer) -> bool:
        dear = params.max_price is not None and (price(offer, cloud) or 0) > Decimal(params.max_price)
        gone = (centre or params.free) and stock_in(offer, centre) is Stock.NONE
        return not dear and not gone and offer.vram_gb >= (params.vram or 0)

    offers = by_price(await offers_now(session, cloud), cloud, centre)
    listed = [gpu_document(offer, models, size) for offer in offers if passes(offer)]
    return {"as_of": moment(session.clock()), "cloud": cloud.value, "models": list(models), "gpus": listed}


async def pod_volumes(session: Session, _params: NoParams, _report: Report) -> Document:
    """List the account's network volumes."""
    volumes = await (await session.account.client()).network_volumes()
    return {"as_of": moment(session.clock()), "volumes": [volume_document(volume) for volume in volumes]}


async def pod_make_volume(session: Session, params: PodMakeVolumeParams, _report: Report) -> Document:
    """Create a network volume. Raises Refused with the monthly price if ``max_month`` is missing or lower.

    If a volume with this name, size and data centre exists, that volume is returned and none is created.
    """
    size = params.size or 0
    if not LEAST_VOLUME_GB <= size <= MOST_NETWORK_GB:
        raise Misused(
            Code.BAD_SIZE,
            f"A network volume cannot have {size} GB.",
            f"Give a --size from {LEAST_VOLUME_GB} to {MOST_NETWORK_GB}.",
        )
    client = await session.account.client()
    place = await volume_place(client, params.data_centre)
    month = cents(per_month(network_volume_per_hour(size)))
    limit = params.max_month
    if limit is None or month > Decimal(str(limit)):
        raise Refused(
            Code.PRICE_NOT_AGREED, f"{size} GB cost {dollars(month)} a month for as long as the volume exists.",
            f"Add --max-month {month} to make the volume at that price.",
        )  # fmt: skip
    volume = await client.create_network_volume(params.name, size, place)
    return {"as_of": moment(session.clock()), **volume_document(volume)}
