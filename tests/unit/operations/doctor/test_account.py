"""The doctor's checks of API key, account and pod in unusual cases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.money import Account
from labeltui.hosts.base import Completed
from labeltui.operations.doctor.account import key_check
from labeltui.session.pod.host import PodHost
from tests.fakes.facts import INSTALLED, report_facts
from tests.fakes.session import KEY
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.doctor.test_doctor import checks, examine, healthy
from tests.virtual_time import in_virtual_time


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a key, and none in the environment."""
    folder = tmp_path / "home"
    (folder / ".runpod").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    return folder


def stored(home: Path, mode: int, text: str = f'apikey = "{KEY}"\n') -> str:
    """RunPod's own file with the key; its path."""
    file = home / ".runpod" / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


async def test_a_key_in_a_file_is_named_by_its_place_and_never_shown(home: Path) -> None:
    place = stored(home, 0o600)
    check = await key_check()
    assert (check.verdict.value, check.message) == ("ok", f"The API key is in {place}.")
    assert KEY not in f"{check}"


async def test_a_file_that_others_can_read_is_a_warning(home: Path) -> None:
    place = stored(home, 0o644)
    check = await key_check()
    assert check.verdict.value == "warning"
    assert check.message == f"The API key is in {place}. Other users of this machine can read {place}."
    assert check.hint == "Make the file private with chmod 600."


async def test_no_key_is_no_warning_without_a_profile(home: Path) -> None:
    check = await key_check()
    assert (check.verdict.value, check.hint) == ("ok", "")
    assert check.message == "There is no RunPod API key. Only pods of RunPod need one."


async def test_a_file_that_holds_no_key_is_wrong_even_where_none_is_needed(home: Path) -> None:
    stored(home, 0o600, 'apikey = "two words"\n')
    check = await key_check()
    assert check.verdict.value == "wrong"
    assert "two words" not in f"{check}"


async def found(it: Desk) -> dict[str, Mapping[str, Any]]:
    return checks(await examine(it))


@in_virtual_time
async def test_an_account_that_shows_no_balance_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_balance() -> Account:
        return Account(balance=None)

    async with desk(tmp_path, rents=True, start=False) as it:
        monkeypatch.setattr(await it.session.account.client(), "account", no_balance)
        check = (await found(it))["balance"]
    assert (check["verdict"], check["message"]) == ("unknown", "RunPod does not show the balance.")


@pytest.mark.parametrize(
    ("per_hour", "message"),
    [("0", "$25.00 of credit."), ("0.5", "$25.00 of credit, enough for 50 hours at the current spending.")],
)
@in_virtual_time
async def test_the_balance_says_how_long_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_hour: str, message: str
) -> None:
    async def account() -> Account:
        return Account(balance=Decimal(25), spend_per_hour=Decimal(per_hour))

    async with desk(tmp_path, rents=True, start=False) as it:
        monkeypatch.setattr(await it.session.account.client(), "account", account)
        check = (await found(it))["balance"]
    assert (check["verdict"], check["message"]) == ("ok", message)


@in_virtual_time
async def test_where_the_old_api_is_used_the_scope_of_the_key_stays_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown() -> None:
        return None

    async with desk(tmp_path, rents=True, start=False) as it:
        monkeypatch.setattr(await it.session.account.client(), "may_change_pods", unknown)
        check = (await found(it))["scope"]
    assert check["verdict"] == "unknown"
    assert "would change a pod" in check["message"]


@in_virtual_time
async def test_a_pod_that_lost_its_gpu_is_wrong_and_its_host_is_checked_all_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        it.elsewhere(pod_id, "stop")
        it.world.faults.arm("zero_gpu")
        it.elsewhere(pod_id, "start")
        await it.session.store.wait_for(lambda s: s.pod.value is not None and s.pod.value.lost_its_gpu, 600)
        parts = await found(it)
    assert parts["pod"]["verdict"] == "wrong"
    assert "runs and costs money without a GPU" in parts["pod"]["message"]
    assert parts["host"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("vouched", "words"),
    [(True, "and its container log shows the same key"), (False, "since an earlier connection")],
)
@in_virtual_time
async def test_a_pinned_key_says_who_vouches_for_it(tmp_path: Path, vouched: bool, words: str) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await it.rent()
        await it.session.link.ready()
        it.pin(pod_id)
        host = it.session.link.host
        assert isinstance(host, PodHost)
        host.vouched = vouched
        check = (await found(it))["host key"]
    assert (check["verdict"], words in check["message"]) == ("ok", True)


@in_virtual_time
async def test_a_host_without_python_is_connected_and_runs_no_agent(tmp_path: Path) -> None:
    async with desk(tmp_path, start=False) as it:
        it.host.on("exec python3 - ", Completed(127, b"", b"python3: not found"))
        parts = await found(it)
    assert {part: check["verdict"] for part, check in parts.items()} == {"host": "ok", "agent": "wrong"}
    assert parts["agent"]["hint"]


@in_virtual_time
async def test_a_stand_in_for_monai_label_is_named_as_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        report_facts(it.host, lambda: replace(INSTALLED, standin=True))
        check = (await found(it))["monailabel"]
    assert (check["verdict"], check["message"]) == (
        "ok", "The demo's stand-in for MONAI Label is installed.",
    )  # fmt: skip


@in_virtual_time
async def test_a_part_that_does_not_answer_holds_up_no_report_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, rents=True) as it:
        await healthy(it)
        monkeypatch.setattr(await it.session.account.client(), "account", asyncio.Event().wait)
        parts = await found(it)
    order = [record["check"] for record in it.report.records]
    assert (order[0], order[-1]) == ("key", "balance")
    assert set(order) == set(parts)
    assert parts["balance"]["message"] == "RunPod did not answer within 20 s."
    assert parts["labels"]["verdict"] == "ok"
