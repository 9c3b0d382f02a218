"""Events of a pod, found by comparing two readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labeltui.domain.pod.pod import Pod, PodStatus


@dataclass(frozen=True, slots=True)
class PodEvent:
    """Something that happened to a pod. ``kind`` is for scripts, ``text`` for people."""

    at: datetime
    kind: str
    text: str


def container_restarted(before: Pod, after: Pod) -> bool:
    """True when ``after`` runs a different container, which has a new disk and new host keys."""
    if not (before.status.is_up and after.status.is_up):
        return after.status.is_up and after.started_at != before.started_at
    if before.started_at and after.started_at and before.started_at != after.started_at:
        return True
    return before.uptime_s is not None and after.uptime_s is not None and after.uptime_s < before.uptime_s


def changes(before: Pod | None, after: Pod | None, at: datetime) -> tuple[PodEvent, ...]:
    """The events between two readings of a pod; None means that the pod does not exist."""
    if before is None or after is None:
        if before is after:
            return ()
        if after is None and before is not None:
            return (PodEvent(at, "gone", f"{before.name} was terminated, by labeltui or by others."),)
        return (PodEvent(at, "appeared", f"RunPod lists the new pod {after.name}."),) if after else ()
    if before.id != after.id:
        return (PodEvent(at, "migrated", _migrated(before, after)),)
    if after.status is PodStatus.TERMINATED:
        gone = PodEvent(at, "gone", f"{after.name} was terminated, by labeltui or by others.")
        return () if before.status is PodStatus.TERMINATED else (gone,)
    events = []
    if before.status is not after.status:
        why = f" ({after.last_change})" if after.last_change != before.last_change else ""
        events.append(
            PodEvent(
                at, after.status.value, f"{after.name} was {before.status} and is {after.status} now{why}."
            )
        )
    if container_restarted(before, after):
        events.append(PodEvent(at, "restarted", "A new container is running, with new host keys."))
    if before.ssh and after.ssh and before.ssh != after.ssh:
        text = f"The SSH address changed from {before.ssh.address} to {after.ssh.address}."
        events.append(PodEvent(at, "address", text))
    if after.lost_its_gpu and not before.lost_its_gpu:
        events.append(PodEvent(at, "no_gpu", "The pod runs without a GPU."))
    if before.data_centre and after.data_centre and before.data_centre != after.data_centre:
        text = f"The pod moved from {before.data_centre} to {after.data_centre}."
        events.append(PodEvent(at, "moved", text))
    return tuple(events)


def _migrated(before: Pod, after: Pod) -> str:
    moved = before.data_centre and after.data_centre and before.data_centre != after.data_centre
    place = f", in {after.data_centre} instead of {before.data_centre}" if moved else ""
    return f"{after.name} is now another pod: its id changed from {before.id} to {after.id}{place}."
