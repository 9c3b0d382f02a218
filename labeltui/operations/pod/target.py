"""Which pod an action is about: the profile's, or another that is named whole and confirmed by its name."""

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
    """The pod that is meant, as it is now; by whole name or id, never by a part of it.

    Raises Failed ``no_pod``, and Misused ``pod_ambiguous`` for a name that several have.
    """
    if not named:
        return await session.rental.find()
    pods = await session.rental.look_at_all()
    found = same_named(pods, named)
    if len(found) == 1:
        return found[0]
    if found:
        raise ambiguous(named, found)
    raise Failed(
        Code.NO_POD, f"There is no pod {named!r} in this account.",
        "`labeltui pod list` shows those there are; a name is typed whole.",
    )  # fmt: skip


async def legal(session: Session, params: PodParams, action: PodAction) -> Pod:
    """The pod, when the action is allowed on it now and was meant for it. Raises the reason otherwise."""
    pod = await target(session, params.pod)
    await meant(session, params, pod, action)
    why = why_not(pod, action)
    if why is None:
        return pod
    if pod.cluster_id or (pod.locked and action in pod.actions):
        raise Refused(
            Code.POD_LOCKED, f"{pod.name} can't be asked to {action}: {why}.", "Choose another pod."
        )
    can = ", ".join(pod.actions) or "nothing"
    raise Failed(
        Code.POD_STATE, f"{pod.name} is {pod.status}: it can't be asked to {action} now.", f"It can: {can}."
    )


async def meant(session: Session, params: PodParams, pod: Pod, action: PodAction) -> None:
    """Refuse to touch a pod that is not the profile's, unless its own name was confirmed."""
    if await session.rental.owns(pod) or params.named == called(pod):
        return
    raise Refused(
        Code.POD_NOT_NAMED, f"{called(pod)} ({pod.id}) is not this profile's pod.",
        f"To {action} it all the same, name it: --yes {called(pod)}.",
    )  # fmt: skip
