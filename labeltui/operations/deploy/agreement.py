"""Check that the price, and later the rented pod, are as the operator agreed to."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labeltui.domain.amounts import cents, rate_text
from labeltui.domain.deploy.quote import Quote
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import month_text
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import Failed, LabeltuiError, Refused
from labeltui.operations.deploy.plan import Plan

if TYPE_CHECKING:
    from labeltui.session.session import Session


def agreed(plan: Plan) -> None:
    """Check the price.

    Raises Refused if the operator did not agree to the price, and Failed if the cloud does not offer the GPU.
    """
    first = plan.offers[0]
    made = plan.quoted(first)
    if made is None:
        raise Failed(
            Code.NOT_OFFERED, f"The {plan.spec.cloud} cloud does not offer {first.name}.",
            "`labeltui pod gpus` lists the GPUs that it offers.",
        )  # fmt: skip
    price = price_text(made)
    if plan.limit is None:
        raise Refused(
            Code.PRICE_NOT_AGREED, f"{first.name} with these disks costs {price}.",
            f"Add --max-price {made.agreed} to rent it at that price.",
        )  # fmt: skip
    if not plan.affordable:
        raise Refused(
            Code.TOO_DEAR,
            f"{first.name} with these disks costs {price}.",
            f"That is more than your limit of {rate_text(plan.limit)}.",
        )


async def refuse_second(session: Session, plan: Plan) -> None:
    """Raise Refused ``pod_still_up`` if the session's own pod is up under another name than the plan's.

    Otherwise the session would leave that pod and copy no more of its labels, while the pod still costs money.
    A pod that lost its GPU may be left. A session that was not started yet is connected to no pod.
    """
    if session.profile.host != "runpod" or not session.started or not session.account.name:
        return
    try:
        pod = await session.account.find()
    except LabeltuiError as error:
        if error.problem.code.no_single_pod:
            return
        raise
    if (refusal := second_refused(pod, plan.spec.name)) is not None:
        raise refusal


def second_refused(pod: Pod | None, name: str) -> Refused | None:
    """Return the refusal to rent a pod with this name while ``pod`` is the session's own; None if it may be rented."""
    if pod is None or not pod.status.is_up or pod.lost_its_gpu or pod.name == name.strip():
        return None
    return Refused(
        Code.POD_STILL_UP, f"This session works on the pod {pod.name}, which is {pod.status}.",
        "Stop it with p x or terminate it with p D first, or rent the new pod in another profile.",
    )  # fmt: skip


def price_text(made: Quote) -> str:
    """Return the price as text, such as ``$0.28/h, $207.12 a month``.

    A network volume adds its own price, which is also due while the pod is stopped.
    """
    text = f"{rate_text(made.running)}, {month_text(made.running)}"
    return text + (f", and its network volume {rate_text(made.network)} at all times" if made.network else "")


def refuse_other(plan: Plan, pod: Pod, *, new: bool) -> None:
    """Raise Refused ``not_as_agreed`` if GPU, price, image or cloud of the pod differs from the agreement.

    ``new`` is True for a pod that was rented for this plan. Values that RunPod does not report are not
    compared.
    """
    found = tuple(_differences(plan, pod))
    if not found:
        return
    flags = {name: value for _, name, value in found}
    use = "" if None in flags.values() else _flags({name: str(value) for name, value in flags.items()})
    take = f" To use this pod as it is, repeat the command with {use}." if use else ""
    end = "No guard runs on the new pod yet, so only you can stop it."
    other = "Give the new pod another --name, or terminate the existing pod, which `labeltui pod list` shows."
    raise Refused(
        Code.NOT_AS_AGREED,
        f"The pod {pod.name} differs from what you agreed to: it {', and it '.join(text for text, _, _ in found)}.",
        (end if new else other) + take,
        offers=("pod.terminate", "pods") if new else ("pods", "pod.options"),
    )


def accepting(plan: Plan, pod: Pod) -> dict[str, Any]:
    """Return parameters of ``pod create`` that agree to this pod as it is. Empty if no parameters can."""
    found = {name: value for _, name, value in _differences(plan, pod)}
    return {} if None in found.values() else found


def _differences(plan: Plan, pod: Pod) -> Iterator[tuple[str, str, str | float | None]]:
    """Yield each difference as text, with the parameter that agrees to it and its value.

    The value is None if none would agree.
    """
    spec, names = plan.spec, {one.id: one.name for one in plan.affordable}
    if pod.cpu_id or (pod.gpu_id and pod.gpu_id not in names):
        has = "has no GPU" if pod.cpu_id else f"has {pod.gpu_name or pod.gpu_id}"
        yield f"{has} instead of {' or '.join(names.values())}", "gpu", pod.gpu_id or None
    if pod.gpu_count > spec.gpu_count:
        yield f"has {pod.gpu_count} GPUs", "gpu_count", None
    price = price_of(pod)
    if price and not plan.admits(price):
        agreed_to = f"not {rate_text(plan.limit)} as agreed"
        yield f"costs {rate_text(price)} with its disks, {agreed_to}", "max_price", float(cents(price))
    if pod.image and _full(pod.image) != _full(spec.image):
        yield f"runs the image {pod.image}", "image", pod.image
    if pod.cloud is not None and pod.cloud is not spec.cloud:
        yield f"is in the {pod.cloud} cloud", "cloud", pod.cloud.value


def price_of(pod: Pod) -> Decimal | None:
    """Return the pod's price in $/h, with its own disks but without its network volume. None while unknown.

    It is compared with the agreed price.
    """
    return replace(pod, network_volume_gb=None).cost_per_hour if pod.compute_per_hour else None


def _flags(params: dict[str, str]) -> str:
    return shlex.join(
        [part for name, value in params.items() for part in (f"--{name.replace('_', '-')}", value)]
    )


def _full(image: str) -> str:
    """Return an image's name without Docker's default registry.

    Adds the tag ``latest`` if it has none, so that equal images have equal names.
    """
    image = image.removeprefix("docker.io/").removeprefix("library/")
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
