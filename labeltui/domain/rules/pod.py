"""Find the pod that a command means and the actions that it allows, so that no action hits the wrong machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.pod.pod import Pod, PodAction

UNNAMED = "This profile names no pod."
NAMED = "named"
"""The parameter that carries the name of the pod that the operator confirmed."""
_LOCKED_AGAINST = ("stop", "restart", "terminate")


def why_not(pod: Pod, action: PodAction | str) -> str | None:
    """Return why the action is impossible on the pod now; None when it is possible."""
    if pod.cluster_id:
        return "the pod belongs to a cluster, which can only be changed on RunPod's website"
    if pod.locked and str(action) in _LOCKED_AGAINST:
        return "the pod is locked; unlock it on RunPod's website first"
    if action not in pod.actions:
        return f"the pod is {pod.status}"
    return None


def same_named(pods: Iterable[Pod], named: str) -> tuple[Pod, ...]:
    """The pods with that id or that exact name. An id belongs to one pod; several pods may have the same name.

    Parts of names do not match, because a script that matched them has deleted pods of colleagues.
    """
    listed = tuple(pods)
    by_id = tuple(pod for pod in listed if pod.id == named)
    return by_id or tuple(pod for pod in listed if pod.name == named)


def only_named(pods: Iterable[Pod], name: str) -> Pod | None:
    """The pod with this exact name that is not terminated; None without one.

    Raises Misused ``pod_ambiguous`` if several have the name.
    """
    found = tuple(pod for pod in pods if pod.name == name and pod.status != "terminated")
    if len(found) > 1:
        raise ambiguous(name, found)
    return found[0] if found else None


def called(pod: Pod) -> str:
    """The name of a pod for confirmations, or its id if it has no name."""
    return pod.name or pod.id


def pod_has_ended(state: SessionState) -> bool:
    """True if the host is unreachable because its pod was stopped or terminated."""
    host, pod = state.host.value, state.pod.value
    if not state.identity.rents or pod is None or (host is not None and host.state is LinkState.CONNECTED):
        return False
    return pod.status in ("stopped", "terminated")


def is_own(state: SessionState, pod: Pod) -> bool:
    """True for the profile's pod, compared by id."""
    return state.pod.value is not None and state.pod.value.id == pod.id


def about(state: SessionState, named: str | None) -> SessionState:
    """Return the state with the named pod in place of the profile's, to compute texts about the named pod.

    For an unknown or ambiguous name the returned state has no pod, so that no question names a wrong one.
    """
    if named is None or (state.pod.value is not None and named == state.pod.value.id):
        return state
    found = same_named(state.pods.value or (), named)
    if len(found) != 1:
        return replace(state, pod=Reading(error=f"no pod, or more than one, is called {named!r}"))
    return about_pod(state, found[0])


def about_pod(state: SessionState, pod: Pod) -> SessionState:
    """Return the state with this pod in place of the profile's. If it is another pod, the state has no training."""
    shown = replace(state, pod=Reading(pod, pod.read_at))
    other = state.pod.value is not None and state.pod.value.id != pod.id
    return replace(shown, training=Reading(), trainings=(), models=Reading()) if other else shown


def ambiguous(named: str, found: tuple[Pod, ...]) -> Misused:
    """Make the error for a name that several pods have."""
    ids = ", ".join(pod.id for pod in found)
    return Misused(
        Code.POD_AMBIGUOUS, f"{len(found)} pods are called {named!r}.", f"Name the pod by its id: {ids}."
    )


def not_of_runpod(host: str) -> Misused:
    """Make the error for a profile whose machine is not a pod. ``host`` is its kind of host."""
    return Misused(
        Code.NO_POD_NAMED, f'This profile has no pod: its `host` is "{host}".',
        "labeltui starts and stops only pods of RunPod. Choose a profile with --profile, or name"
        " a pod of `labeltui pod list`.",
    )  # fmt: skip


def no_pod_named() -> Misused:
    """Make the error for a profile that names no pod."""
    return Misused(
        Code.NO_POD_NAMED, UNNAMED,
        "Rent a pod with p n (`labeltui pod create`), or add [profiles.NAME.runpod] with pod = \"...\".",
    )  # fmt: skip
