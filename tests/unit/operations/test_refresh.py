"""Reading money and labels once: what is asked, and that no failure reaches the action that wanted them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.operations.refresh import refresh_labels, refresh_models, refresh_money
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

OFF = {"copy": False}


async def took_s(waiting: Coroutine[Any, Any, None]) -> float:
    began = asyncio.get_running_loop().time()
    await waiting
    return asyncio.get_running_loop().time() - began


@in_virtual_time
async def test_pod_bill_and_balance_are_read_once_and_nothing_is_connected(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        pod_id = await it.rent()
        await refresh_money(it.session)
        state = it.session.store.state
        assert it.host.connects == 0
    assert state.pod.value is not None
    assert state.pod.value.id == pod_id
    assert state.spend.value is not None
    assert state.spend.value.today is not None
    assert state.account.value is not None
    assert state.account.value.balance == pytest.approx(Decimal(25), abs=Decimal("0.01"))


@in_virtual_time
async def test_a_machine_that_is_not_rented_costs_nothing_and_is_not_asked_for(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False, runpod={"pod": "annot"}) as it:
        await refresh_money(it.session)
        state = it.session.store.state
    assert (state.pod.error, state.account.error, state.spend.value) == (None, None, None)


@in_virtual_time
async def test_a_runpod_that_does_not_answer_is_given_up_after_a_while_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        await it.rent()
        await refresh_money(it.session)
        monkeypatch.setattr(it.session.spending, "refresh", asyncio.Event().wait)
        took = await took_s(refresh_money(it.session))
        account = it.session.store.state.account
    assert took == pytest.approx(45)
    assert account.value is not None
    assert account.error == "RunPod does not answer"


@in_virtual_time
async def test_a_key_that_runpod_refuses_is_an_error_of_each_reading_and_raises_nothing(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        it.world.keys.clear()
        await refresh_money(it.session)
        state = it.session.store.state
    assert "does not accept the API key" in (state.pod.error or "")
    assert state.account.error


async def counted(it: Desk) -> None:
    it.put_label("s1.nii.gz")
    await it.session.link.ready()
    await refresh_labels(it.session)


@in_virtual_time
async def test_labels_are_counted_and_none_is_copied(tmp_path: Path) -> None:
    async with desk(tmp_path, labels={**OFF, "folder": str(tmp_path / "labels")}) as it:
        await counted(it)
        copies = it.session.store.state.labels.value
    assert copies is not None
    assert (copies.total, copies.here) == (1, 0)
    assert not list((tmp_path / "labels").rglob("*.nii.gz"))


@in_virtual_time
async def test_labels_that_cannot_be_read_leave_the_old_count_with_the_reason(tmp_path: Path) -> None:
    async with desk(tmp_path, labels={**OFF, "folder": str(tmp_path / "labels")}) as it:
        await counted(it)
        it.refuse_labels()
        await refresh_labels(it.session)
        labels = it.session.store.state.labels
    assert labels.value is not None
    assert labels.value.total == 1
    assert "Permission denied" in (labels.error or "")


@in_virtual_time
async def test_a_host_that_lists_nothing_in_time_leaves_the_old_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, labels={**OFF, "folder": str(tmp_path / "labels")}) as it:
        await counted(it)
        monkeypatch.setattr(it.session.labels, "refresh", lambda **_: asyncio.Event().wait())
        took = await took_s(refresh_labels(it.session))
        labels = it.session.store.state.labels
    assert took == pytest.approx(30)
    assert labels.value is not None
    assert labels.error == "the host did not list its labels in time"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (Failed(Code.UNREADABLE, "The folder can't be read.", ""), "The folder can't be read."),
        (None, "the host did not list its models in time"),
    ],
)
@in_virtual_time
async def test_models_that_cannot_be_listed_are_an_error_of_their_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Failed | None, shown: str
) -> None:
    async def refresh() -> None:
        if error is not None:
            raise error
        await asyncio.Event().wait()

    async with desk(tmp_path) as it:
        monkeypatch.setattr(it.session.models, "refresh", refresh)
        took = await took_s(refresh_models(it.session))
        models = it.session.store.state.models
    assert models.error == shown
    assert took == pytest.approx(0 if error else 30)
