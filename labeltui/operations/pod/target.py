"""Finds the pod for an action: the profile's pod, or another one that the operator named and confirmed by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.actions.model import PodParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod, PodAction
from labeltui.domain.problems import Failed, Refused
from labeltui.domain.rules.pod import ambiguous, called, same_named, why_not

if TYPE_CHECKING:
    from labeltui.session.session import Session


async def target(session: Session, named: str | None) -> Pod:
    """Read the pod with that id or whole name; None means the profile's pod. A part of a name never matches.

    Raises Failed ``no_pod``, and Misused ``pod_ambiguous`` if several pods have the name.
    """
    if not named:
        return await session.account.find()
    pods = await session.account.refresh_pods()
    found = same_named(pods, named)
    if len(found) == 1:
        return found[0]
    if found:
        raise ambiguous(named, found)
    raise Failed(
        Code.NO_POD, f"There is no pod {named!r} in this account.",
        "`labeltui pod list` lists the pods; type the whole name.",
    )  # fmt: skip


async def legal(session: Session, params: PodParams, action: PodAction) -> Pod:
    """Return the pod if the action is possible now and the operator confirmed it for this pod.

    Raises Refused ``pod_not_named`` or ``pod_locked``, and Failed ``pod_state``.
    """
    pod = await target(session, params.pod)
    await refuse_unnamed(session, params, pod, action)
    why = why_not(pod, action)
    if why is None:
        return pod
    if pod.cluster_id or (pod.locked and action in pod.actions):
        raise Refused(
            Code.POD_LOCKED, f"{pod.name}: {action} is not possible, because {why}.", "Choose another pod."
        )
    can = ", ".join(pod.actions) or "nothing"
    raise Failed(
        Code.POD_STATE, f"{pod.name} is {pod.status}: {action} is not possible now.", f"Possible now: {can}."
    )


async def refuse_unnamed(session: Session, params: PodParams, pod: Pod, action: PodAction) -> None:
    """Raise Refused ``pod_not_named`` if the pod is not the profile's and its name was not confirmed."""
    if await session.account.owns(pod) or params.named == called(pod):
        return
    raise Refused(
        Code.POD_NOT_NAMED, f"{called(pod)} ({pod.id}) is not this profile's pod.",
        f"To {action} it, confirm its name: --yes {called(pod)}.",
    )  # fmt: skip
