"""A pod's changes: rent, start, stop, end. Each function gets the time, so that costs are exact."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from decimal import Decimal

from labeltui.sandbox.runpod.world import catalog
from labeltui.sandbox.runpod.world.clock import javascript
from labeltui.sandbox.runpod.world.pods import Pod, Spec
from labeltui.sandbox.runpod.world.refusals import (
    HOST_FULL,
    NO_CAPACITY,
    NO_RESOURCES,
    OVER_LIMIT,
    SOMETHING,
    Refusal,
)
from labeltui.sandbox.runpod.world.world import World

_START_FAULTS = (
    "slow_start",
    "zero_gpu",
    "fails_to_start",
    "stale_address",
    "no_ports",
    "no_sshd",
    "no_fingerprints",
)
_LAYERS = 4


def create(world: World, spec: Spec) -> Pod:
    """Rent a pod. Raises :class:`Refusal` in the same cases as RunPod."""
    center, cuda, price = _place(world, spec)
    _afford(world, price * (spec.vcpus if spec.cpu else spec.gpu_count))
    now = world.now
    pod_id = world.new_id()
    _inject_environment(world, spec)
    pod = Pod(
        id=pod_id,
        spec=spec,
        created_at=now,
        center=center,
        cuda=cuda,
        gpu_price=price,
        host_token=secrets.token_hex(4),
        machine=world.new_id(12),
        api_key=world.new_key(pod_id),
        gpus=0 if spec.cpu else spec.gpu_count,
        change=f"Rented by User: {javascript(now)}",
    )
    if spec.mount is not None:
        pod.volume_key = spec.mount.volume or f"disk-{pod_id}"
    world.pods[pod_id] = pod
    pod.log.add(now, "system", "create pod network", f"create container {spec.image}")
    if world.faults.take("image_refused", **_facts(spec)) is not None:
        pod.schedule(now, (2.0, "refuse"))
    elif world.faults.take("stuck_pulling", **_facts(spec)) is not None:
        pod.schedule(now, (world.timing.provision, "pull"))
    else:
        _prepare_start(world, pod, now, first=True)
    world.meter(pod, now)
    return pod


def _facts(spec: Spec) -> dict[str, str]:
    return {"name": spec.name, "gpu": spec.gpu or "", "center": ",".join(spec.centers)}


def _place(world: World, spec: Spec) -> tuple[str, str | None, Decimal]:
    """Choose data centre, CUDA version and price. Raises :class:`Refusal` if no machine matches."""
    none = Refusal(400, NO_CAPACITY, "SUPPLY_CONSTRAINT")
    fault = world.faults.take("no_capacity", **_facts(spec))
    if fault is not None:
        none = Refusal(400, str(fault.get("detail") or NO_CAPACITY), "SUPPLY_CONSTRAINT")
        none.null = bool(fault.get("null"))
        raise none
    if world.faults.take("no_resources", **_facts(spec)) is not None:
        raise Refusal(400, NO_RESOURCES)
    if world.faults.take("something_wrong", **_facts(spec)) is not None:
        raise Refusal(500, SOMETHING)
    centers = [one for one in world.catalog.centers.values() if not spec.centers or one.id in spec.centers]
    centers = [one for one in centers if not spec.countries or one.country in spec.countries]
    if spec.mount is not None and spec.mount.volume is not None:
        volume = world.volumes.get(spec.mount.volume)
        if volume is None:
            raise Refusal(404, "network volume not found")
        centers = [one for one in centers if one.id == volume.center]
    if spec.cpu is not None:
        if not centers:
            raise none
        return centers[0].id, None, catalog.CPU_PRICE
    gpu = world.catalog.gpus.get(spec.gpu or "")
    offers = [one for one in centers if one.stock.get(spec.gpu or "", "NONE") != "NONE"]
    versions = [one for one in catalog.CUDA_VERSIONS if spec.cuda is None or one in spec.cuda]
    # As on RunPod, an unknown GPU type is reported as no capacity.
    if gpu is None or not offers or not versions or spec.gpu_count > gpu.most:
        raise none
    best = max(offers, key=lambda one: catalog.LEVELS.index(one.stock[gpu.id]))
    return best.id, versions[-1], gpu.price(spec.cloud)


def _afford(world: World, rate: Decimal) -> None:
    over = world.faults.take("over_limit") is not None
    if over or world.compute_rate() + rate > world.spend_limit:
        raise Refusal(402, OVER_LIMIT.format(limit=world.spend_limit), "INSUFFICIENT_BALANCE")
    if world.balance() < world.compute_rate() + rate:
        raise Refusal(402, "Insufficient balance", "INSUFFICIENT_BALANCE")


def _inject_environment(world: World, spec: Spec) -> None:
    if spec.start_ssh and world.ssh_keys and "PUBLIC_KEY" not in spec.env:
        spec.env["PUBLIC_KEY"] = "\n".join(world.ssh_keys)
    if spec.start_jupyter and "JUPYTER_PASSWORD" not in spec.env:
        spec.env["JUPYTER_PASSWORD"] = secrets.token_urlsafe(12)


def _prepare_start(world: World, pod: Pod, at: datetime, *, first: bool) -> None:
    """Schedule the steps to RUNNING, and take the armed faults for this start."""
    found = {name: world.faults.take(name, pod=pod.id) for name in _START_FAULTS}
    pod.start_faults = {name: dict(value) for name, value in found.items() if value is not None}
    timing = world.timing
    factor = float(str(pod.start_faults.get("slow_start", {"factor": 1}).get("factor", 10)))
    if "zero_gpu" in pod.start_faults:
        pod.gpus = 0
    pulling = pod.pulled != pod.spec.image
    steps = [(timing.provision * factor, "pull")] if first else []
    if pulling:
        steps += [(timing.pull * factor / _LAYERS, f"layer {number}") for number in range(1, _LAYERS + 1)]
    last = "fail" if "fails_to_start" in pod.start_faults else "run"
    pod.schedule(at, *steps, (timing.boot * factor, last))


def take_step(world: World, pod: Pod, step: str, at: datetime) -> None:
    """Carry out one scheduled step of a pod."""
    if step == "stop_after":
        pod.spec.stop_after = None
        stop(world, pod, at, by="user")
        return
    if step == "terminate_after":
        terminate(world, pod, at, by="user")
        return
    pod.plan.pop(0)
    tag = pod.spec.image.rpartition("/")[2]
    if step == "pull":
        pod.status = "STARTING"
        pod.log.add(at, "system", f"{tag.rpartition(':')[2]} Pulling from {pod.spec.image.partition(':')[0]}")
    elif step.startswith("layer"):
        _pull_line(pod, int(step.split()[1]), at)
    elif step == "run":
        _run(world, pod, at)
    elif step == "fail":
        pod.status, pod.desired = "ERROR", "EXITED"
        pod.log.add(at, "system", "error starting container: OCI runtime create failed")
    elif step == "refuse":
        stop(world, pod, at, by="Runpod")
    world.meter(pod, at)


def _pull_line(pod: Pod, layer: int, at: datetime) -> None:
    done = 7.9 * layer / _LAYERS
    pod.log.add(at, "system", f"{layer:08x}c0de: Downloading [{'=' * layer * 5}>] {done:.2f}GB/7.90GB")
    if layer == _LAYERS:
        pod.pulled = pod.spec.image
        pod.log.add(at, "system", f"Status: Downloaded newer image for {pod.spec.image}")


def _run(world: World, pod: Pod, at: datetime) -> None:
    pod.status, pod.desired = "RUNNING", "RUNNING"
    pod.starts += 1
    pod.started_at, pod.exited_at = at, None
    pod.old_mapping, pod.mapping = pod.mapping or pod.old_mapping, {}
    pod.ports_at = at + timedelta(seconds=world.timing.ports)
    stale = pod.start_faults.get("stale_address")
    late = world.timing.old_ports if stale is None else float(str(stale.get("seconds", 90)))
    pod.old_until = at + timedelta(seconds=late) if late else None
    pod.log.add(at, "system", f"start container for {pod.spec.image}: begin")
    if world.hardware is not None:
        world.hardware.container_up(pod)


def start(world: World, pod: Pod, at: datetime, *, gpus: int | None = None) -> None:
    """Start a stopped pod on its old host. Raises :class:`Refusal` if its GPU is rented to another user."""
    wanted = pod.spec.gpu_count if gpus is None else gpus
    taken = pod.host_taken_at is not None and at >= pod.host_taken_at
    if pod.spec.gpu and wanted and (world.faults.take("host_full", pod=pod.id) is not None or taken):
        raise Refusal(400, HOST_FULL)
    if pod.spec.gpu:
        _afford(world, pod.gpu_price * wanted)
    pod.gpus = wanted if pod.spec.gpu else 0
    pod.host_taken_at = None
    pod.status, pod.desired = "STARTING", "RUNNING"
    pod.change = f"Resumed by user: {javascript(at)}"
    pod.log.add(at, "system", f"create container {pod.spec.image}")
    _prepare_start(world, pod, at, first=False)
    world.meter(pod, at)


def stop(world: World, pod: Pod, at: datetime, *, by: str) -> None:
    """Stop a pod: release the GPU, delete the container and its disk, keep the volume."""
    was_up = pod.status == "RUNNING"
    pod.status, pod.desired, pod.plan = "EXITED", "EXITED", []
    pod.exited_at, pod.change = at, f"Exited by {by}: {javascript(at)}"
    pod.log.add(at, "system", "stop container", "remove container", "remove network")
    world.meter(pod, at)
    if was_up and world.hardware is not None:
        world.hardware.container_down(pod)


def terminate(world: World, pod: Pod, at: datetime, *, by: str) -> None:
    """Terminate a pod. Destroys its volume disk, but not a network volume."""
    was_up = pod.status == "RUNNING"
    pod.status, pod.desired, pod.plan = "TERMINATED", "EXITED", []
    pod.exited_at, pod.change = at, f"Terminated by {by}: {javascript(at)}"
    world.meter(pod, at)
    world.pods.pop(pod.id, None)
    world.gone[pod.id] = (pod, at)
    world.keys.pop(pod.api_key, None)
    if world.hardware is not None:
        if was_up:
            world.hardware.container_down(pod)
        if pod.volume_key is not None and pod.spec.mount is not None and pod.spec.mount.volume is None:
            world.hardware.discard(pod.volume_key)
    pod.log.end()


def recreate(world: World, pod: Pod, at: datetime, why: str) -> None:
    """Replace a running pod's container. The container disk and the host keys are lost."""
    if world.hardware is not None:
        world.hardware.container_down(pod)
    pod.status = "STARTING"
    pod.log.add(at, "system", why, f"create container {pod.spec.image}")
    _prepare_start(world, pod, at, first=False)
    world.meter(pod, at)


def fail_host(world: World, pod: Pod, at: datetime) -> None:
    """Make the host fail: the pod's status becomes ERROR and its volume disk is lost."""
    was_up = pod.status == "RUNNING"
    pod.status, pod.desired, pod.plan = "ERROR", "EXITED", []
    pod.exited_at, pod.change = at, f"Exited by Runpod: {javascript(at)}"
    pod.log.add(at, "system", "host is not reachable")
    world.meter(pod, at)
    if world.hardware is not None:
        if was_up:
            world.hardware.container_down(pod)
        if pod.volume_key is not None and pod.spec.mount is not None and pod.spec.mount.volume is None:
            world.hardware.discard(pod.volume_key)
