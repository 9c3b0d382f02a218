"""Carry out a world's due steps in the order of time, and the requests of clients.

A world starts no tasks, so every request and every tick calls :func:`advance` first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from labeltui.sandbox.runpod.world import life
from labeltui.sandbox.runpod.world.pods import Pod, Spec
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import World


def advance(world: World) -> None:
    """Carry out every step that is due by now."""
    now = world.now
    while True:
        due = _next(world)
        if due is None or due[0] > now:
            return
        at, pod, step = due
        if pod is None:
            _run_dry(world, at)
        else:
            life.take_step(world, pod, step, at)


def create(world: World, spec: Spec) -> Pod:
    """Rent a pod; raises :class:`Refusal`."""
    advance(world)
    return life.create(world, spec)


def act(world: World, pod_id: str, action: str) -> Pod:
    """Start, stop, restart or terminate a pod; raises :class:`Refusal` 404, 409 or 400."""
    advance(world)
    pod = world.pod(pod_id)
    if action not in pod.actions:
        raise Refusal(409, f"action {action} is not valid for a pod in status {pod.status}")
    if pod.locked and action in ("stop", "restart"):
        raise Refusal(400, "pod is locked")
    now = world.now
    if action == "stop":
        life.stop(world, pod, now, by="user")
    elif action == "terminate":
        if world.faults.take("terminate_ignored", pod=pod_id) is None:
            life.terminate(world, pod, now, by="user")
    elif action == "start":
        life.start(world, pod, now)
    else:
        life.recreate(world, pod, now, "restart container")
    return pod


def set_balance(world: World, dollars: Decimal) -> None:
    """Set the balance, in USD. If no money is left, pods end at once."""
    world.funds = dollars + world.ledger.spent(world.now)
    world.broke = False
    advance(world)


def _next(world: World) -> tuple[datetime, Pod | None, str] | None:
    """Return time, pod and name of the next step. The pod is None for the step ``empty``: the money runs out."""
    coming: list[tuple[datetime, Pod | None, str]] = []
    for pod in world.pods.values():
        if pod.plan:
            at, step = pod.plan[0]
            coming.append((at, pod, step))
        if pod.spec.terminate_after is not None:
            coming.append((pod.spec.terminate_after, pod, "terminate_after"))
        if pod.spec.stop_after is not None and "stop" in pod.actions:
            coming.append((pod.spec.stop_after, pod, "stop_after"))
    if not world.broke:
        now = world.now
        empty = world.ledger.lasts_until(world.balance(), now)
        if world.balance() < 0:
            empty = _emptied(world, now)
        if empty is not None:
            coming.append((empty, None, "empty"))
    return min(coming, key=lambda step: step[0], default=None)


def _emptied(world: World, now: datetime) -> datetime:
    """Return the past time at which the balance reached 0, computed with the present rates."""
    rate = world.ledger.rate()
    if not rate:
        return now
    over = -world.balance() / rate * 3600
    return now - timedelta(microseconds=int(over * 1_000_000))


def _run_dry(world: World, at: datetime) -> None:
    """Stop pods with a network volume. Terminate all other pods; their data is lost."""
    world.broke = True
    for pod in list(world.pods.values()):
        mount = pod.spec.mount
        if mount is not None and mount.volume is not None:
            if "stop" in pod.actions:
                life.stop(world, pod, at, by="Runpod")
        else:
            life.terminate(world, pod, at, by="Runpod")
