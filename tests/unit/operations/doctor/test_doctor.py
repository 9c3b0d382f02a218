"""The doctor: what each part is said to be, and what to do; within seconds, whatever does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError
from labeltui.operations.doctor.doctor import PARTS
from labeltui.runpod import exposure
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.world import Key
from tests.fakes.session import KEY
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.doctor.examining import checks, examine, healthy, verdicts
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_pod_that_is_well_is_ok_in_every_part_and_is_left_as_it_is(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        pod_id = await healthy(it)
        it.put_label("s1.nii.gz")
        await it.run("labels.pull")
        document = await examine(it)
    found = verdicts(document)
    assert {part: verdict for part, verdict in found.items() if verdict != "ok"} == {"scope": "unknown"}
    assert [check["part"] for check in document["checks"]] == [part for part in PARTS if part in found]
    assert set(PARTS) - set(found) == {"profile"}
    assert document["message"] == f"{len(found) - 1} ok, 1 unknown"
    assert document["error"] is None
    assert {record["check"] for record in it.report.records} == set(found)
    assert it.world.pods[pod_id].status == "RUNNING"
    assert KEY not in str(document)


@in_virtual_time
async def test_without_a_pod_the_host_is_not_tried(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        it.world.keys[KEY] = Key(scope="read")
        document = await examine(it)
    assert verdicts(document) == {
        "key": "ok", "scope": "warning", "balance": "ok", "pod": "wrong", "host": "unknown",
    }  # fmt: skip
    assert document["error"]["code"] == "pod"
    assert "no pod is running" in checks(document)["host"]["message"]


@in_virtual_time
async def test_a_stopped_pod_is_a_warning_with_its_price(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        it.elsewhere(await it.rent(), "stop")
        document = await examine(it)
    assert verdicts(document)["pod"] == "warning"
    assert "annot is stopped, and costs $0.0" in checks(document)["pod"]["message"]


@in_virtual_time
async def test_a_key_that_runpod_does_not_accept_is_said(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        it.world.keys.clear()
        document = await examine(it)
    found = verdicts(document)
    assert (found["pod"], found["scope"], found["balance"]) == ("wrong", "unknown", "unknown")


@in_virtual_time
async def test_without_an_api_key_that_is_all_that_is_said_of_runpod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with desk(tmp_path, rents=True, start=False) as it:

        async def no_key(**_: Any) -> Any:
            raise LabeltuiError(Code.RUNPOD_NO_KEY, "There is no API key.", "Make one.")

        monkeypatch.setattr("labeltui.session.pod.account.find_key", no_key)
        document = await examine(it)
    assert verdicts(document) == {"key": "wrong", "host": "unknown"}


@in_virtual_time
async def test_a_runpod_that_does_not_answer_ends_no_other_part(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await healthy(it)
        it.world.faults.arm("hang", times=None, path="v2|graphql")
        began = asyncio.get_running_loop().time()
        document = await examine(it)
        took_s = asyncio.get_running_loop().time() - began
    found = verdicts(document)
    assert found["pod"] == found["balance"] == "unknown"
    assert found["host"] == found["agent"] == "ok"  # the connection stands
    assert took_s < 60


def low(it: Desk) -> None:
    timeline.set_balance(it.world, Decimal("0.20"))


def empty(it: Desk) -> None:
    timeline.set_balance(it.world, Decimal("-1"))


@pytest.mark.parametrize(("spoil", "verdict"), [(low, "warning"), (empty, "wrong")])
@in_virtual_time
async def test_credit_that_runs_out_is_a_warning_and_none_is_wrong(
    tmp_path: Path, spoil: Callable[[Desk], None], verdict: str
) -> None:
    async with desk(tmp_path, rents=True) as it:
        await healthy(it)
        await it.session.account.pod.poll()
        spoil(it)
        document = await examine(it)
    assert verdicts(document)["balance"] == verdict


@pytest.mark.parametrize(
    ("status", "verdict", "words"),
    [
        (200, "wrong", "answers everybody on the internet, without a password"),
        (502, "warning", "now: 502"),
        (None, "warning", "now: nothing"),
    ],
)
@in_virtual_time
async def test_a_port_on_the_open_web_is_asked_as_a_stranger_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int | None, verdict: str, words: str
) -> None:
    asked: list[tuple[str, str]] = []

    async def answers(url: str, path: str = "/") -> int | None:
        asked.append((url, path))
        return status

    monkeypatch.setattr(exposure, "answers", answers)
    async with desk(tmp_path, rents=True) as it:
        await healthy(it, ports=("22/tcp", "8000/http"))
        asked.clear()
        document = await examine(it)
        assert any(alert.key == "public" for alert in it.session.store.state.alerts)
    assert verdicts(document)["public"] == verdict
    assert words in checks(document)["public"]["message"]
    assert {path for _, path in asked} == {"/", "/info/"}
    assert all(url.endswith("-8000.proxy.runpod.net") for url, _ in asked)


@pytest.mark.parametrize(
    ("known", "words"), [(True, "The account has this machine's SSH key"), (False, "Neither the pod nor")]
)
@in_virtual_time
async def test_a_pod_made_without_this_machines_key_says_so(tmp_path: Path, known: bool, words: str) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent(public_keys=("ssh-ed25519 AAAA somebody",))
        if known:
            await it.run("pod.keys", add=str(tmp_path / "key.pub"))
        document = await examine(it)
    check = checks(document)["ssh key"]
    assert check["verdict"] == "warning"
    assert words in check["message"]
    assert "new pods only" in check["hint"]


@in_virtual_time
async def test_without_any_key_here_no_pod_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    async with desk(tmp_path, rents=True, runpod={"pod": "annot"}) as it:
        await it.rent()
        document = await examine(it)
    assert verdicts(document)["ssh key"] == "wrong"


@pytest.mark.parametrize(
    ("ports", "fault", "verdict"), [(("8888/http",), None, "wrong"), (("22/tcp",), "no_ports", "warning")]
)
@in_virtual_time
async def test_how_ssh_reaches_the_pod(
    tmp_path: Path, ports: tuple[str, ...], fault: str | None, verdict: str
) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        if fault:
            it.world.faults.arm(fault)
        asking = asyncio.create_task(it.rent(ports=ports))
        await asyncio.sleep(60)
        asking.cancel()
        it.out_of_reach()
        document = await examine(it)
    assert verdicts(document)["ssh"] == verdict


@in_virtual_time
async def test_a_container_that_was_never_reached_has_no_pinned_key(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        document = await examine(it)
    assert checks(document)["host key"]["message"] == "The host key of this container is not pinned yet."


@in_virtual_time
async def test_a_host_that_can_not_be_reached_is_wrong_and_nothing_more_is_asked_of_it(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        document = await examine(it)
    assert verdicts(document) == {"host": "wrong"}
    assert document["error"]["hint"]
    assert "labeltui doctor" not in str(document), "it has just been run"
