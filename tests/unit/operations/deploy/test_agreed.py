"""The rented pod is compared with the agreement, over RunPod's published API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import ExitCode
from tests.unit.operations.desk import published
from tests.unit.runpod.published_account import PublishedAccount
from tests.virtual_time import in_virtual_time

A5000, A40 = "NVIDIA RTX A5000", "NVIDIA A40"
ASKED = {"gpu": "RTX A5000", "max_price": 0.30}
IMAGE = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"


def created(account: PublishedAccount) -> int:
    return sum(request[:2] == ("POST", "/v2/pods") and request[2] == 201 for request in account.requests)


@in_virtual_time
async def test_a_price_that_rose_between_the_offer_and_the_answer_is_refused(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        account.charged[A5000] = 0.81
        error = await it.failing("pod.create", **ASKED)
        (pod_id,) = account.pods
        assert it.session.account.pod_id == pod_id
        (alert,) = it.session.store.state.alerts
        accepted = await it.run("pod.create", **{**ASKED, "max_price": 0.82})
    assert error.problem.code == Code.NOT_AS_AGREED
    assert error.exit_code == ExitCode.REFUSED
    assert "costs $0.82/h" in error.problem.message
    assert "$0.30/h" in error.problem.message
    assert "--max-price 0.82" in error.problem.hint
    assert "labeltui pod terminate" in error.problem.hint
    assert "Repeat the command to continue" not in error.problem.hint
    assert "No guard runs" in error.problem.hint
    assert error.problem.offers[0] == "pod.terminate"
    assert "$0.82/h" in alert.message
    assert (accepted["id"], created(account)) == (pod_id, 1)


OTHERS: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({"gpu": A40}, "A40 instead of RTX A5000"),
    ({"gpu": A5000, "cost": 0.40}, "$0.4"),
    ({"gpu": A5000, "image": "somebody/else:latest"}, "somebody/else:latest"),
)


@pytest.mark.parametrize(("other", "said"), OTHERS)
@in_virtual_time
async def test_an_existing_pod_that_is_not_what_was_asked_for_is_not_taken(
    tmp_path: Path, other: Mapping[str, Any], said: str
) -> None:
    async with published(tmp_path) as (it, account):
        account.add_pod("annot", **other)
        error = await it.failing("pod.create", **ASKED)
    assert (error.problem.code, error.exit_code) == (Code.NOT_AS_AGREED, ExitCode.REFUSED)
    assert said in error.problem.message
    assert created(account) == 0


@in_virtual_time
async def test_an_existing_pod_is_taken_by_asking_for_what_it_is(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        pod_id = account.add_pod("annot", A40, image="me/mine:1")
        error = await it.failing("pod.create", **ASKED)
        for part in ("--gpu 'NVIDIA A40'", "--max-price 0.41", "--image me/mine:1"):
            assert part in error.problem.hint
        taken = await it.run("pod.create", gpu="A40", max_price=0.41, image="me/mine:1")
    assert (taken["id"], taken["rented"], created(account)) == (pod_id, False, 0)


@in_virtual_time
async def test_an_existing_pod_as_it_was_agreed_is_taken(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        pod_id = account.add_pod("annot", A5000)
        taken = await it.run("pod.create", **ASKED)
    assert (taken["id"], taken["rented"]) == (pod_id, False)


@in_virtual_time
async def test_two_pods_of_one_name_are_refused_before_anything_is_rented(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        ids = [account.add_pod("annot", A5000), account.add_pod("annot", A5000)]
        error = await it.failing("pod.create", **ASKED)
    assert error.problem.code == Code.POD_AMBIGUOUS
    assert all(pod_id in error.problem.hint for pod_id in ids)
    assert created(account) == 0
