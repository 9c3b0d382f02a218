"""The wait for a running pod that has no address for SSH, and the messages about it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.offers import offers
from labeltui.domain.problems import ExitCode, LabeltuiError
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import Desk, published
from tests.unit.runpod.published_account import PublishedAccount
from tests.virtual_time import in_virtual_time

A5000 = "NVIDIA RTX A5000"
CREATE = {"gpu": "RTX A5000", "max_price": 0.30}
COMMANDS = (("pod.create", CREATE), ("pod.start", {}), ("pod.restart", {"lose_labels": True}))


async def waited(
    it: Desk, account: PublishedAccount, action: str, params: dict[str, Any]
) -> tuple[LabeltuiError, float]:
    """The error of a command whose pod gets no address, and the seconds from the pod's start to it."""
    if action != "pod.create":
        pod_id = account.add_pod("annot", A5000)
        account.pods[pod_id]["stopped"] = action == "pod.start"
    account.never_addressed = True
    began = asyncio.get_running_loop().time()
    error = await it.failing(action, **params)
    return error, asyncio.get_running_loop().time() - began - account.pulls_s


@pytest.mark.parametrize(("action", "params"), COMMANDS)
@in_virtual_time
async def test_it_is_said_after_seconds_and_given_up_after_minutes(
    tmp_path: Path, action: str, params: dict[str, Any]
) -> None:
    async with published(tmp_path) as (it, account):
        error, took_s = await waited(it, account, action, params)
        assert len(account.pods) == 1  # it stays
    assert (error.problem.code, error.exit_code) == (Code.POD_NO_ADDRESS, ExitCode.FAILED)
    assert 175 < took_s < 205
    said = [text for text in it.report.texts if "no SSH address" in text]
    assert any("annot has run for 2" in text and "$0.2" in text for text in said)
    assert "for 3 minutes" in error.problem.message
    for command in ("labeltui pod terminate", "labeltui shell --proxy"):
        assert command in error.problem.hint
    assert "labeltui pod start" in error.problem.hint or "Repeat the command" in error.problem.hint
    assert {"pod.start", "pod.terminate", "shell.proxy"} <= set(offers(error.problem))


@pytest.mark.parametrize(
    ("pod", "cause"),
    [({"cloud": "COMMUNITY"}, "community"), ({"ports": ["8888/http"]}, "port 22/tcp is not exposed")],
)
@in_virtual_time
async def test_the_cause_is_named_where_the_pod_shows_it(
    tmp_path: Path, pod: dict[str, Any], cause: str
) -> None:
    async with published(tmp_path) as (it, account):
        account.add_pod("annot", A5000, **pod)
        account.never_addressed = True
        error = await it.failing("pod.restart", lose_labels=True)
    assert cause in error.problem.hint


@pytest.mark.parametrize("logged", [False, True])
@in_virtual_time
async def test_the_time_of_an_image_pull_does_not_count_until_the_container_runs(
    tmp_path: Path, logged: bool
) -> None:
    async with published(tmp_path) as (it, account):
        FakeGuard(it.host)
        account.runtime_after_s, account.address_after_s = 900.0, 910.0
        account.log = ["Pod Started"] if logged else []
        if logged:
            error = await it.failing("pod.create", **CREATE)
            assert error.problem.code == Code.POD_NO_ADDRESS
        else:
            assert (await it.run("pod.create", **CREATE))["status"] == "running"


@in_virtual_time
async def test_the_wait_goes_on_with_pod_start(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        FakeGuard(it.host)
        await waited(it, account, "pod.start", {})
        account.never_addressed, account.address_after_s = False, 300.0
        done = await it.run("pod.start")
        starts = [one for one in account.bodies if one == {"action": "start"}]
    assert done["status"] == "running"
    assert len(starts) == 1
