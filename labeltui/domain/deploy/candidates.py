"""Choose GPUs for a pod, in the order in which labeltui requests them from RunPod."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from labeltui.domain.deploy.catalogue import GpuOffer, Stock
from labeltui.domain.deploy.gpu_memory import Fit, Size, fit
from labeltui.domain.deploy.quote import price
from labeltui.domain.money import ZERO
from labeltui.domain.pod.pod import Cloud

STOCK_ORDER = (Stock.HIGH, Stock.MEDIUM, Stock.LOW, Stock.UNKNOWN, Stock.NONE)
_CUDA = re.compile(r"[-_]cu(\d{2})(\d)\d?\b")


def named(offers: Iterable[GpuOffer], wanted: str) -> GpuOffer | None:
    """Find an offer by its id or name, ignoring case; None for an unknown one."""
    low = wanted.strip().lower()
    return next((one for one in offers if low in (one.id.lower(), one.name.lower())), None)


def stock_in(offer: GpuOffer, data_centre: str | None) -> Stock:
    """The stock of a GPU in one data centre; None for ``data_centre`` means all data centres."""
    if data_centre is None:
        return offer.stock
    return offer.data_centres.get(data_centre, Stock.NONE)


def by_price(
    offers: Iterable[GpuOffer], cloud: Cloud, data_centre: str | None = None
) -> tuple[GpuOffer, ...]:
    """The offers of one cloud, those in stock first, each group by price per hour."""

    def order(one: GpuOffer) -> tuple[bool, Decimal, int, str]:
        stock = stock_in(one, data_centre)
        return (stock is Stock.NONE, price(one, cloud) or ZERO, STOCK_ORDER.index(stock), one.id)

    return tuple(sorted((one for one in offers if price(one, cloud) is not None), key=order))


def suitable(
    offers: Iterable[GpuOffer],
    models: Sequence[str],
    *,
    size: Size | None = None,
    cloud: Cloud = Cloud.SECURE,
    data_centre: str | None = None,
) -> GpuOffer | None:
    """Return the cheapest GPU in stock that has enough memory for the models.

    If there is none, return the cheapest whose memory may be enough, or else the cheapest of all in stock. Returns None
    when nothing is in stock.
    """
    free = [
        one for one in by_price(offers, cloud, data_centre) if stock_in(one, data_centre) is not Stock.NONE
    ]
    for wanted in (Fit.ENOUGH, Fit.UNKNOWN, Fit.SHORT):
        for one in free:
            if fit(models, one.vram_gb, size)[0] is wanted:
                return one
    return None


def candidates(
    offers: Sequence[GpuOffer],
    first: GpuOffer,
    others: Sequence[GpuOffer] = (),
    *,
    fallback: bool = False,
    cloud: Cloud = Cloud.SECURE,
    data_centre: str | None = None,
) -> tuple[GpuOffer, ...]:
    """Return the GPUs to request in turn: ``first``, ``others`` and, with ``fallback``, all matching offers.

    A matching offer has at least as much memory as ``first``, and is in stock or has an unknown stock.
    """
    listed = [first, *others]
    if fallback:
        listed += [
            one
            for one in by_price(offers, cloud, data_centre)
            if one.vram_gb >= first.vram_gb and stock_in(one, data_centre) is not Stock.NONE
        ]
    return tuple({one.id: one for one in listed}.values())


def cuda_of(image: str) -> str | None:
    """The CUDA version in an image's tag (``cu1281`` means 12.8); None for a tag without one."""
    found = _CUDA.search(image)
    return f"{found[1]}.{found[2]}" if found else None


def newest_cuda(offer: GpuOffer) -> str | None:
    """The newest CUDA version with a free machine; None when RunPod lists no version."""
    return max(offer.cuda_versions, key=lambda text: [int(part) for part in text.split(".")], default=None)
