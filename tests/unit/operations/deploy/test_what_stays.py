"""The pods, volumes and costs that an unfinished deployment leaves, and the place of its data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import published
from tests.virtual_time import in_virtual_time

ASKED = {"gpu": "RTX A5000", "max_price": 0.30}
ON_VOLUME = {**ASKED, "new_volume_gb": 100, "data_centre": "US-KS-2"}
FULL = (400, "There are no longer any instances available with the requested specifications.")
STAYS = "The network volume annot-data (100 GB) stays and costs $7.00 a month"


@in_virtual_time
async def test_a_refused_deployment_names_the_volume_that_it_made(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        account.refusals.append(FULL)
        error = await it.failing("pod.create", **ON_VOLUME)
        (alert,) = it.session.store.state.alerts
        account.refusals.append(FULL)
        await it.failing("pod.create", **ON_VOLUME)
        assert len(account.volumes) == 1  # it is used again
    assert error.problem.code == Code.RUNPOD_NO_CAPACITY
    assert STAYS in error.problem.hint
    assert STAYS in alert.hint


@pytest.mark.parametrize("silent", ["POST /v2/network-volumes", "POST /v2/pods"])
@in_virtual_time
async def test_a_cancelled_deployment_names_all_that_it_made(tmp_path: Path, silent: str) -> None:
    async with published(tmp_path) as (it, account):
        account.silent.add(silent)
        task = it.begin("pod.create", **ON_VOLUME)
        await it.report.wait_for(
            "'step': 'volume', 'title': 'Network volume', 'state': 'running'"
            if "network" in silent
            else "Renting RTX A5000"
        )
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert STAYS in it.report.lines[-1]
    assert ("The pod annot is still up" in it.report.lines[-1]) == (silent == "POST /v2/pods")


@pytest.mark.parametrize(
    "volume", [{"new_volume_gb": 100, "data_centre": "US-KS-2"}, {"network_volume": "v1"}]
)
@in_virtual_time
async def test_a_network_volume_in_the_community_cloud_is_refused_before_anything_is_made(
    tmp_path: Path, volume: dict[str, Any]
) -> None:
    async with published(tmp_path) as (it, account):
        account.volumes = [
            {"id": "v1", "name": "v1", "size": 10, "dataCenter": "US-KS-2", "type": "STANDARD"}
        ]
        error = await it.failing("pod.create", **ASKED, cloud="community", **volume)
    assert error.problem.code == Code.SECURE_ONLY
    assert not account.requests


@pytest.mark.parametrize("more", [{}, {"volume_gb": 0}, {"new_volume_gb": 100, "data_centre": "US-KS-2"}])
@in_virtual_time
async def test_what_a_disk_on_one_machine_risks_is_said_in_one_line(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    async with published(tmp_path) as (it, _):
        FakeGuard(it.host)
        await it.run("pod.create", **ASKED, **more)
    said = [line for line in it.report.lines if "no free GPU after a stop" in line and "balance" in line]
    assert len(said) == (0 if more else 1)


@pytest.mark.parametrize(
    ("more", "on_volume"),
    [
        ({}, True),
        ({"data_centre": "US-KS-2"}, True),
        ({"data_centre": "EU-RO-1"}, False),
        ({"volume_gb": 20}, False),
        ({"cloud": "community"}, False),
    ],
)
@in_virtual_time
async def test_the_network_volume_of_an_earlier_pod_of_that_name_is_preferred_and_said(
    tmp_path: Path, more: dict[str, Any], on_volume: bool
) -> None:
    async with published(tmp_path) as (it, account):
        FakeGuard(it.host)
        account.volumes = [
            {"id": "v1", "name": "annot-data", "size": 100, "dataCenter": "US-KS-2", "type": "STANDARD"}
        ]
        await it.run("pod.create", **ASKED, **more)
        (body,) = (one for one in account.bodies if one and "image" in one)
    assert ("network" in body["mounts"]) == on_volume
    said = [
        line for line in it.report.lines if "network volume annot-data" in line and "$7.00 a month" in line
    ]
    assert len(said) == int(on_volume)
