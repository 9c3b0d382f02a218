"""What may be done with a pod, and with which one: the rules that keep an action off the wrong machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod, PodAction
from labeltui.domain.problems import Misused
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState

if TYPE_CHECKING:
    pass


if TYPE_CHECKING:  # on the way to first paint
    from labeltui.domain.pod.pod import Pod, PodAction

NAMED = "named"
"""The parameter in which a door hands on the name of a pod that the person confirmed."""
_LOCKED_AGAINST = ("stop", "restart", "terminate")


def why_not(pod: Pod, action: PodAction | str) -> str | None:
    """Why the action can't be asked of the pod now, in words; None when it can."""
    if pod.cluster_id:
        return "it is a member of a cluster, which is changed as a whole on RunPod's page"
    if pod.locked and str(action) in _LOCKED_AGAINST:
        return "it is locked; whoever locked it can unlock it on RunPod's page"
    if action not in pod.actions:
        return f"the pod is {pod.status}"
    return None


def same_named(pods: Iterable[Pod], named: str) -> tuple[Pod, ...]:
    """The pods meant by an id or a whole name. An id is one pod; a name may be that of several.

    Never a part of a name: a script that matched parts of names has deleted pods of colleagues.
    """
    listed = tuple(pods)
    by_id = tuple(pod for pod in listed if pod.id == named)
    return by_id or tuple(pod for pod in listed if pod.name == named)


def called(pod: Pod) -> str:
    """What a pod is called, to be typed: its name, or its id where it has none."""
    return pod.name or pod.id


def is_own(state: SessionState, pod: Pod) -> bool:
    """True for the pod of the profile, going by its id."""
    return state.pod.value is not None and state.pod.value.id == pod.id


def about(state: SessionState, named: str | None) -> SessionState:
    """The state with the pod of that id or name in the place of the profile's, for words about it.

    One that the list does not have leaves no pod at all: what is not known is not asked about.
    """
    if named is None or (state.pod.value is not None and named == state.pod.value.id):
        return state
    found = same_named(state.pods.value or (), named)
    if len(found) != 1:
        return replace(state, pod=Reading(error=f"there is no single pod {named!r} in the list"))
    return about_pod(state, found[0])


def about_pod(state: SessionState, pod: Pod) -> SessionState:
    """The state with this pod in the place of the profile's."""
    return replace(state, pod=Reading(pod, pod.read_at))


def ambiguous(named: str, found: tuple[Pod, ...]) -> Misused:
    """The refusal to choose between pods of one name."""
    ids = ", ".join(pod.id for pod in found)
    return Misused(
        Code.POD_AMBIGUOUS, f"{len(found)} pods are called {named!r}.", f"Name one by its id: {ids}."
    )
