"""The choices of the deploy form, with their price and the problems that still prevent renting. Does no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from labeltui.actions.pods import PodCreateParams
from labeltui.domain.amounts import rate_text
from labeltui.domain.deploy.candidates import cuda_of, named, newest_cuda, stock_in
from labeltui.domain.deploy.catalogue import GpuOffer, NetworkVolume, PodSpec, Stock
from labeltui.domain.deploy.quote import Quote, quote
from labeltui.domain.deploy.sizing import LEAST_VOLUME_GB, MOST_NETWORK_GB, Sizes, suggested
from labeltui.domain.pod.pod import OFFICIAL_IMAGE, Cloud, Pod
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.hosts.ssh.own_keys import OwnKey
from labeltui.operations.deploy.market import Shop
from labeltui.operations.deploy.plan import LONGEST_NAME, PUBLIC, SECURE_ONLY, SSH_ONLY
from labeltui.runpod.renting import unique_name

MAKE_KEY = "make"
NEW_VOLUME = "new"
HOST_DISK = "disk"


@dataclass(frozen=True, slots=True)
class Draft:
    """The choices so far. Sizes and prices are texts, because a typed text may not be a number yet."""

    name: str = ""
    gpu: str | None = None  # its id
    cloud: Cloud = Cloud.SECURE
    data: str = ""
    storage: str = HOST_DISK  # or NEW_VOLUME, or a network volume's id
    storage_chosen: bool = False  # by the operator; else it follows the data centre
    volume_gb: str = ""
    data_centre: str | None = None
    container_gb: str = ""
    image: str = OFFICIAL_IMAGE
    key: str = ""  # a .pub file, a fingerprint, or MAKE_KEY
    add_key: bool = False
    public: bool = False
    refused: str = "stop"  # what to do when RunPod refuses: stop, next (GPU), wait, both
    limit: str = ""  # $/h that another GPU may cost; empty: as much as the chosen one
    others: tuple[str, ...] = ()
    then: str = "start"  # what follows renting: reach, setup (install MONAI Label), start (the server)
    save: bool = False

    @classmethod
    def begun(cls, prefill: PodCreateParams, profile_pod: str, sizes: Sizes | None = None) -> Draft:
        """Return a draft from the facts that are known before RunPod has answered."""
        sizes = sizes or suggested(None)
        storage = prefill.network_volume or (NEW_VOLUME if prefill.new_volume_gb else HOST_DISK)
        both = prefill.wait, bool(prefill.fallback or prefill.or_)
        refused = {(True, True): "both", (True, False): "wait", (False, True): "next"}.get(both, "stop")
        size = prefill.new_volume_gb or prefill.volume_gb or sizes.volume_gb
        return cls(
            name=prefill.name or profile_pod,
            gpu=prefill.gpu,
            cloud=Cloud(prefill.cloud or Cloud.SECURE),
            data=prefill.data or "",
            storage=storage,
            storage_chosen=storage != HOST_DISK or prefill.volume_gb is not None,
            volume_gb=str(size),
            data_centre=prefill.data_centre,
            container_gb=str(prefill.container_gb or sizes.container_gb),
            image=prefill.image or OFFICIAL_IMAGE,
            key=MAKE_KEY if prefill.make_key else prefill.key or "",
            add_key=prefill.add_key,
            public=prefill.public,
            refused=refused,
            limit=str(prefill.max_price or ""),
            others=prefill.or_,
        )

    def settled(self, shop: Shop, profile_pod: str, *, saves: bool) -> Draft:
        """Return the draft with values that the shop lists: a free name, an existing key, and the volume's id.

        ``saves`` is True if the session has a profile file to which the new name can be written.
        """
        volume = next((v for v in shop.volumes if self.storage in (v.id, v.name)), None)
        name = _free_name(self.name or profile_pod, shop)
        named = replace(
            self,
            name=name,
            key=self.key or _first_key(shop),
            storage=volume.id if volume is not None else self.storage,
            save=saves and (self.save or name != profile_pod),
        )
        return named.preferring(shop)

    def preferring(self, shop: Shop) -> Draft:
        """Return the draft with a network volume if the chosen data centre has such volumes.

        Such a volume outlives pod and machine. If the operator has chosen a storage, it does not change.
        """
        if self.storage_chosen:
            return self
        has_them = any(place.id == self.data_centre and place.volume_types for place in shop.places)
        network = has_them and self.cloud is Cloud.SECURE
        return replace(self, storage=NEW_VOLUME if network else HOST_DISK)

    # -- what the choices mean

    def volume(self, shop: Shop) -> NetworkVolume | None:
        """Return the chosen network volume; None for a new volume or the pod's own disk."""
        return next((volume for volume in shop.volumes if volume.id == self.storage), None)

    def centre(self, shop: Shop) -> str | None:
        """Return the data centre of the network volume, else the chosen one; None if any will do."""
        volume = self.volume(shop)
        return volume.data_centre if volume is not None else self.data_centre

    def offer(self, shop: Shop) -> GpuOffer | None:
        """Return the present offer of the chosen GPU; None if no GPU is chosen or it is not offered now."""
        return named(shop.offers, self.gpu) if self.gpu else None

    def network_gb(self, shop: Shop) -> int:
        """Return the size of the network volume in GB; 0 without one."""
        volume = self.volume(shop)
        if volume is not None:
            return volume.size_gb
        return whole(self.volume_gb) or 0 if self.storage == NEW_VOLUME else 0

    def spec(self, shop: Shop) -> PodSpec:
        """Return the request as far as it is known, which is enough to compute the price."""
        return PodSpec(
            self.name,
            self.gpu or "",
            image=self.image,
            cloud=self.cloud,
            container_disk_gb=whole(self.container_gb) or 0,
            volume_disk_gb=(whole(self.volume_gb) or 0) if self.storage == HOST_DISK else 0,
            ports=PUBLIC if self.public else SSH_ONLY,
        )

    def quoted(self, shop: Shop) -> Quote | None:
        """Return the price; None until a GPU is chosen that this cloud offers."""
        offer = self.offer(shop)
        return None if offer is None else quote(offer, self.spec(shop), self.network_gb(shop))

    def agreed(self, shop: Shop) -> Decimal | None:
        """Return the highest agreed price in $/h.

        That is the chosen GPU's price, or the limit if another GPU may replace it. None if there is no price
        or the limit is not a number.
        """
        made = self.quoted(shop)
        if made is None or self.refused not in ("next", "both") or not self.limit.strip():
            return None if made is None else made.agreed
        return money(self.limit)

    def problems(self, shop: Shop) -> tuple[tuple[str, str], ...]:
        """Return the problems that prevent renting, as (field, message), the most important first.

        Empty if the pod can be rented.
        """
        found = []
        offer = self.offer(shop)
        if offer is None:
            found.append(("gpu", "Choose a GPU."))
        elif self.quoted(shop) is None:
            found.append(("gpu", f"The {self.cloud} cloud does not offer {offer.name}."))
        if self.storage != HOST_DISK and self.cloud is Cloud.COMMUNITY:
            found.append(("storage", SECURE_ONLY))
        if self.storage == HOST_DISK and (text := _bad_size(self.volume_gb, 0)) is not None:
            found.append(("volume_gb", text))
        if self.storage == NEW_VOLUME:
            if (text := _bad_size(self.volume_gb, LEAST_VOLUME_GB, MOST_NETWORK_GB)) is not None:
                found.append(("volume_gb", text))
            if not any(place.id == self.data_centre and place.volume_types for place in shop.places):
                found.append(("data_centre", "Choose the data centre of the network volume."))
        if (text := _bad_size(self.container_gb, 1)) is not None:
            found.append(("container_gb", text))
        if not self.image.strip() or any(c.isspace() for c in self.image.strip()):
            found.append(("image", "Give a container image, such as RunPod's own."))
        if not self.key:
            found.append(("key", "Choose an SSH key, or make a new one."))
        made, agreed = self.quoted(shop), self.agreed(shop)
        if made is not None and agreed is None:
            found.append(("limit", f"{self.limit.strip()!r} is not a price in $/h."))
        elif made is not None and agreed is not None and agreed < made.agreed:
            found.append(("limit", f"The chosen GPU alone costs {rate_text(made.agreed)}."))
        found += [("name", text) for text in _bad_name(self.name, shop)]
        return tuple(found)

    def params(self, shop: Shop) -> PodCreateParams:
        """Return parameters that rent this pod at the shown price. Raises ValueError if there are problems."""
        agreed, offer = self.agreed(shop), self.offer(shop)
        if agreed is None or offer is None:
            raise ValueError("the draft has problems")
        size = whole(self.volume_gb)
        volume = self.volume(shop)
        return PodCreateParams(
            gpu=offer.name if named(shop.offers, offer.name) is offer else offer.id,
            max_price=float(agreed),
            name=self.name.strip(),
            volume_gb=size if self.storage == HOST_DISK else None,
            container_gb=whole(self.container_gb),
            network_volume=volume.id if volume is not None else None,
            new_volume_gb=size if self.storage == NEW_VOLUME else None,
            data_centre=self.data_centre if volume is None else None,
            cloud="community" if self.cloud is Cloud.COMMUNITY else None,
            image=self.image.strip() if self.image.strip() != OFFICIAL_IMAGE else None,
            key=self.key if self.key != MAKE_KEY else None,
            make_key=self.key == MAKE_KEY,
            add_key=self.add_key,
            public=self.public,
            or_=self.others,
            fallback=self.refused in ("next", "both") and not self.others,
            wait=self.refused in ("wait", "both"),
            setup=self.then == "setup",
            start=self.then == "start",
            save=self.save,
        )

    # -- warnings

    def warnings(self, shop: Shop, folder: str = "") -> dict[str, str]:
        """Return warnings about dangerous choices, by field. ``folder`` is the profile's folder on the host."""
        found: dict[str, str] = {}
        if self.cloud is Cloud.COMMUNITY:
            found["cloud"] = (
                "These machines belong to other people, who can read all files on them. Not for patient data."
            )
        if self.public:
            found["ports"] = (
                "PUBLIC: https://PODID-8000.proxy.runpod.net answers everybody who knows the pod's id, without a "
                'password, once the profile has expose = "public". RunPod and Cloudflare can read all traffic. '
                "Not for patient data."
            )
        if self.image.strip() != OFFICIAL_IMAGE:
            found["image"] = (
                "The image must start sshd with the key in PUBLIC_KEY, as RunPod's start.sh does. SSH needs that."
            )
        if self.storage == HOST_DISK and (whole(self.volume_gb) or 0) == 0:
            found["volume_gb"] = "Without a volume everything on the pod is lost when it stops."
        elif folder and not on_volume(folder):
            found["volume_gb"] = (
                f"The profile's folder {folder} is not on /workspace, so it is lost when the pod stops."
            )
        offer = self.offer(shop)
        if offer is not None:
            found |= self._of_offer(offer, shop)
        return found

    def _of_offer(self, offer: GpuOffer, shop: Shop) -> dict[str, str]:
        centre, wanted = self.centre(shop), cuda_of(self.image)
        cuda = newest_cuda(offer)
        if stock_in(offer, centre) is Stock.NONE:
            where = f" in {centre}" if centre else ""
            return {
                "gpu": f"No {offer.name} seems to be free{where}. Choose what to do if RunPod refuses the pod."
            }
        if wanted and cuda and [int(n) for n in cuda.split(".")] < [int(n) for n in wanted.split(".")]:
            return {
                "gpu": f"Free machines have CUDA {cuda}, but the image needs {wanted}: RunPod may refuse the pod."
            }
        return {}


