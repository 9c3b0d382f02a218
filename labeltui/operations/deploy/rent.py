"""Renting by a plan: the next candidate when one is refused, waiting where that was asked for, never two pods."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Refused
from labeltui.operations.deploy.checklist import Checklist, StepId
from labeltui.operations.deploy.plan import Plan
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.renting import SETTLE_S, Refusal, create_first

if TYPE_CHECKING:
    from labeltui.session.session import Session


FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 120.0
RENTING = "renting"  # what was last asked for, and which pod that was once it is known: kept over a crash


@dataclass(frozen=True, slots=True)
class Rented:
    """The pod, and whether it is new: one of that name that was there before is taken as it is."""

    pod: Pod
    new: bool


async def rent(session: Session, plan: Plan, steps: Checklist) -> Rented:
    """Rent the first candidate that can be had. Raises what keeps it from being rented, in RunPod's sense."""
    client = await session.rental.client()
    name = plan.spec.name
    before = _recall(session, client, name)
    there = await there_already(client, name)
    if there is not None:
        return Rented(there, False)
    tries = 0
    while True:
        try:
            pod = await _ask(session, client, plan, steps)
            return Rented(pod, pod.id != before)
        except LabeltuiError as error:
            if not plan.wait or not error.problem.code.worth_retry:
                raise
            tries += 1
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tries - 1)) * random.uniform(0.9, 1.1)  # noqa: S311
            steps.say(StepId.RENT, f"{error.problem.message} Asked again in {pause:.0f} s (try {tries + 1}).")
        await client.transport.sleep(pause)
        plan = await _refreshed(plan, client)
        if not plan.affordable:
            raise Refused(
                Code.TOO_DEAR, f"While waiting, the price rose above the ${plan.limit}/h that was agreed to.",
                "Nothing was rented: agree to a higher price, or choose another GPU.",
            )  # fmt: skip


async def there_already(client: RunpodClient, name: str) -> Pod | None:
    """The pod that has the name. Raises Failed when it is not up, since nothing new is rented beside it."""
    found = next(
        (pod for pod in await client.pods() if pod.name == name and pod.status is not PodStatus.TERMINATED),
        None,
    )
    if found is not None and not found.status.is_up:
        raise Failed(
            Code.POD_EXISTS, f"There is a pod {name} already; it is {found.status}.",
            "Start it with `labeltui pod start`, or give the new one another --name.",
        )  # fmt: skip
    return found


async def _ask(session: Session, client: RunpodClient, plan: Plan, steps: Checklist) -> Pod:
    def refused(refusal: Refusal) -> None:
        gpu = next((one.name for one in plan.offers if one.id == refusal.spec.gpu_id), refusal.spec.gpu_id)
        steps.say(StepId.RENT, f"{gpu}: {refusal.problem.message}")

    name = plan.spec.name
    asked = {"name": name, "at": session.clock().isoformat()}
    session.kept.write(RENTING, asked)
    try:
        pod = await create_first(client, plan.specs(), refused)
    except LabeltuiError as error:
        if error.problem.code != Code.RUNPOD_CREATE_UNCLEAR:
            session.kept.write(RENTING, {})
        raise
    session.kept.write(RENTING, {**asked, "id": pod.id})  # the list may be a while in telling of it
    return pod


async def _refreshed(plan: Plan, client: RunpodClient) -> Plan:
    """Prices and stock of now; what was agreed to stays the limit."""
    try:
        return await plan.refreshed(client)
    except LabeltuiError:
        return plan  # asked with what was known before


def pending_name(session: Session) -> str | None:
    """The name of a request whose answer never came, in this run or in one that was killed."""
    kept = session.kept.read(RENTING)
    name = kept.get("name")
    return name if isinstance(name, str) and name and not kept.get("id") else None


def _recall(session: Session, client: RunpodClient, name: str) -> str | None:
    """What an earlier run asked for under that name: its pod's id, or else it is looked for as long as it may come."""
    kept = session.kept.read(RENTING)
    if kept.get("name") == name and isinstance(kept.get("id"), str):
        client.renting.remember(name, kept["id"])
        return str(kept["id"])
    try:
        asked = datetime.fromisoformat(str(kept.get("at")))
    except ValueError:
        return None
    left = SETTLE_S - (session.clock() - asked.astimezone(UTC)).total_seconds()
    if kept.get("name") == name and left > 0:
        client.renting.expect(name, left)
    return None
