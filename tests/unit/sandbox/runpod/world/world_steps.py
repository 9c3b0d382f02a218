"""Steps of a test of an emulated account."""

from dataclasses import replace
from typing import Any

from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.clock import FakeClock
from labeltui.sandbox.runpod.world.pods import Spec
from labeltui.sandbox.runpod.world.world import World

A5000 = "NVIDIA RTX A5000"


def spec(**changes: Any) -> Spec:
    return replace(Spec(name="x", image="i", disk=20, gpu=A5000, ports=["22/tcp"]), **changes)


def wait(world: World, seconds: float) -> None:
    assert isinstance(world.clock, FakeClock)
    world.clock.advance(seconds)
    timeline.advance(world)
