"""Fake containers: every start has its own port and host keys, reported when real ones would be."""

from decimal import Decimal

from labeltui.sandbox.runpod.api.present import pod_json
from labeltui.sandbox.runpod.world import events, timeline
from labeltui.sandbox.runpod.world.clock import FakeClock
from labeltui.sandbox.runpod.world.pods import Mount, Pod, Spec
from labeltui.sandbox.runpod.world.world import World
from tests.fakes.containers import FakeContainers, fingerprint


def wait(world: World, seconds: float) -> None:
    assert isinstance(world.clock, FakeClock)
    world.clock.advance(seconds)
    timeline.advance(world)


def endpoint(world: World, pod: Pod) -> object:
    return pod_json(world, pod)["ssh"]["direct"]


def test_the_life_of_an_endpoint() -> None:
    world = World(clock=FakeClock(), funds=Decimal(100))
    containers = FakeContainers(world)
    spec = Spec("x", "i", 20, ports=["22/tcp"], gpu="NVIDIA RTX A5000", mount=Mount("/workspace", 20))
    pod = timeline.create(world, spec)
    wait(world, 6.5)
    assert (pod.status, endpoint(world, pod)) == ("RUNNING", None)  # ports come later than RUNNING
    wait(world, 1)
    first, key = endpoint(world, pod), fingerprint(pod, "ED25519")
    assert any(key in line.text for line in pod.log.lines)
    events.happen(world, "address_changed", pod=pod.id)
    moved = endpoint(world, pod)
    timeline.act(world, pod.id, "stop")
    assert endpoint(world, pod) is None
    world.faults.arm("stale_address", seconds=90)
    timeline.act(world, pod.id, "start")
    wait(world, 30)
    assert endpoint(world, pod) == moved
    wait(world, 90)
    assert endpoint(world, pod) not in (None, first, moved)
    assert fingerprint(pod, "ED25519") != key
    timeline.act(world, pod.id, "terminate")
    assert containers.discarded == [f"disk-{pod.id}"]
