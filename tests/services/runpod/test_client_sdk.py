"""GraphQL through the real SDK, in its process: what it makes of every answer, and that it stops nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.graphql.graphql import GraphQL
from labeltui.runpod.graphql.sdk import Sdk
from labeltui.runpod.keys import Secret
from labeltui.runpod.replies import Purpose
from labeltui.runpod.transport import Transport
from tests.services.runpod.scripted_server import (
    CANARY,
    Clock,
    Reply,
    Server,
    cut,
    hang,
    html,
    pod,
    problem,
    raw,
    reply,
    serving,
)

ASK = "POST /graphql"
POD = {"id": "abc123", "name": "annot", "desiredStatus": "RUNNING", "gpuCount": 1}
HERE = {"data": {"myself": {"pods": [POD]}}}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as made:
        yield made


@pytest.fixture
async def sdk(server: Server) -> AsyncIterator[Sdk]:
    made = Sdk(Secret(CANARY), server.url)
    yield made
    await made.close()


def command_line_of(pid: int) -> str:
    """A process's arguments and environment, where the system shows them."""
    proc = Path(f"/proc/{pid}")
    if not proc.is_dir():
        return ""
    return "".join((proc / name).read_text(errors="replace") for name in ("cmdline", "environ"))


async def test_the_sdk_stops_nothing_and_returns_the_balance(
    server: Server,
    sdk: Sdk,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / ".runpod"
    folder.mkdir()
    (folder / "config.toml").write_text("[default]\nother = 1\n")  # the SDK can not be imported beside this
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login evil password evil\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RUNPOD_API_KEY", CANARY)
    server.answers[ASK] = reply({"data": {"myself": {"clientBalance": 12.5, "currentSpendPerHr": 0.25}}})
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    account = await GraphQL(Secret(CANARY), server.url, sdk=sdk).account()
    watching.cancel()
    assert account.hours_left == 50
    assert longest < 1.0  # its import alone blocks for longer than that
    assert server.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    assert "runpod" not in sys.modules
    assert sdk.pid is not None
    assert CANARY not in command_line_of(sdk.pid)
    assert CANARY not in caplog.text


async def test_every_answer_has_words(server: Server, sdk: Sdk) -> None:
    capacity = "There are no longer any instances available with the requested specifications."
    table: list[tuple[Reply, str]] = [
        (problem(401, f"no {CANARY}"), "runpod_key_refused"),
        (reply({"error": "forbidden"}, 403), "runpod_key_scope"),
        (raw(410, b"{}"), "runpod_api_off"),
        (problem(429, "slow", Retry_After="7"), "runpod_rate_limited"),
        (html(403), "runpod_edge_blocked"),
        (html(502), "runpod_edge_error"),
        (raw(500, b'{"data": null}'), "runpod_server_error"),
        (raw(200, b"not json"), "runpod_answer"),
        (raw(302, b"", location="http://127.0.0.1:1/"), "runpod_answer"),
        (reply({"errors": [{"message": capacity}]}), "runpod_no_capacity"),
        (
            reply({"errors": [{"message": "x", "extensions": {"code": "SUPPLY_CONSTRAINT"}}]}),
            "runpod_no_capacity",
        ),
        (reply({"errors": [{"message": f"odd {CANARY}"}]}), "runpod_bad_request"),
        (reply({"errors": [{"message": "Something went wrong. Please try again"}]}), "runpod_server_error"),
        (
            reply({"errors": [{"message": "x", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}, 400),
            "runpod_graphql_changed",
        ),
        (reply({"errors": None}), "runpod_answer"),
        (reply({"errors": []}), "runpod_answer"),
        (cut(reply(HERE), 0), "runpod_dropped"),
        (cut(reply(HERE), 20), "runpod_answer"),
        (cut(reply(HERE), len(reply(HERE)) - 5), "runpod_dropped"),
    ]
    for answer, code in table:
        server.answers[ASK] = answer
        with pytest.raises(LabeltuiError) as caught:
            await sdk.query("query { myself { id } }", "the thing")
        assert (caught.value.problem.code, answer) == (code, answer)
        assert CANARY not in "".join(traceback.format_exception(caught.value)) + str(caught.value.problem)
    server.answers[ASK] = reply(HERE)
    assert await sdk.query("query { myself { id } }", "the thing") == HERE["data"]


class ScriptedSdk:
    """Stands for the SDK's process: gives set answers, and records the queries."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.queries: list[str] = []

    async def query(self, query: str, _what: str, purpose: Purpose = Purpose.READ) -> dict[str, Any]:
        self.queries.append(query)
        return self.answers.pop(0)

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("off", [raw(410, b"{}"), problem(404, "not found"), html(404)])
async def test_goes_on_through_graphql_once_v2_is_switched_off(server: Server, off: bytes) -> None:
    scripted = ScriptedSdk(
        HERE["data"],
        {"myself": {"pods": []}},
        {"podFindAndDeployOnDemand": POD},
        {"podStop": POD | {"desiredStatus": "EXITED"}},
        {"pod": POD | {"gpuCount": 2}},
        {"podResume": POD},
        {"podTerminate": None},
        {"pod": None},
        {"pod": None},
    )
    key = Secret(CANARY)
    graphql = GraphQL(key, server.url, sdk=scripted)  # type: ignore[arg-type]
    client = RunpodClient(key, transport=Transport(key, server.url, sleep=Clock().sleep), graphql=graphql)
    server.answers["GET /v2/pods"] = off
    assert [p.status for p in await client.pods()] == [PodStatus.STARTING]
    assert (await client.create_once(PodSpec('quo"ted', "NVIDIA RTX A5000"))).id == "abc123"
    assert 'quo\\"ted' in scripted.queries[-1]
    assert (await client.stop("abc123")).status is PodStatus.STOPPED
    assert (await client.start("abc123")).status is PodStatus.STARTING
    assert "gpuCount: 2" in scripted.queries[-1]
    with pytest.raises(LabeltuiError) as caught:
        await client.restart("abc123")
    assert caught.value.problem.code == "runpod_needs_v2"
    await client.terminate("abc123")
    assert server.count("GET /v2/pods") == 1
    assert scripted.answers == []
    await client.close()


@pytest.mark.parametrize("off", [raw(410, b"{}"), problem(404, "not found")])
async def test_an_action_finds_v2_switched_off(server: Server, off: bytes) -> None:
    scripted = ScriptedSdk({"podStop": POD | {"desiredStatus": "EXITED"}})
    key = Secret(CANARY)
    graphql = GraphQL(key, server.url, sdk=scripted)  # type: ignore[arg-type]
    client = RunpodClient(key, transport=Transport(key, server.url), graphql=graphql)
    server.answers |= {"POST /v2/pods/abc123/action": off, "GET /v2/pods": off}
    assert (await client.stop("abc123")).status is PodStatus.STOPPED
    assert server.count("POST /v2/pods/abc123/action") == 1
    await client.close()


async def test_a_pod_that_is_gone_is_no_reason_to_leave_v2(server: Server) -> None:
    key = Secret(CANARY)
    client = RunpodClient(key, transport=Transport(key, server.url, deadline_s=5))
    server.answers |= {
        "GET /v2/pods": reply({"pods": [pod()]}),
        "POST /v2/pods/x/action": problem(404, "pod not found"),
        "GET /v2/pods/x": problem(404, "pod not found"),
    }
    assert await client.pod("x") is None
    with pytest.raises(LabeltuiError) as caught:
        await client.start("x")
    assert caught.value.problem.code == "runpod_pod_gone"
    assert server.count(ASK) == 0
    await client.close()


def child(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit(3)", "runpod_dropped"),
        ("print('garbage', flush=True); import time; time.sleep(60)", "runpod_dropped"),
        ("import time; time.sleep(60)", "runpod_timeout"),
        ('print(\'{"id": 1, "error": {"kind": "missing"}}\', flush=True); input()', "runpod_sdk_missing"),
        ('print(\'{"id": 1, "error": {"kind": "broken"}}\', flush=True); input()', "runpod_sdk_failed"),
        (
            'print(\'{"id": 1, "error": {"kind": "network", "sent": false}}\', flush=True)',
            "runpod_unreachable",
        ),
        ('print(\'{"id": 1, "error": {"kind": "network"}}\', flush=True)', "runpod_dropped"),
    ],
)
async def test_a_process_that_fails_is_replaced(program: str, code: str, tmp_path: Path) -> None:
    answer = json.dumps({"id": 2, "data": {"fine": 1}})
    first, later = tmp_path / "first.py", tmp_path / "later.py"
    first.write_text(program)
    later.write_text(f"input(); input(); print('{answer}', flush=True)")
    start = (
        "import os, sys; path = sys.argv[1] if os.path.exists(sys.argv[1]) else sys.argv[2]\n"
        "text = open(path).read(); os.remove(path); exec(text)"
    )
    command = (*child(start), str(first), str(later))
    sdk = Sdk(Secret(CANARY), "http://127.0.0.1:9", command=command, deadline_s=1.0)
    with pytest.raises(LabeltuiError) as caught:
        await sdk.query("query { a }", "the thing")
    assert caught.value.problem.code == code
    await sdk.close()
    assert await sdk.query("query { a }", "the thing") == {"fine": 1}
    await sdk.close()


async def test_giving_up_ends_the_process(server: Server) -> None:
    server.answers[ASK] = hang
    sdk = Sdk(Secret(CANARY), server.url, command=child("import time; time.sleep(60)"))
    asking = asyncio.create_task(sdk.query("query { a }", "the thing"))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while (pid := sdk.pid) is None:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
