"""Formats a deployment's cost for the texts above the button. No I/O."""

from __future__ import annotations

from decimal import Decimal

from textual.content import Content

from labeltui.domain.amounts import dollars, rate_text
from labeltui.domain.deploy.catalogue import GpuOffer
from labeltui.domain.deploy.quote import Quote, hours_bought, over_limit
from labeltui.domain.money import Account, month_text
from labeltui.domain.pod.pod import Cloud, Pod
from labeltui.operations.deploy.draft import NEW_VOLUME, Draft
from labeltui.operations.deploy.market import Shop
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone

FEW_HOURS = 3


def price_lines(draft: Draft, shop: Shop, account: Account | None, balance_text: str = "") -> list[Content]:
    """Return two lines.

    The first has the cost while running and while stopped. The second has the balance, how long it lasts, and
    the account's limit. ``balance_text`` replaces an unknown balance.
    """
    made, offer = draft.quoted(shop), draft.offer(shop)
    if made is None or offer is None:
        return [
            Content.styled("No price yet: choose a GPU.", Tone.FAINT),
            _balance(draft, shop, account, balance_text),
        ]
    network: tuple[tuple[str, str], ...] = ()
    if made.network:
        network = (
            (
                f"  ·  network volume always {month_text(made.network)}",
                Tone.PLAIN,
            ),
        )
    first = Content.assemble(
        ("running ", Tone.FAINT),
        (rate_text(made.running), "bold $foreground"),
        (f", {month_text(made.running)}", Tone.PLAIN),
        ("  ·  stopped ", Tone.FAINT),
        (f"{rate_text(made.stopped)}, {month_text(made.stopped)}", Tone.PLAIN),
        *network,
    )
    return [first, _balance(draft, shop, account, balance_text)]


def _balance(draft: Draft, shop: Shop, account: Account | None, balance_text: str) -> Content:
    if account is None or account.balance is None:
        return Content.styled(safe(balance_text) or "The balance is not known.", Tone.FAINT)
    made = draft.quoted(shop)
    parts: list[tuple[str, str]] = [("balance ", Tone.FAINT), (dollars(account.balance), Tone.PLAIN)]
    if made is not None:
        hours = hours_bought(account, made, new_volume=draft.storage == NEW_VOLUME)
        if hours is not None:
            tone = Tone.BAD if hours < FEW_HOURS else Tone.PLAIN
            beside = " on top of your running pods" if account.spend_per_hour else ""
            parts.append((f": {_hours(hours)} of this{beside}", tone))
        if over_limit(account, made):
            parts.append(
                (
                    f"  ·  above the account's limit of {rate_text(account.spend_limit)}: RunPod will refuse",
                    Tone.BAD,
                )
            )
        elif account.spend_limit is not None:
            parts.append((f"  ·  limit {rate_text(account.spend_limit)}", Tone.FAINT))
    return Content.assemble(*parts)


def _hours(hours: Decimal) -> str:
    return f"{hours:.0f} h" if hours >= 10 else f"{hours:.1f} h"


def question(draft: Draft, shop: Shop, made: Quote, offer: GpuOffer, beside: Pod | None = None) -> str:
    """Return the question before renting: the price, then warnings about unusual choices.

    ``beside`` is the profile's present pod, which is mentioned if it keeps running; None without one.
    """
    text = (
        f"Rent {offer.name} as {draft.name} for {rate_text(made.running)} ({month_text(made.running)})? "
        f"RunPod bills by the second until you stop the pod. A stopped pod costs {rate_text(made.stopped)}."
    )
    if made.network:
        new = "is created and " if draft.storage == NEW_VOLUME else ""
        text += f" Its network volume {new}costs {rate_text(made.network)} all the time."
    if draft.cloud is Cloud.COMMUNITY:
        text += " The machine belongs to a private person: not for patient data."
    if draft.refused in ("next", "both"):
        most = rate_text(draft.agreed(shop))
        text += f" If RunPod refuses, labeltui takes another GPU with as much memory, up to {most}."
    if draft.refused in ("wait", "both"):
        text += " If no GPU is free, labeltui retries until you cancel."
    if beside is not None and beside.status.is_up:
        rate = "" if beside.cost_per_hour is None else f" at {rate_text(beside.cost_per_hour)}"
        text += f" {beside.name} keeps running too{rate}."
    if draft.public:
        text += " PUBLIC: its ports 8000 and 8888 are open to the internet without a password."
    return text
