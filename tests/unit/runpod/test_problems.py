"""Every status and every failure text that RunPod is known to send, with the message and the hint."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import labeltui.runpod
from labeltui.actions import BY_ID
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account
from labeltui.domain.offers import OFFERS, offers
from labeltui.domain.pod.pod import Pod, PodLogLine, PodStatus
from labeltui.domain.problems import ExitCode, Problem
from labeltui.operations.table import OPERATIONS
from labeltui.runpod import problems
from labeltui.runpod.lifecycle import balance_problem, pod_problem
from labeltui.runpod.replies import Purpose, Reply, error_text, failure_by_text, failure_of_reply

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CAPACITY = (
    "There are no longer any instances available with the requested specifications. "
    "Please refresh and try again."
)
HOST_FULL = "There are not enough free GPUs on the host machine to start this pod."


@pytest.mark.parametrize(
    ("status", "purpose", "detail", "code", "exit_code", "says"),
    [
        (400, Purpose.CREATE, CAPACITY, "runpod_no_capacity", 1, "no free machine"),
        (400, Purpose.CREATE, "disk is required", "runpod_bad_request", 1, "disk is required"),
        (400, Purpose.START, HOST_FULL, "runpod_host_full", 1, "others rented it"),
        (500, Purpose.START, f"start pod: {HOST_FULL}", "runpod_host_full", 1, "others rented it"),
        (401, Purpose.READ, "missing bearer token", "runpod_key_refused", 3, "does not accept the API key"),
        (402, Purpose.CREATE, "Insufficient balance", "runpod_no_credit", 3, "not have enough credit"),
        (402, Purpose.CREATE, "", "runpod_no_credit", 3, "not have enough credit"),
        (403, Purpose.READ, "access denied", "runpod_key_scope", 3, "permissions do not allow the thing"),
        (403, Purpose.STOP, "access denied", "runpod_key_scope", 3, "permissions do not allow the thing"),
        (403, Purpose.CREATE, "access denied", "runpod_pool_forbidden", 3, "rent that machine"),
        (404, Purpose.STOP, "pod not found", "runpod_pod_gone", 1, "no longer exists"),
        (404, Purpose.CREATE, "template not found", "runpod_not_found", 1, "template not found"),
        (404, Purpose.READ, "resource not found", "runpod_not_found", 1, "the thing"),
        (
            409,
            Purpose.RESTART,
            "action not valid for status EXITED",
            "runpod_not_now",
            3,
            "state does not allow the thing",
        ),
        (409, Purpose.STOP, "pod is a cluster member", "runpod_in_cluster", 3, "cluster"),
        (409, Purpose.STOP, "pod is locked", "runpod_locked", 3, "locked"),
        (410, Purpose.READ, "Gone", "runpod_api_off", 1, "switched off the API"),
        (413, Purpose.CHANGE, "", "runpod_too_large", 1, "too large"),
        (
            422,
            Purpose.CREATE,
            "$: additional properties 'x'",
            "runpod_invalid",
            1,
            "additional properties 'x'",
        ),
        (429, Purpose.READ, "minute window", "runpod_rate_limited", 4, "12 s"),
        (500, Purpose.READ, "internal", "runpod_server_error", 1, "internal error"),
        (502, Purpose.READ, "bad gateway", "runpod_server_error", 1, "internal error"),
        (503, Purpose.READ, "", "runpod_server_error", 1, "internal error"),
        (504, Purpose.READ, "", "runpod_edge_timeout", 4, "did not answer the thing in time"),
        (524, Purpose.READ, "", "runpod_edge_timeout", 4, "did not answer the thing in time"),
        (418, Purpose.READ, "teapot", "runpod_answer", 1, "status 418"),
        (302, Purpose.READ, "", "runpod_answer", 1, "status 302"),
    ],
)
def test_every_status(
    status: int, purpose: Purpose, detail: str, code: str, exit_code: int, says: str
) -> None:
    error = failure_of_reply(Reply("the thing", status, purpose, detail, retry_after_s=12.0))
    assert error.problem.code == code
    assert error.exit_code == ExitCode(exit_code)
    assert says in error.problem.message
    assert_helpful(error.problem)


@pytest.mark.parametrize("status", [403, 429])
def test_the_edge_turning_away_is_not_about_the_key(status: int) -> None:
    problem = failure_of_reply(Reply("the thing", status, is_json=False, body="error code: 1010")).problem
    assert problem.code == "runpod_edge_blocked"
    assert "not the API key" in problem.hint


@pytest.mark.parametrize("status", [500, 502, 520, 522])
def test_an_error_page_of_the_edge(status: int) -> None:
    assert failure_of_reply(Reply("the thing", status, is_json=False)).problem.code == "runpod_edge_error"


def assert_helpful(problem: Problem) -> None:
    assert problem.message.endswith(".")
    assert problem.hint.endswith(".")
    assert offers(problem)
    assert all(action in BY_ID for action in offers(problem))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (CAPACITY, "runpod_no_capacity"),
        (CAPACITY.replace("requested", "request"), "runpod_no_capacity"),
        ("There are no longer any instances available with enough disk space.", "runpod_no_capacity"),
        (
            "This machine does not have the resources to deploy your pod. Please try a different machine",
            "runpod_no_capacity",
        ),
        ("SUPPLY_CONSTRAINT: no", "runpod_no_capacity"),
        (HOST_FULL, "runpod_host_full"),
        (HOST_FULL.upper(), "runpod_host_full"),
        ("Something went wrong. Please try again later or contact support.", "runpod_server_error"),
        (
            "INSUFFICIENT_BALANCE: Renting this pod would put you over your current spending limit ($80/hr)",
            "runpod_spend_limit",
        ),
        ("Insufficient balance", "runpod_no_credit"),
        ("pod not found to terminate", "runpod_pod_gone"),
    ],
)
def test_every_failure_text(text: str, code: str) -> None:
    error = failure_by_text(text, "the thing")
    assert error is not None
    assert error.problem.code == code
    assert_helpful(error.problem)


def test_an_unknown_text() -> None:
    assert failure_by_text("all is well", "the thing") is None


@pytest.mark.parametrize(
    ("body", "text", "is_json"),
    [
        ({"title": "Not Found", "status": 404, "detail": "pod not found"}, "pod not found", True),
        (
            {"title": "Bad", "detail": "Request validation failed.", "errors": ["$: a", "$: b"]},
            "$: a; $: b",
            True,
        ),
        ({"error": "no"}, "no", True),
        ({"message": "no", "status": 500}, "no", True),
        ({"error": {"message": "no"}}, "no", True),
        ({"errors": [{"message": "no", "extensions": {"code": "X"}}]}, "no", True),
        ({"title": "Only"}, "Only", True),
        ({"error": "\x1b[31mred\nline"}, "[31mred line", True),
        ({"error": 3}, "", True),
        ([1], "", True),
    ],
)
def test_the_text_in_every_shape_of_error(body: Any, text: str, is_json: bool) -> None:
    found, was_json = error_text(json.dumps(body).encode())
    assert text in found
    assert was_json is is_json
    assert "\x1b" not in found


def test_a_page_has_no_error_text() -> None:
    assert error_text(b"<html>") == ("", False)
    assert error_text(b"[" * 200_000) == ("", False)


def test_every_offer_is_an_action_of_the_registry_that_has_a_key_or_a_place_in_the_palette() -> None:
    offered = {action for actions in OFFERS.values() for action in actions}
    assert offered - set(BY_ID) == set()
    assert all(BY_ID[action].console or action in OPERATIONS for action in offered)


def test_every_failure_of_the_table_is_reached_and_says_what_it_knows() -> None:
    for code, (_, message, hint) in problems.FAILURES.items():
        known = dict.fromkeys(("what", "said", "reason", "need", "status", "wait"), "X")
        error = problems.failure(code, "detail", **known)
        assert "{" not in error.problem.message + error.problem.hint
        assert (message == error.problem.message) == ("{" not in message), hint
        assert_helpful(error.problem)


def test_every_code_that_is_used_has_its_offers() -> None:
    folder = Path(labeltui.runpod.__file__).parent
    used = {
        Code[name]
        for path in folder.rglob("*.py")
        for name in re.findall(
            r"(?:Failed|Refused|Unreachable|Misused|Problem)\(\s*Code\.(RUNPOD_\w+)", path.read_text()
        )
    }
    used |= set(problems.FAILURES)
    assert len(used) > 35
    assert used - set(OFFERS) == set()


@pytest.mark.parametrize(
    ("code", "unclear"),
    [
        ("runpod_timeout", True),
        ("runpod_dropped", True),
        ("runpod_edge_error", True),
        ("runpod_no_capacity", False),
    ],
)
def test_which_outcomes_are_unclear(code: str, unclear: bool) -> None:
    assert Code(code).unclear is unclear


def pod(status: PodStatus = PodStatus.RUNNING, **fields: Any) -> Pod:
    return Pod("id", "annot", status, NOW, **fields)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (pod(), None),
        (pod(PodStatus.STOPPED, last_change="Exited by user: Mon Nov 23 2026"), None),
        (pod(PodStatus.STOPPED, last_change="Exited by Runpod: Mon Nov 23 2026"), "runpod_exited_by_runpod"),
        (pod(PodStatus.STOPPED, last_change="Exited by RunPod: x"), "runpod_exited_by_runpod"),
        (pod(PodStatus.STOPPED, last_change="Outbid: x"), "runpod_outbid"),
        (pod(PodStatus.TERMINATED, last_change="Outbid: x"), "runpod_outbid"),
        (pod(PodStatus.TERMINATED, last_change="Terminated by RunPod: x"), "runpod_pod_gone"),
        (pod(PodStatus.TERMINATED), "runpod_pod_gone"),
        (pod(gpu_count=1, gpus_attached=0), "runpod_no_gpu"),
        (pod(gpu_count=1, gpus_attached=None), None),
        (pod(PodStatus.ERROR), "runpod_pod_error"),
        (pod(PodStatus.STARTING, created_at=NOW - timedelta(minutes=5)), None),
        (pod(PodStatus.STARTING, created_at=NOW - timedelta(minutes=25)), "runpod_start_slow"),
    ],
)
def test_every_end_of_a_pod(ended: Pod, code: str | None) -> None:
    problem = pod_problem(ended, NOW)
    assert (problem and problem.code) == code
    if problem:
        assert_helpful(problem)


def test_an_image_that_can_not_be_pulled() -> None:
    log = [PodLogLine("system", "create container x"), PodLogLine("system", "manifest unknown: y")]
    problem = pod_problem(pod(PodStatus.STARTING), NOW, log)
    assert problem is not None
    assert problem.code == "runpod_image_failed"
    assert_helpful(problem)


@pytest.mark.parametrize(
    ("balance", "rate", "code"),
    [
        ("10", "0.27", None),
        ("1", "0.50", "runpod_balance_low"),
        ("0", "0.50", "runpod_balance_empty"),
        ("-1", "0", "runpod_balance_empty"),
        ("10", "0", None),
        (None, "0.5", None),
        ("5", None, None),
    ],
)
def test_credit_that_ends(balance: str | None, rate: str | None, code: str | None) -> None:
    account = Account(Decimal(balance) if balance else None, Decimal(rate) if rate else None)
    problem = balance_problem(account, [pod(), pod(network_volume_id="v")], Decimal(4))
    assert (problem and problem.code) == code
    if problem:
        assert "terminates annot," in problem.message
        assert_helpful(problem)


def test_credit_that_ends_with_the_data_safe() -> None:
    problem = balance_problem(Account(Decimal(1), Decimal(1)), [pod(network_volume_id="v")], Decimal(4))
    assert problem is not None
    assert "stops the pods" in problem.message
    assert "lost" not in problem.message
