"""The rules by which pods change, without a network and without containers."""

from decimal import Decimal
from typing import Any

import pytest

from labeltui.sandbox.runpod.world import edits, events, requests, timeline
from labeltui.sandbox.runpod.world.clock import START, FakeClock, javascript, rfc3339
from labeltui.sandbox.runpod.world.events import EVENTS, UnknownEvent
from labeltui.sandbox.runpod.world.faults import FAULTS, Faults, UnknownFault
from labeltui.sandbox.runpod.world.pods import Mount, Pod
from labeltui.sandbox.runpod.world.refusals import HOST_FULL, NO_CAPACITY, Refusal
from labeltui.sandbox.runpod.world.world import World
from tests.unit.sandbox.runpod.world.world_steps import spec, wait


@pytest.fixture
def world() -> World:
    return World(clock=FakeClock(), funds=Decimal(1000))


def in_status(world: World, status: str) -> Pod:
    """Bring a pod into a status by what leads there."""
    pod = timeline.create(world, spec())
    if status == "PROVISIONING":
        return pod
    wait(world, 2)
    if status == "STARTING":
        return pod
    wait(world, 60)
    if status == "EXITED":
        timeline.act(world, pod.id, "stop")
    elif status == "ERROR":
        events.happen(world, "host_failed", pod=pod.id)
    return pod


LEGAL = {
    "PROVISIONING": {"stop": "EXITED", "terminate": "TERMINATED"},
    "STARTING": {"stop": "EXITED", "terminate": "TERMINATED"},
    "RUNNING": {"stop": "EXITED", "restart": "STARTING", "terminate": "TERMINATED"},
    "EXITED": {"start": "STARTING", "terminate": "TERMINATED"},
    "ERROR": {"start": "STARTING", "terminate": "TERMINATED"},
}


@pytest.mark.parametrize("status", LEGAL)
@pytest.mark.parametrize("action", ["start", "stop", "restart", "terminate"])
def test_what_is_legal_in_which_status(world: World, status: str, action: str) -> None:
    pod = in_status(world, status)
    assert pod.status == status
    assert set(pod.actions) == set(LEGAL[status])
    after = LEGAL[status].get(action)
    if after is None:
        with pytest.raises(Refusal) as refusal:
            timeline.act(world, pod.id, action)
        assert (refusal.value.status, pod.status) == (409, status)
        return
    timeline.act(world, pod.id, action)
    assert pod.status == after
    assert (pod.id in world.pods) == (after != "TERMINATED")


def test_a_pod_runs_only_after_some_time(world: World) -> None:
    pod = timeline.create(world, spec())
    statuses = []
    for _ in range(16):
        statuses.append(pod.status)
        wait(world, 0.5)
    assert statuses == ["PROVISIONING"] * 2 + ["STARTING"] * 10 + ["RUNNING"] * 4
    assert pod.started_at is not None
    assert (pod.started_at - pod.created_at).total_seconds() == 6


def test_a_second_start_has_the_image_already(world: World) -> None:
    pod = in_status(world, "EXITED")
    timeline.act(world, pod.id, "start")
    wait(world, 1)
    assert (pod.status, pod.starts) == ("RUNNING", 2)


def test_one_long_step_ends_where_many_short_ones_do() -> None:
    long, short = (World(clock=FakeClock(), funds=Decimal("0.50")) for _ in range(2))
    for account in (long, short):
        timeline.create(account, spec(mount=Mount("/workspace", 20)))
    wait(long, 7200)
    for _ in range(720):
        wait(short, 10)
    ends = [next(iter(account.gone.values()))[1] for account in (long, short)]
    assert abs((ends[0] - ends[1]).total_seconds()) < 0.001
    assert abs(long.balance() - short.balance()) < Decimal("1e-6")


