"""Rents a pod according to a plan.

If RunPod refuses a GPU, the next one is tried, and the request is repeated later if the plan says so. No
second pod is ever rented.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labeltui.domain.amounts import rate_text
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import Failed, LabeltuiError, Refused
from labeltui.domain.rules.pod import only_named
from labeltui.operations.deploy.checklist import Checklist, StepId
from labeltui.operations.deploy.plan import Plan
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.renting import SETTLE_S, Refusal, create_first
from labeltui.support.backoff import backoff_s

if TYPE_CHECKING:
    from labeltui.session.session import Session


FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 120.0
RENTING = "renting"
"""Name of the stored document on the last request to rent: the pod's name, the time, and the pod's id once known."""


@dataclass(frozen=True, slots=True)
class Rented:
    """The pod, and whether it is new. A pod that already had the name is used without changes."""

    pod: Pod
    new: bool


async def rent(session: Session, plan: Plan, steps: Checklist) -> Rented:
    """Rent the first GPU of the plan that is free.

    Raises RunPod's refusal, Failed ``pod_exists`` if a pod with that name is stopped, and Refused
    ``too_dear`` if the price rose above the limit while waiting.
    """
    client = await session.account.client()
    name = plan.spec.name
    before = _restore_request(session, client, name)
    existing = await running_pod_of_name(client, name)
    if existing is not None:
        return Rented(existing, False)
    tries = 0
    while True:
        try:
            pod = await _request(session, client, plan, steps)
            return Rented(pod, pod.id != before)
        except LabeltuiError as error:
            if not plan.wait or not error.problem.code.worth_retry:
                raise
            tries += 1
            pause = backoff_s(tries, FIRST_PAUSE_S, LONGEST_PAUSE_S, (0.9, 1.1))
            steps.detail(
                StepId.RENT, f"{error.problem.message} The next try is in {pause:.0f} s (try {tries + 1})."
            )
        await client.transport.sleep(pause)
        plan = await _refreshed(plan, client)
        if not plan.affordable:
            raise Refused(
                Code.TOO_DEAR, f"While labeltui waited, the price rose above the agreed {rate_text(plan.limit)}.",
                "Nothing was rented. Agree to a higher price, or choose another GPU.",
            )  # fmt: skip


async def running_pod_of_name(client: RunpodClient, name: str) -> Pod | None:
    """Return the pod with this name; None if there is none.

    Raises Failed ``pod_exists`` if the pod is stopped, and Misused ``pod_ambiguous`` if several have the name.
    """
    found = only_named(await client.pods(), name)
    if found is not None and not found.status.is_up:
        raise Failed(
            Code.POD_EXISTS, f"There is already a pod {name}; it is {found.status}.",
            "Start it with `labeltui pod start`, or give the new pod another --name.",
        )  # fmt: skip
    return found


async def _request(session: Session, client: RunpodClient, plan: Plan, steps: Checklist) -> Pod:
    """Request the plan's pod once. The request is stored first, so that a crash does not lead to a second pod."""

    def refused(refusal: Refusal) -> None:
        gpu = next((one.name for one in plan.offers if one.id == refusal.spec.gpu_id), refusal.spec.gpu_id)
        steps.detail(StepId.RENT, f"{gpu}: {refusal.problem.message}")

    name = plan.spec.name
    request = {"name": name, "at": session.clock().isoformat()}
    session.state_folder.write(RENTING, request, durable=True)
    try:
        pod = await create_first(client, plan.specs(), refused)
    except LabeltuiError as error:
        if error.problem.code != Code.RUNPOD_CREATE_UNCLEAR:
            session.state_folder.write(RENTING, {})
        raise
    # RunPod's list may not show the new pod for a while.
    with suppress(Failed):  # the stored request finds the pod too
        session.state_folder.write(RENTING, {**request, "id": pod.id}, durable=True)
    return pod


async def _refreshed(plan: Plan, client: RunpodClient) -> Plan:
    """Return the plan with current prices and stock, or unchanged if RunPod does not answer."""
    try:
        return await plan.refreshed(client)
    except LabeltuiError:
        return plan


def pending_name(session: Session) -> str | None:
    """Return the pod's name in an unanswered request, of this run or of a run that was killed; None if none."""
    request = session.state_folder.read(RENTING)
    name = request.get("name")
    return name if isinstance(name, str) and name and not request.get("id") else None


def _restore_request(session: Session, client: RunpodClient, name: str) -> str | None:
    """Return the id of the pod that an earlier run rented under that name; None if there is none.

    If the earlier run got no answer, the client waits for the pod to appear, as long as RunPod may take to
    list it.
    """
    request = session.state_folder.read(RENTING)
    if request.get("name") == name and isinstance(request.get("id"), str):
        client.renting.remember(name, request["id"])
        return str(request["id"])
    try:
        sent_at = datetime.fromisoformat(str(request.get("at")))
    except ValueError:
        return None
    left = SETTLE_S - (session.clock() - sent_at.astimezone(UTC)).total_seconds()
    if request.get("name") == name and left > 0:
        client.renting.expect(name, left)
    return None
