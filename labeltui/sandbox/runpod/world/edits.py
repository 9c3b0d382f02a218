"""Changes to existing things: pods by PATCH, and network volumes."""

from __future__ import annotations

from dataclasses import replace

from labeltui.sandbox.runpod.world import life, money, requests
from labeltui.sandbox.runpod.world.pods import Mount, Pod
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import Volume, World

_CONTAINER = ("image", "args", "disk", "ports", "env", "registry", "mounts")


def update(world: World, pod_id: str, changes: requests.UpdatePod) -> Pod:
    """Edit a pod. Recreates the container if its settings change. Raises :class:`Refusal`."""
    pod = world.pod(pod_id)
    sent = changes.model_fields_set
    if changes.template_id is not None:
        raise Refusal(404, "template not found")
    mount = _new_mount(pod, requests.mount_of(changes.mounts))
    spec = replace(pod.spec, mount=mount)
    for name in ("name", "image", "args", "disk", "ports", "env"):
        value = getattr(changes, name)
        if name in sent and value is not None:
            setattr(spec, name, value)
    if "registry" in sent:
        spec.registry = changes.registry
    if "global_networking" in sent:
        spec.global_network = changes.global_networking
    if changes.locked is not None:
        pod.locked = changes.locked
    recreate = bool(sent & set(_CONTAINER)) and spec != replace(pod.spec, name=spec.name)
    if recreate and pod.locked:
        raise Refusal(400, "pod is locked")
    pod.spec = spec
    if recreate and pod.status == "RUNNING":
        life.recreate(world, pod, world.now, "remove container")
    else:
        world.meter(pod, world.now)
    return pod


def _new_mount(pod: Pod, wanted: Mount | None) -> Mount | None:
    old = pod.spec.mount
    if wanted is None:
        return old
    if old is None or (old.volume is None) != (wanted.volume is None):
        raise Refusal(400, "the kind of mount is fixed at create")
    if old.volume != wanted.volume:
        raise Refusal(400, "mounts.network volumeId is immutable")
    if wanted.size < old.size:
        raise Refusal(400, "mounts.persistent size cannot be reduced")
    return wanted


def volume(world: World, volume_id: str) -> Volume:
    """Find a network volume; raises :class:`Refusal` 404."""
    found = world.volumes.get(volume_id)
    if found is None:
        raise Refusal(404, "network volume not found")
    return found


def create_volume(world: World, wanted: requests.CreateVolume) -> Volume:
    """Create a network volume and bill it from now on. Raises :class:`Refusal` 400."""
    place = world.catalog.centers.get(wanted.data_center)
    if place is None or not place.volume_types:
        raise Refusal(400, f"data center {wanted.data_center} does not support network volumes")
    kind = wanted.type or place.volume_types[0]
    if kind not in place.volume_types:
        raise Refusal(400, f"data center {wanted.data_center} does not support {kind} volumes")
    made = Volume(world.new_id(10), wanted.name, wanted.size, place.id, kind, world.now)
    world.volumes[made.id] = made
    _meter(world, made)
    return made


def update_volume(world: World, volume_id: str, changes: requests.UpdateVolume) -> Volume:
    """Rename or grow a network volume; raises :class:`Refusal` 404 or 400."""
    found = volume(world, volume_id)
    if changes.size is not None:
        if changes.size < found.size:
            raise Refusal(400, "network volume storage cannot be reduced")
        found.size = changes.size
    found.name = changes.name or found.name
    _meter(world, found)
    return found


def delete_volume(world: World, volume_id: str) -> None:
    """Delete a network volume and its data. Raises :class:`Refusal` 404, or 400 if a pod uses the volume."""
    found = volume(world, volume_id)
    if any(pod.volume_key == found.id for pod in world.pods.values()):
        raise Refusal(400, "network volume is attached to a pod")
    del world.volumes[found.id]
    world.ledger.set_rates(found.id, {}, world.now)
    if world.hardware is not None:
        world.hardware.discard(found.id)


def _meter(world: World, one: Volume) -> None:
    world.ledger.set_rates(one.id, {"network": money.network_volume(one.size)}, world.now)
