"""Events that the console does not cause: other users, failing hosts, prices, money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from labeltui.sandbox.runpod.world import life, timeline
from labeltui.sandbox.runpod.world.clock import javascript
from labeltui.sandbox.runpod.world.pods import Pod
from labeltui.sandbox.runpod.world.world import World


class UnknownEvent(ValueError):
    """The event, pod or volume does not exist. For an unknown event, the message lists all events."""


def happen(world: World, event: str, /, **parameters: Any) -> Any:
    """Carry out the event ``event`` now. Raises :class:`UnknownEvent`."""
    found = EVENTS.get(event)
    if found is None:
        raise UnknownEvent(f"no event {event!r}; there are: {', '.join(EVENTS)}")
    timeline.advance(world)
    try:
        return found(world, **parameters)
    except TypeError as error:
        raise UnknownEvent(f"{event}: {error}") from None


def _pod(world: World, pod_id: str) -> Pod:
    if pod_id not in world.pods:
        raise UnknownEvent(f"no pod {pod_id!r}")
    return world.pods[pod_id]


def deleted_elsewhere(world: World, pod: str) -> None:
    """A user terminates the pod on RunPod's website."""
    life.terminate(world, _pod(world, pod), world.now, by="user")


def stopped_elsewhere(world: World, pod: str, by: str = "user") -> None:
    """A user, or RunPod itself (``by="Runpod"``), stops the pod."""
    life.stop(world, _pod(world, pod), world.now, by=by)


def started_elsewhere(world: World, pod: str) -> None:
    """A user starts the pod on RunPod's website."""
    life.start(world, _pod(world, pod), world.now)


def restarted_elsewhere(world: World, pod: str) -> None:
    """The container restarts by itself, with new host keys."""
    life.recreate(world, _pod(world, pod), world.now, "container died; restart container")


def host_failed(world: World, pod: str) -> None:
    """The host fails: the pod's status becomes ERROR and its volume disk is lost."""
    life.fail_host(world, _pod(world, pod), world.now)


def gpu_taken(world: World, pod: str, after: float = 0.0) -> None:
    """Another user rents the stopped pod's GPU ``after`` seconds from now."""
    _pod(world, pod).host_taken_at = world.now + timedelta(seconds=after)


def gpu_freed(world: World, pod: str) -> None:
    """The host has a free GPU again."""
    _pod(world, pod).host_taken_at = None


def address_changed(world: World, pod: str) -> None:
    """A running pod gets another SSH port and keeps its host keys."""
    if world.hardware is not None:
        world.hardware.move(_pod(world, pod))


def migrated(world: World, pod: str) -> str:
    """A user moves the pod to another host on RunPod's website: new id, same name, same volume data."""
    old = _pod(world, pod)
    new = life.create(world, replace(old.spec, env=dict(old.spec.env)))
    new.volume_key, old.volume_key = old.volume_key, None
    life.terminate(world, old, world.now, by="user")
    return new.id


def pull_goes_on(world: World, pod: str) -> None:
    """A pod whose image download was stuck continues."""
    found = _pod(world, pod)
    found.schedule(world.now, (0.0, "layer 4"), (world.timing.boot, "run"))
    timeline.advance(world)


def balance(world: World, dollars: str | float) -> None:
    """Set the account's balance, in USD."""
    timeline.set_balance(world, Decimal(str(dollars)))


def price(world: World, gpu: str, secure: str | None = None, community: str | None = None) -> None:
    """Change the price of a GPU type for future pods. Existing pods keep their price."""
    kind = world.catalog.gpus[gpu]
    kind.secure = Decimal(secure) if secure is not None else kind.secure
    kind.community = Decimal(community) if community is not None else kind.community


def stock(world: World, gpu: str, level: str, center: str | None = None) -> None:
    """Change the stock of a GPU type in one data centre. Without ``center``, in all that offer the type."""
    world.catalog.set_stock(gpu, level, center)


def volume_reclaimed(world: World, volume: str) -> None:
    """RunPod deletes an unpaid network volume with its data."""
    found = world.volumes.pop(volume, None)
    if found is None:
        raise UnknownEvent(f"no network volume {volume!r}")
    world.ledger.set_rates(volume, {}, world.now)
    if world.hardware is not None:
        world.hardware.discard(volume)


def load(world: World, pod: str, **percent: int) -> None:
    """Set the pod's use of ``gpu``, ``gpuMemory``, ``cpu`` and ``memory``, in percent."""
    found = _pod(world, pod)
    if unknown := set(percent) - set(found.load):
        raise UnknownEvent(f"load has no {', '.join(sorted(unknown))}")
    found.load.update(percent)


def log_line(world: World, pod: str, text: str, source: str = "container") -> None:
    """Add a line to the pod's log."""
    _pod(world, pod).log.add(world.now, source, text)


def key_scope(world: World, key: str, scope: str | None) -> None:
    """Set an API key's scope to ``all``, ``read`` or ``none``. None makes the key invalid."""
    if scope is None:
        world.keys.pop(key, None)
    elif key in world.keys:
        world.keys[key].scope = scope


def pod_key_refused(world: World, pod: str) -> None:
    """The API no longer accepts the pod's own key, as some users of RunPod report."""
    world.keys[_pod(world, pod).api_key].scope = "none"


def outbid(world: World, pod: str) -> None:
    """Another user outbids a spot pod, and the pod stops."""
    found, now = _pod(world, pod), world.now
    life.stop(world, found, now, by="user")
    found.change = f"Outbid: {javascript(now)}"


EVENTS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        deleted_elsewhere,
        stopped_elsewhere,
        started_elsewhere,
        restarted_elsewhere,
        host_failed,
        gpu_taken,
        gpu_freed,
        address_changed,
        migrated,
        pull_goes_on,
        outbid,
        balance,
        price,
        stock,
        volume_reclaimed,
        load,
        log_line,
        key_scope,
        pod_key_refused,
    )
}
"""Every event by name."""
