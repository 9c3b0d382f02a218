"""Messages after RunPod's refusals, with advice that can work."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import labeltui
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod.problems import FAILURES
from tests.unit.operations.desk import published
from tests.virtual_time import in_virtual_time

ASKED = {"gpu": "RTX A5000", "max_price": 0.90}
PACKAGE = Path(labeltui.__file__).parent
CONSOLE = ("ui", "sandbox")  # goes on after a failure
PROMISES = (
    "continues by itself",
    "connects by itself",
    "connected again by itself",
    "keeps trying",
    "asks again",
)
FULL = (400, "There are no longer any instances available with the requested specifications.")


@in_virtual_time
async def test_a_forbidden_request_shows_runpods_words_and_tries_no_other_gpu(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        account.refusals += [(403, "Your account is not verified for this region")] * 9
        error = await it.failing("pod.create", **ASKED, fallback=True)
        asked = [request for request in account.requests if request[:2] == ("POST", "/v2/pods")]
    assert "Your account is not verified for this region" in error.problem.message
    assert len(asked) == 1


@pytest.mark.parametrize("scope_first", [True, False])
@pytest.mark.parametrize("scope", ["all", "read"])
@in_virtual_time
async def test_the_doctor_claims_no_scope_that_it_has_not_seen(
    tmp_path: Path, scope: str, scope_first: bool
) -> None:
    async with published(tmp_path, scope=scope, scope_first=scope_first) as (it, account):
        account.add_pod("annot", "NVIDIA RTX A5000")
        with suppress(LabeltuiError):  # the fake has no server
            await it.run("doctor")
    (check,) = (one for one in it.report.records if one.get("check") == "scope")
    if scope == "read" and scope_first:
        assert check["verdict"] == "warning"
    else:  # "pod not found" may be answered before the scope is looked at
        assert check["verdict"] == "unknown"
        assert check["message"].startswith("Not checked")


@pytest.mark.parametrize(
    ("used", "advised"),
    [
        ({}, {"--fallback", "--wait"}),
        ({"fallback": True}, {"--wait"}),
        ({"or": ["A40"]}, {"--fallback", "--wait"}),
    ],
)
@in_virtual_time
async def test_what_was_used_already_is_not_advised(
    tmp_path: Path, used: dict[str, Any], advised: set[str]
) -> None:
    async with published(tmp_path) as (it, account):
        account.refusals += [FULL] * 9
        error = await it.failing("pod.create", **ASKED, **used)
    assert error.problem.code == Code.RUNPOD_NO_CAPACITY
    assert {word for word in ("--fallback", "--wait") if word in error.problem.hint} == advised


@in_virtual_time
async def test_a_pod_without_its_gpu_is_not_to_be_asked_for_again(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        account.without_gpu = True
        error = await it.failing("pod.create", **ASKED)
    assert error.problem.code == Code.RUNPOD_NO_GPU
    assert "repeat the command" not in error.problem.hint
    assert "labeltui pod terminate" in error.problem.hint


def test_no_hint_promises_what_an_ended_command_no_longer_does() -> None:
    for code, (_, _, hint) in FAILURES.items():
        for promise in ("tries again", *PROMISES, 'api = "graphql"'):
            assert promise not in hint, code
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] not in CONSOLE and path.name != "alerts.py":
            text = path.read_text("utf-8")
            assert not [promise for promise in PROMISES if f"{promise}." in text], path


@in_virtual_time
async def test_the_team_of_the_profile_is_named_to_runpod(tmp_path: Path) -> None:
    for team in (None, "team-1"):
        section = {"pod": "annot", "key": str(tmp_path / "key")} | ({"team": team} if team else {})
        async with published(tmp_path, runpod=section) as (it, account):
            account.add_pod("annot", "NVIDIA RTX A5000")
            await it.run("pod.show")
        assert account.headers.get("x-team-id") == team


@in_virtual_time
async def test_the_key_of_a_pod_is_given_for_both_of_its_ssh_servers(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        account.never_addressed = True
        task = it.begin("pod.create", **ASKED)
        await it.report.wait_for("RTX A5000 in")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (body,) = (one for one in account.bodies if one and "image" in one)
    assert body["env"]["PUBLIC_KEY"] == body["env"]["SSH_PUBLIC_KEY"]
    assert body["env"]["PUBLIC_KEY"].startswith("ssh-ed25519 ")


@pytest.mark.parametrize(
    ("name", "command"), [("annot", "pod terminate`"), ("other", "pod terminate other`")]
)
@in_virtual_time
async def test_the_command_that_ends_the_pod_names_it_unless_the_profile_does(
    tmp_path: Path, name: str, command: str
) -> None:
    async with published(tmp_path) as (it, account):
        account.without_gpu = True
        error = await it.failing("pod.create", **ASKED, name=name)
    assert command in error.problem.hint


@in_virtual_time
async def test_ending_a_pod_that_this_command_did_not_rent_is_not_advised(tmp_path: Path) -> None:
    async with published(tmp_path) as (it, account):
        account.add_pod("annot", "NVIDIA A40")
        error = await it.failing("pod.create", **ASKED)
    assert error.problem.code == Code.NOT_AS_AGREED
    assert "labeltui pod terminate" not in error.problem.hint
    assert "--name" in error.problem.hint
