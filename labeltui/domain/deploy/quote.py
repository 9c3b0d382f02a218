"""The price of a pod before it is rented, computed as RunPod bills it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from labeltui.domain.amounts import cents
from labeltui.domain.deploy.catalogue import GpuOffer, PodSpec
from labeltui.domain.money import Account, disk_per_hour, hours_left, network_volume_per_hour
from labeltui.domain.pod.pod import Cloud


@dataclass(frozen=True, slots=True)
class Quote:
    """Rates in $/h.

    ``running`` and ``stopped`` include the pod's own disks. ``network`` is due in addition to either.
    """

    running: Decimal
    stopped: Decimal
    network: Decimal

    @property
    def agreed(self) -> Decimal:
        """The running rate in whole cents, which is the lowest price limit that admits the pod."""
        return cents(self.running)


def price(offer: GpuOffer, cloud: Cloud) -> Decimal | None:
    """$/h of one GPU in that cloud; None when the cloud does not offer the GPU."""
    return offer.price_secure if cloud is Cloud.SECURE else offer.price_community


def quote(offer: GpuOffer, spec: PodSpec, network_gb: int = 0) -> Quote | None:
    """The rates of this pod on this GPU; None when the pod's cloud does not offer the GPU."""
    rate = price(offer, spec.cloud)
    if rate is None:
        return None

    def disks(running: bool) -> Decimal:
        return disk_per_hour(
            container_gb=spec.container_disk_gb, volume_gb=spec.volume_disk_gb, running=running
        )

    return Quote(rate * spec.gpu_count + disks(True), disks(False), network_volume_per_hour(network_gb))


def hours_bought(account: Account, pod: Quote, *, new_volume: bool = False) -> Decimal | None:
    """Hours until the balance is used up if this pod is rented in addition to the running ones; None when unknown."""
    more = pod.running + (pod.network if new_volume else 0)
    return hours_left(account.balance, (account.spend_per_hour or 0) + more)


def over_limit(account: Account, pod: Quote) -> bool:
    """True when RunPod would refuse the pod because of the account's spending limit."""
    if account.spend_limit is None:
        return False
    return (account.spend_per_hour or 0) + pod.running > account.spend_limit
