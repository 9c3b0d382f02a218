"""The plan of a deployment: the parameters of ``pod create``, checked before anything is rented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from labeltui.actions.pods import PodCreateParams
from labeltui.domain.amounts import rate_text
from labeltui.domain.deploy.candidates import by_price, candidates, cuda_of, named, stock_in
from labeltui.domain.deploy.catalogue import GpuOffer, NetworkVolume, PodSpec, Stock
from labeltui.domain.deploy.quote import Quote, price, quote
from labeltui.domain.deploy.sizing import LEAST_VOLUME_GB, MOST_NETWORK_GB, suggested
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import OFFICIAL_IMAGE, Cloud
from labeltui.domain.problems import Failed, LabeltuiError, Misused
from labeltui.hosts.ssh.own_keys import OwnKey
from labeltui.operations.deploy.data_size import measure
from labeltui.operations.deploy.key import pod_key

if TYPE_CHECKING:
    from labeltui.runpod.client import RunpodClient
    from labeltui.session.session import Session

CONTAINER_GB = 50
VOLUME_GB = 50
LONGEST_NAME = 60
SSH_ONLY = ("22/tcp",)
PUBLIC = ("22/tcp", "8888/http", "8000/http")
HALF_A_CENT = Decimal("0.005")
ON_ONE_MACHINE = (
    "This disk belongs to one machine, which may have no free GPU after a stop. When the balance is used up, RunPod "
    "deletes the pod with this disk."
)
SECURE_ONLY = "RunPod attaches network volumes in the secure cloud only."


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A network volume to create before the pod is rented."""

    name: str
    size_gb: int
    data_centre: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The GPUs to request in turn (``offers``), and the rest of each request (``spec``)."""

    spec: PodSpec
    offers: tuple[GpuOffer, ...]
    key: OwnKey
    limit: Decimal | None = None  # agreed $/h, including the pod's disks
    volume: NetworkVolume | None = None
    new_volume: NewVolume | None = None
    add_key: bool = False
    wait: bool = False
    fallback: bool = False
    others: tuple[str, ...] = ()

    @property
    def network_gb(self) -> int:
        """Size of the network volume in GB; 0 without one."""
        if self.volume is not None:
            return self.volume.size_gb
        return self.new_volume.size_gb if self.new_volume else 0

    def quoted(self, offer: GpuOffer) -> Quote | None:
        """Return the price with that GPU; None if the plan's cloud does not offer the GPU."""
        return quote(offer, self.spec, self.network_gb)

    @property
    def affordable(self) -> tuple[GpuOffer, ...]:
        """The offers that do not exceed the agreed price."""
        return tuple(one for one in self.offers if self._within(one))

    def _within(self, offer: GpuOffer) -> bool:
        made = self.quoted(offer)
        return made is not None and self.admits(made.running)

    def admits(self, per_hour: Decimal) -> bool:
        """Whether this price, in $/h with the pod's disks, does not exceed the agreed price."""
        return self.limit is not None and per_hour <= self.limit + HALF_A_CENT

    def specs(self) -> tuple[PodSpec, ...]:
        """Return a request for each affordable offer, all with the same name."""
        return tuple(replace(self.spec, gpu_id=one.id) for one in self.affordable)

    def with_volume(self, volume: NetworkVolume) -> Plan:
        """Return the same plan on the network volume that was created for it."""
        spec = replace(self.spec, network_volume_id=volume.id, data_centres=(volume.data_centre,))
        return replace(self, spec=spec, volume=volume)

    async def refreshed(self, client: RunpodClient) -> Plan:
        """Return the same plan with the current prices and stock."""
        offers = await client.gpu_offers(cloud=self.spec.cloud)
        first = named(offers, self.spec.gpu_id)
        if first is None:
            return self
        others = [found for name in self.others if (found := named(offers, name)) is not None]
        centre = self.spec.data_centres[0] if self.spec.data_centres else None
        listed = candidates(
            offers, first, others, fallback=self.fallback, cloud=self.spec.cloud, data_centre=centre
        )
        return replace(self, offers=listed)


async def make_plan(session: Session, params: PodCreateParams) -> Plan:
    """Return the plan for these parameters. Raises Misused or Failed. Rents nothing."""
    cloud = Cloud(params.cloud or Cloud.SECURE)
    if cloud is Cloud.COMMUNITY and (params.network_volume or params.new_volume_gb is not None):
        raise Misused(Code.SECURE_ONLY, SECURE_ONLY, "Leave out --cloud, or leave out the network volume.")
    name = _name(session, params.name)
    client = await session.account.client()
    volume, new_volume = await _network(client, name, params)
    centre = _centre(params, volume)
    offers = await client.gpu_offers(cloud=cloud)
    first = _wanted(offers, params.gpu, cloud, centre)
    others = tuple(_known(offers, other) for other in params.or_)
    image = params.image or OFFICIAL_IMAGE
    key = await pod_key(session, params)
    spec = PodSpec(
        name,
        first.id,
        image=image,
        cloud=cloud,
        container_disk_gb=_size("container_gb", params.container_gb, CONTAINER_GB, least=1),
        volume_disk_gb=await _volume_gb(params, volume is not None or new_volume is not None),
        network_volume_id=volume.id if volume else None,
        data_centres=(centre,) if centre else (),
        ports=PUBLIC if params.public else SSH_ONLY,
        public_keys=(key.line,),
        min_cuda=cuda_of(image),
    )
    return Plan(
        spec,
        candidates(offers, first, others, fallback=params.fallback, cloud=cloud, data_centre=centre),
        key,
        limit=_limit(params.max_price),
        volume=volume,
        new_volume=new_volume,
        add_key=params.add_key,
        wait=params.wait,
        fallback=params.fallback,
        others=tuple(other.id for other in others),
    )