def like(pod: Pod) -> PodCreateParams:
    """Return parameters for a pod that replaces this one on its network volume.

    Returns empty parameters if the pod has no network volume.
    """
    if not pod.network_volume_id:
        return PodCreateParams()
    return PodCreateParams.of(
        {
            "network_volume": pod.network_volume_id,
            "gpu": pod.gpu_id or None,
            "cloud": pod.cloud.value if pod.cloud else None,
            "image": pod.image or None,
        }
    )


def key_label(key: OwnKey) -> str:
    """Return a key's file name or ``agent``, its kind and its comment, for a list of keys."""
    where = key.path.name if key.path is not None else "agent"
    kind = key.algorithm.removeprefix("ssh-").removesuffix("@openssh.com")
    return f"{where} · {kind}" + (f" · {key.comment}" if key.comment else "")


def key_id(key: OwnKey) -> str:
    """Return the parameter ``key``: the key's path, or its fingerprint if an agent has the key."""
    return str(key.path) if key.path is not None else SshKey(key.line).fingerprint


def whole(text: str) -> int | None:
    """Return a typed whole number; None if the text is not one."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


def money(text: str) -> Decimal | None:
    """Return a typed amount, with or without a dollar sign; None if the text is not one."""
    text = text.strip().removeprefix("$").removesuffix("/h").strip()
    if not text.isascii() or not text.replace(".", "", 1).isdecimal() or len(text) > 8:
        return None
    return Decimal(text)


def on_volume(folder: str, mount: str = "workspace") -> bool:
    """Whether a folder of the profile is on the volume, which RunPod mounts at ``/workspace``."""
    return mount in folder.split("/")


def _bad_size(text: str, least: int, most: int | None = None) -> str | None:
    value = whole(text)
    if value is None:
        return f"{text.strip() or 'Nothing'!r} is not a whole number of GB."
    if least == 0 and 0 < value < LEAST_VOLUME_GB:
        return f"A volume has at least {LEAST_VOLUME_GB} GB. Give 0 for no volume."
    if value < least or (most is not None and value > most):
        return f"{least} to {most} GB." if most else f"At least {least} GB."
    return None


def _bad_name(name: str, shop: Shop) -> tuple[str, ...]:
    name = name.strip()
    if not name:
        return ("Give the pod a name.",)
    if len(name) > LONGEST_NAME or not name.isprintable():
        return (f"The name is one line of at most {LONGEST_NAME} printable characters.",)
    if name in shop.names:
        return (f"There is already a pod {name}: give the new pod another name.",)
    return ()


def _free_name(wanted: str, shop: Shop) -> str:
    """Return the wanted name, with a unique ending if another pod has the name.

    If an earlier request was never answered, return its name, because repeating that request can't rent a
    second pod.
    """
    if shop.pending is not None:
        return shop.pending
    wanted = wanted.strip()
    return wanted if wanted and wanted not in shop.names else unique_name(wanted or "labeltui")


def _first_key(shop: Shop) -> str:
    """Return the profile's key, else the first in ``~/.ssh``, else the choice to make a new one."""
    return key_id(shop.own_keys[0]) if shop.own_keys else MAKE_KEY