@pytest.mark.parametrize(
    "changes",
    [
        {"gpu": "NVIDIA GeForce RTX 9999"},
        {"gpu": "NVIDIA L40S", "centers": ("EU-SE-1",)},
        {"gpu_count": 9},
        {"centers": ("XX-1",)},
        {"cuda": ("11.8",)},
        {"countries": ("JP",)},
        {"cpu": "cpu5c", "gpu": None, "centers": ("XX-1",)},
    ],
)
def test_everything_is_worded_as_no_capacity(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refusal:
        timeline.create(world, spec(**changes))
    assert (refusal.value.status, refusal.value.detail) == (400, NO_CAPACITY)
    assert not world.pods


def test_a_pod_goes_where_its_volume_is_and_where_there_is_most(world: World) -> None:
    wanted = requests.check(requests.CreateVolume, {"name": "v", "size": 10, "dataCenter": "EU-SE-1"})
    volume = edits.create_volume(world, wanted)
    assert timeline.create(world, spec()).center == "EU-RO-1"
    assert timeline.create(world, spec(mount=Mount("/w", volume=volume.id))).center == "EU-SE-1"
    with pytest.raises(Refusal) as refusal:
        timeline.create(world, spec(mount=Mount("/w", volume="none")))
    assert refusal.value.status == 404


def test_zero_gpu_and_a_full_host(world: World) -> None:
    pod = in_status(world, "EXITED")
    world.faults.arm("host_full", pod=pod.id)
    with pytest.raises(Refusal, match=HOST_FULL):
        timeline.act(world, pod.id, "start")
    world.faults.arm("zero_gpu")
    timeline.act(world, pod.id, "start")
    wait(world, 60)
    assert (pod.status, pod.gpus, pod.cost) == ("RUNNING", 0, 0)
    timeline.act(world, pod.id, "stop")
    timeline.act(world, pod.id, "start")
    assert pod.gpus == 1


def test_slow_and_failing_starts(world: World) -> None:
    world.faults.arm("slow_start", factor=100)
    pod = timeline.create(world, spec())
    wait(world, 590)
    assert pod.status == "STARTING"
    wait(world, 20)
    assert pod.status == "RUNNING"
    world.faults.arm("fails_to_start", pod=pod.id)
    timeline.act(world, pod.id, "restart")
    wait(world, 60)
    assert (pod.status, pod.cost) == ("ERROR", 0)


def update(world: World, pod: Pod, **body: Any) -> None:
    edits.update(world, pod.id, requests.check(requests.UpdatePod, body))


@pytest.mark.parametrize(
    ("body", "anew"),
    [
        ({"name": "other"}, False),
        ({"ports": ["22/tcp"]}, False),
        ({"ports": ["22/tcp", "8000/http"]}, True),
        ({"image": "j"}, True),
        ({"env": {"A": "b"}}, True),
        ({"mounts": {"persistent": {"size": 60, "path": "/workspace"}}}, True),
        ({"mounts": {}}, False),
    ],
)
def test_an_edit_of_the_container_makes_it_anew(world: World, body: dict[str, Any], anew: bool) -> None:
    pod = timeline.create(world, spec(mount=Mount("/workspace", 50)))
    wait(world, 60)
    update(world, pod, **body)
    assert (pod.status == "STARTING") == anew
    wait(world, 60)
    assert (pod.status, pod.starts) == ("RUNNING", 2 if anew else 1)


@pytest.mark.parametrize(
    "mounts",
    [
        {"persistent": {"size": 40, "path": "/workspace"}},
        {"network": [{"volumeId": "v", "path": "/workspace"}]},
        {"network": []},
    ],
)
def test_a_mount_only_grows(world: World, mounts: dict[str, Any]) -> None:
    pod = timeline.create(world, spec(mount=Mount("/workspace", 50)))
    with pytest.raises(Refusal) as refusal:
        update(world, pod, mounts=mounts)
    assert refusal.value.status == 400


def test_a_locked_pod(world: World) -> None:
    pod = in_status(world, "RUNNING")
    update(world, pod, locked=True)
    for action in ("stop", "restart"):
        with pytest.raises(Refusal, match="locked"):
            timeline.act(world, pod.id, action)
    with pytest.raises(Refusal, match="locked"):
        update(world, pod, image="j")
    timeline.act(world, pod.id, "terminate")
    assert not world.pods


def test_keys_are_copied_once_at_the_rent(world: World) -> None:
    world.ssh_keys = ["ssh-ed25519 A a", "ssh-ed25519 B b"]
    pod = timeline.create(world, spec(start_ssh=True))
    own = timeline.create(world, spec(start_ssh=True, env={"PUBLIC_KEY": "mine"}))
    without = timeline.create(world, spec())
    world.ssh_keys = []
    assert pod.spec.env["PUBLIC_KEY"] == "ssh-ed25519 A a\nssh-ed25519 B b"
    assert (own.spec.env, without.spec.env) == ({"PUBLIC_KEY": "mine"}, {})
    assert timeline.create(world, spec(start_jupyter=True)).spec.env["JUPYTER_PASSWORD"]


@pytest.mark.parametrize(
    ("event", "status", "text"),
    [
        ("stopped_elsewhere", "EXITED", "Exited by user: "),
        ("outbid", "EXITED", "Outbid: "),
        ("deleted_elsewhere", "TERMINATED", "Terminated by user: "),
        ("host_failed", "ERROR", "Exited by Runpod: "),
        ("restarted_elsewhere", "STARTING", "Rented by User: "),
    ],
)
def test_what_others_do(world: World, event: str, status: str, text: str) -> None:
    pod = in_status(world, "RUNNING")
    events.happen(world, event, pod=pod.id)
    assert (pod.status, pod.change.startswith(text)) == (status, True)


def test_an_unpaid_volume_is_reclaimed(world: World) -> None:
    wanted = requests.check(requests.CreateVolume, {"name": "v", "size": 10, "dataCenter": "EU-RO-1"})
    volume = edits.create_volume(world, wanted)
    events.happen(world, "volume_reclaimed", volume=volume.id)
    assert (world.volumes, world.ledger.rate()) == ({}, 0)


@pytest.mark.parametrize(
    ("event", "parameters"),
    [
        ("explode", {}),
        ("deleted_elsewhere", {"pod": "none"}),
        ("deleted_elsewhere", {}),
        ("load", {"pod": "none"}),
    ],
)
def test_events_that_cannot_happen(world: World, event: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(UnknownEvent):
        events.happen(world, event, **parameters)


def test_every_fault_and_event_says_what_it_is() -> None:
    assert all(kind.effect.endswith((".", "`.", ").")) for kind in FAULTS.values())
    assert all(event.__doc__ for event in EVENTS.values())


def test_a_fault_is_used_up_by_what_fits() -> None:
    faults = Faults()
    faults.arm("status", times=2, status=500, path="^/v2/pods", method="GET")
    assert faults.take("status", method="POST", path="/v2/pods") is None
    assert faults.take("status", method="GET", path="/v2/billing/pods") is None
    taken = [faults.take("status", method="GET", path="/v2/pods/x") for _ in range(3)]
    assert taken == [{"status": 500}, {"status": 500}, None]
    faults.arm("no_capacity", times=None)
    assert all(faults.take("no_capacity", name="x") == {} for _ in range(5))
    faults.clear()
    assert faults.take("no_capacity") is None
    for name, parameters in (("explode", {}), ("cut", {"pod": "x"})):
        with pytest.raises(UnknownFault):
            faults.arm(name, **parameters)


def test_instants_as_the_api_writes_them() -> None:
    assert rfc3339(START) == "2026-11-23T09:00:00Z"
    assert javascript(START) == "Mon Nov 23 2026 09:00:00 GMT+0000 (Coordinated Universal Time)"
    with pytest.raises(ValueError, match="back"):
        FakeClock().advance(-1)