def _limit(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _name(session: Session, given: str | None) -> str:
    name = (given or session.account.name or "").strip()
    if not name:
        raise Misused(Code.NO_POD_NAMED, "The pod needs a name.", "Give --name, or set `pod` in the profile.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Misused(
            Code.BAD_NAME,
            "The pod's name must be one line of printable characters.",
            f"Use at most {LONGEST_NAME} characters.",
        )
    return name


def _wanted(offers: tuple[GpuOffer, ...], wanted: str | None, cloud: Cloud, centre: str | None) -> GpuOffer:
    if wanted:
        return _known(offers, wanted)
    free = [one for one in by_price(offers, cloud, centre) if stock_in(one, centre) is not Stock.NONE]
    names = ", ".join(f"{one.name} ({rate_text(price(one, cloud))})" for one in free[:5]) or "none"
    raise Misused(
        Code.NO_GPU_NAMED,
        "No GPU was chosen.",
        f"Name a GPU with --gpu. Free now (prices without disks): {names}.",
    )


def _known(offers: tuple[GpuOffer, ...], wanted: str) -> GpuOffer:
    found = named(offers, wanted)
    if found is None:
        raise Failed(
            Code.UNKNOWN_GPU, f"RunPod has no GPU called {wanted!r}.", "`labeltui pod gpus` lists them."
        )
    return found


def _size(field: str, value: int | None, default: int, *, least: int, most: int | None = None) -> int:
    if value is None:
        return default
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"{least} to {most}"
        raise Misused(Code.BAD_SIZE, f"{field} can't be {value} GB.", f"Give {bounds}.")
    return value


async def _volume_gb(params: PodCreateParams, network: bool) -> int:
    if network:
        return 0
    if params.volume_gb == 0:
        return 0
    default = VOLUME_GB
    if params.data and params.volume_gb is None:
        default = suggested((await measure(params.data)).bytes).volume_gb
    return _size("volume_gb", params.volume_gb, default, least=LEAST_VOLUME_GB)


async def _network(
    client: RunpodClient, name: str, params: PodCreateParams
) -> tuple[NetworkVolume | None, NewVolume | None]:
    """Return the chosen network volume, or the one to create; (None, None) if the pod uses its own disk."""
    wanted, size = params.network_volume, params.new_volume_gb
    if wanted:
        found = next((v for v in await client.network_volumes() if wanted in (v.id, v.name)), None)
        if found is None:
            raise Failed(
                Code.UNKNOWN_VOLUME,
                f"The account has no network volume {wanted!r}.",
                "`labeltui pod volumes` lists them.",
            )
        return found, None
    if size is None:
        return await _volume_before(client, name, params), None
    gb = _size("new_volume_gb", size, 0, least=LEAST_VOLUME_GB, most=MOST_NETWORK_GB)
    return None, NewVolume(volume_name(name), gb, await volume_place(client, params.data_centre))


async def _volume_before(client: RunpodClient, name: str, params: PodCreateParams) -> NetworkVolume | None:
    """Return the network volume that was created for an earlier pod of that name.

    None if another storage is wanted, or if the volumes can't be read.
    """
    if params.volume_gb is not None or params.cloud == "community":
        return None
    try:
        volumes = await client.network_volumes()
    except LabeltuiError:
        return None
    wanted = (params.data_centre or "").lower()
    found = [v for v in volumes if v.name == volume_name(name) and wanted in ("", v.data_centre.lower())]
    return found[0] if len(found) == 1 else None


def volume_name(pod: str) -> str:
    """Return the name of the network volume that is made for a pod of that name."""
    return f"{pod}-data"


async def volume_place(client: RunpodClient, wanted: str | None) -> str:
    """Return the data centre for a new network volume.

    Raises Misused if none is given, and Failed if volumes can't be created there.
    """
    places = [place for place in await client.data_centres() if place.volume_types]
    listed = ", ".join(place.id for place in places) or "none"
    if not wanted:
        raise Misused(
            Code.NO_DATA_CENTRE, "A network volume cannot leave its data centre, and none was chosen.",
            f"Choose one with --data-centre: {listed}.",
        )  # fmt: skip
    found = next((place for place in places if place.id.lower() == wanted.lower()), None)
    if found is None:
        raise Failed(
            Code.NO_VOLUMES_THERE,
            f"No network volume can be made in {wanted!r}.",
            f"Choose one of: {listed}.",
        )
    return found.id


def _centre(params: PodCreateParams, volume: NetworkVolume | None) -> str | None:
    wanted = params.data_centre
    if volume is None:
        return wanted or None
    if wanted and wanted != volume.data_centre:
        raise Misused(
            Code.OTHER_DATA_CENTRE, f"The network volume {volume.name} is in {volume.data_centre}, not in {wanted}.",
            "Leave out --data-centre: the pod must be where its volume is.",
        )  # fmt: skip
    return volume.data_centre
