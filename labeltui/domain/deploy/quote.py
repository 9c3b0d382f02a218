"""What a pod will cost before it is rented: the same sums that RunPod's bill comes to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from labeltui.domain.deploy.catalogue import GpuOffer, PodSpec
from labeltui.domain.money import CENT, Account, disk_per_hour, hours_left, network_volume_per_hour
from labeltui.domain.pod.pod import Cloud


@dataclass(frozen=True, slots=True)
class Quote:
    """$/h. ``running`` and ``stopped`` are the pod's own, its disks included; ``network`` comes on top, always."""

    running: Decimal
    stopped: Decimal
    network: Decimal

    @property
    def agreed(self) -> Decimal:
        """The running rate in whole cents, rounded up: the least that has to be agreed to."""
        return self.running.quantize(CENT, ROUND_CEILING)


def price(offer: GpuOffer, cloud: Cloud) -> Decimal | None:
    """$/h of one GPU in that cloud; None where it is not offered."""
    return offer.price_secure if cloud is Cloud.SECURE else offer.price_community


def quote(offer: GpuOffer, spec: PodSpec, network_gb: int = 0) -> Quote | None:
    """What this pod costs on this GPU; None where its cloud does not offer it."""
    rate = price(offer, spec.cloud)
    if rate is None:
        return None

    def disks(running: bool) -> Decimal:
        return disk_per_hour(
            container_gb=spec.container_disk_gb, volume_gb=spec.volume_disk_gb, running=running
        )

    return Quote(rate * spec.gpu_count + disks(True), disks(False), network_volume_per_hour(network_gb))


def hours_bought(account: Account, made: Quote, *, new_volume: bool = False) -> Decimal | None:
    """Hours the balance lasts once this pod runs beside what is paid for already; None when not known."""
    more = made.running + (made.network if new_volume else 0)
    return hours_left(account.balance, (account.spend_per_hour or 0) + more)


def over_limit(account: Account, made: Quote) -> bool:
    """True when RunPod would refuse the pod for the account's spending limit."""
    if account.spend_limit is None:
        return False
    return (account.spend_per_hour or 0) + made.running > account.spend_limit
