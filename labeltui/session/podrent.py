"""Renting by a plan: the next candidate when one is refused, waiting where that was asked for, never two pods."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labeltui.domain.pod import Pod, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.runpod.client import SETTLE_S, RunpodClient
from labeltui.runpod.renting import Refusal, create_first
from labeltui.session.podplan import Plan

if TYPE_CHECKING:
    from labeltui.session.deploysteps import Checklist
    from labeltui.session.session import Session

WAITED_OUT = (
    "runpod_no_capacity",
    "runpod_rate_limited",
    "runpod_unreachable",
    "runpod_timeout",
    "runpod_create_unclear",
)
"""What ``wait`` goes on after. Whether a pod was rented by an unclear request is looked up before the next one."""

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 120.0
RENTING = "renting"  # the name that was last asked for and not yet answered, kept over a crash


@dataclass(frozen=True, slots=True)
class Rented:
    """The pod, and whether it is new: one of that name that was there before is taken as it is."""

    pod: Pod
    new: bool


async def rent(session: Session, plan: Plan, steps: Checklist) -> Rented:
    """Rent the first candidate that can be had. Raises what keeps it from being rented, in RunPod's sense."""
    client = await session.rental.client()
    name = plan.spec.name
    _recall(session, client, name)
    there = await there_already(client, name)
    if there is not None:
        return Rented(there, False)
    tries = 0
    while True:
        try:
            return Rented(await _ask(session, client, plan, steps), True)
        except LabeltuiError as error:
            if not plan.wait or error.problem.code not in WAITED_OUT:
                raise
            tries += 1
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tries - 1)) * random.uniform(0.9, 1.1)  # noqa: S311
            steps.say("rent", f"{error.problem.message} Asked again in {pause:.0f} s (try {tries + 1}).")
        await client.transport.sleep(pause)
        plan = await _refreshed(plan, client)


async def there_already(client: RunpodClient, name: str) -> Pod | None:
    """The pod that has the name. Raises Failed when it is not up, since nothing new is rented beside it."""
    found = next(
        (pod for pod in await client.pods() if pod.name == name and pod.status is not PodStatus.TERMINATED),
        None,
    )
    if found is not None and not found.status.is_up:
        raise Failed(
            "pod_exists", f"There is a pod {name} already; it is {found.status}.",
            "Start it with `labeltui pod start`, or give the new one another --name.",
        )  # fmt: skip
    return found


async def _ask(session: Session, client: RunpodClient, plan: Plan, steps: Checklist) -> Pod:
    def refused(refusal: Refusal) -> None:
        gpu = next((one.name for one in plan.offers if one.id == refusal.spec.gpu_id), refusal.spec.gpu_id)
        steps.say("rent", f"{gpu}: {refusal.problem.message}")

    name = plan.spec.name
    session.kept.write(RENTING, {"name": name, "at": session.clock().isoformat()})
    try:
        pod = await create_first(client, plan.specs(), refused)
    except LabeltuiError as error:
        if error.problem.code != "runpod_create_unclear":
            session.kept.write(RENTING, {})
        raise
    session.kept.write(RENTING, {})
    return pod


async def _refreshed(plan: Plan, client: RunpodClient) -> Plan:
    """Prices and stock of now; what was agreed to stays the limit."""
    try:
        return await plan.refreshed(client)
    except LabeltuiError:
        return plan  # asked with what was known before


def pending_name(session: Session) -> str | None:
    """The name of a request whose answer never came, in this run or in one that was killed."""
    name = session.kept.read(RENTING).get("name")
    return name if isinstance(name, str) and name else None


def _recall(session: Session, client: RunpodClient, name: str) -> None:
    """A request of an earlier run may still turn into a pod: let it be looked for as long as that takes."""
    kept = session.kept.read(RENTING)
    try:
        asked = datetime.fromisoformat(str(kept.get("at")))
    except ValueError:
        return
    left = SETTLE_S - (session.clock() - asked.astimezone(UTC)).total_seconds()
    if kept.get("name") == name and left > 0:
        client.may_appear(name, left)
