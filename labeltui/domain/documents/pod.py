"""The JSON documents of pods. Money is in US dollars as decimal strings: a float would not match the bill."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from labeltui.domain.amounts import AmountText
from labeltui.domain.deploy.candidates import newest_cuda
from labeltui.domain.deploy.catalogue import GpuOffer, NetworkVolume
from labeltui.domain.deploy.gpu_memory import Fit, Size, fit
from labeltui.domain.documents.documents import moment
from labeltui.domain.money import Account, Spend, per_month
from labeltui.domain.pod.pod import Pod
from labeltui.domain.state import SessionState


def pod_line(pod: Pod) -> dict[str, Any]:
    """One pod in a list: the fields of :func:`pod_document` that a table shows."""
    document = pod_document(pod)
    shown = (
        "name",
        "id",
        "status",
        "gpu",
        "cost_per_hour",
        "cost_per_hour_stopped",
        "ssh",
        "data_centre",
        "uptime_s",
        "public",
        "locked",
        "actions",
    )
    return {name: document[name] for name in shown}


def pod_document(pod: Pod) -> dict[str, Any]:
    """One pod: state, possible actions, cost now and while stopped ($/h), and its addresses."""
    return {
        "id": pod.id,
        "name": pod.name,
        "status": pod.status.value,
        "actions": [action.value for action in pod.actions],
        "gpu": pod.gpu_name or None,
        "gpu_count": pod.gpu_count,
        "data_centre": pod.data_centre,
        "image": pod.image or None,
        "cost_per_hour": money_text(pod.cost_per_hour),
        "cost_per_hour_stopped": money_text(pod.cost_per_hour_stopped),
        "ssh": pod.ssh.address if pod.ssh else None,
        "uptime_s": pod.uptime_s,
        "container_disk_gb": pod.container_disk_gb,
        "volume_disk_gb": pod.volume_disk_gb,
        "network_volume": pod.network_volume_id,
        "public": pod.is_public,
        "public_urls": [url for port in pod.ports if (url := pod.proxy_url(port.private))],
        "locked": pod.locked,
        "cluster": pod.cluster_id,
        "created_at": moment(pod.created_at),
        "started_at": moment(pod.started_at),
    }


def gpu_document(offer: GpuOffer, models: tuple[str, ...] = (), size: Size | None = None) -> dict[str, Any]:
    """One GPU type: $/h for one GPU by cloud, stock and data centres, and whether its memory is enough."""
    verdict, reason = fit(models, offer.vram_gb, size)
    return {
        "id": offer.id,
        "name": offer.name,
        "vram_gb": offer.vram_gb,
        "secure": money_text(offer.price_secure),
        "community": money_text(offer.price_community),
        "stock": offer.stock.value,
        "data_centres": {place: stock.value for place, stock in offer.data_centres.items()},
        "cuda": newest_cuda(offer),
        "enough": None if verdict is Fit.UNKNOWN else verdict is Fit.ENOUGH,
        "enough_why": reason,
    }


def volume_document(volume: NetworkVolume) -> dict[str, Any]:
    """One network volume. Its cost applies whether or not a pod uses the volume."""
    return {
        "id": volume.id,
        "name": volume.name,
        "size_gb": volume.size_gb,
        "data_centre": volume.data_centre,
        "cost_per_hour": money_text(volume.cost_per_hour),
        "cost_per_month": money_text(per_month(volume.cost_per_hour)),
    }


def money_document(state: SessionState, now: datetime) -> dict[str, Any] | None:
    """Costs of account and session in dollars. Values are null if unknown, or if the profile does not use RunPod."""
    spend, account = state.spend.value, state.account.value
    if spend is None and account is None:
        errors = state.pod.error or state.account.error
        if errors is None:
            return None
    known_spend, known_account = spend or Spend(), account or Account()
    return {
        "as_of": moment(state.spend.as_of or state.account.as_of or now),
        "stale": state.spend.is_stale(now) or state.account.is_stale(now),
        "stale_because": state.spend.error or state.account.error,
        "per_hour": money_text(known_spend.per_hour),
        "session": money_text(known_spend.session),
        "session_since": moment(known_spend.session_since),
        "session_unknown_because": known_spend.why or None,
        "today": money_text(known_spend.today),
        "today_as_of": moment(known_spend.today_at),
        "bill_error": known_spend.bill_error or None,
        "balance": money_text(known_account.balance),
        "spend_per_hour": money_text(known_account.spend_per_hour),
        "spend_limit": money_text(known_account.spend_limit),
        "hours_left": None if known_account.hours_left is None else round(float(known_account.hours_left), 2),
    }


def money_text(amount: Decimal | None) -> AmountText | None:
    """Return the amount with four decimals, because a disk costs fractions of a cent per hour; None stays None."""
    return None if amount is None else AmountText(amount)
