"""The disk of a pod whose volume is a part of a cluster: RunPod's size, and the agent's own sum with its age."""

from __future__ import annotations

from pathlib import Path

from labeltui.domain.host import HostMetrics
from labeltui.domain.rules.conditions import ask_pod_stop
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

GB = 10**9
CLUSTER = {
    "cpu_pct": 1.0, "gpus": [], "disk_total": 300_000 * GB, "disk_used": 200_000 * GB,
    "disk_path": "/workspace/labeltui",
}  # fmt: skip


async def load(it: Desk, *, summed: bool) -> HostMetrics:
    state = await it.session.store.wait_for(
        lambda s: s.metrics.value is not None and (s.metrics.value.disk_used is not None) == summed, 120
    )
    assert state.metrics.value is not None
    return state.metrics.value


@in_virtual_time
async def test_a_cluster_is_not_taken_for_the_volume(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        it.host.agent.metrics = CLUSTER
        await it.rent(volume_disk_gb=50, volume_path="/workspace")
        await it.session.link.ready()
        unknown = await load(it, summed=False)
        it.host.agent.disk_sums["/workspace"] = (48 * GB, 240.0)
        known = await load(it, summed=True)
        question = ask_pod_stop(it.session.store.state) or ""
        document = await it.run("status")
        await it.run("pod.stop")
    assert (unknown.disk_total, unknown.disk_used) == (50 * GB, None)
    assert (known.disk_total, known.disk_used) == (50 * GB, 48 * GB)
    assert known.disk_read_at is not None
    assert 230 < (it.session.clock() - known.disk_read_at).total_seconds() < 900
    assert "96 % full (48.0 of 50.0 GB" in question
    assert document["load"]["disk_read_at"] is not None
    assert any("96 % full" in line for line in it.report.lines)


@in_virtual_time
async def test_a_volume_with_room_is_not_mentioned_before_a_stop(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        it.host.agent.metrics = CLUSTER
        it.host.agent.disk_sums["/workspace"] = (47 * GB, 0.0)
        await it.rent(volume_disk_gb=50, volume_path="/workspace")
        await it.session.link.ready()
        await load(it, summed=True)
        question = ask_pod_stop(it.session.store.state) or ""
    assert "full" not in question


@in_virtual_time
async def test_a_disk_that_reports_its_own_size_is_taken_as_it_is(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        it.host.agent.metrics = {**CLUSTER, "disk_total": 50 * GB, "disk_used": 49 * GB}
        await it.rent(volume_disk_gb=50, volume_path="/workspace")
        await it.session.link.ready()
        known = await load(it, summed=True)
        question = ask_pod_stop(it.session.store.state) or ""
    assert (known.disk_used, known.disk_read_at) == (49 * GB, None)
    assert "98 % full" in question
    assert not it.host.agent.requests("disk.sum")
