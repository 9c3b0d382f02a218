"""Pods over REST v2: what is asked for, what comes back, and what happens when it does not."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as made:
        yield made


@pytest.fixture
async def client(server: Server, clock: Clock) -> AsyncIterator[RunpodClient]:
    made = client_of(server.url, clock)
    yield made
    await made.close()


def client_of(url: str, clock: Clock) -> RunpodClient:
    key = Secret(CANARY)
    transport = Transport(key, url, deadline_s=0.4, sleep=clock.sleep, clock=clock.now)
    return RunpodClient(key, transport=transport, api="v2", clock=clock.now)


SPEC = PodSpec("labeltui-7f3a", "NVIDIA RTX A5000")


async def code_of(asked: object) -> str:
    with pytest.raises(LabeltuiError) as caught:
        await asked  # type: ignore[misc]
    assert CANARY not in repr(caught.value) + str(caught.value.problem)
    return caught.value.problem.code


async def test_lists_pods_with_the_key_in_the_header_alone(server: Server, client: RunpodClient) -> None:
    server.answers["GET /v2/pods"] = reply({"pods": [pod(), pod("def", status="EXITED")], "new": 1})
    pods = await client.pods()
    assert [(p.id, p.status) for p in pods] == [("abc123", PodStatus.RUNNING), ("def", PodStatus.STOPPED)]
    request = server.asked[0]
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in request.target
    assert request.headers["user-agent"].startswith("labeltui/")


async def test_no_log_record_holds_the_key(
    server: Server, client: RunpodClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers["GET /v2/pods"] = [reply({"pods": []}), problem(401, "no"), hang]
    await client.pods()
    for _ in range(2):
        await code_of(client.pods())
    assert caplog.records
    assert all(CANARY not in f"{record.getMessage()}{record.args}" for record in caplog.records)


async def test_follows_pages_that_are_short_or_empty(server: Server, client: RunpodClient) -> None:
    more = {"hasNextPage": True}
    server.answers["GET /v2/pods"] = [
        reply({"pods": [pod("a")], "pagination": {**more, "nextCursor": "c1"}}),
        reply({"pods": [], "pagination": {**more, "nextCursor": "c2"}}),
        reply({"pods": [pod("b")], "pagination": {"hasNextPage": False, "nextCursor": None}}),
    ]
    assert [p.id for p in await client.pods()] == ["a", "b"]
    assert [request.target for request in server.asked[1:]] == ["/v2/pods?cursor=c1", "/v2/pods?cursor=c2"]


async def test_pages_that_go_round_end(server: Server, client: RunpodClient) -> None:
    server.answers["GET /v2/pods"] = reply(
        {"pods": [], "pagination": {"hasNextPage": True, "nextCursor": "c"}}
    )
    assert await code_of(client.pods()) == "runpod_answer"


@pytest.mark.parametrize(
    "first",
    [
        html(502),
        problem(500, "internal"),
        cut(reply({"pods": []}), 40),
        cut(reply({"pods": []}), 78),
        cut(b"", 0),
        hang,
    ],
)
async def test_a_get_whose_connection_fails_is_sent_again(
    server: Server, client: RunpodClient, first: Reply
) -> None:
    server.answers["GET /v2/pods"] = [first, reply({"pods": [pod()]})]
    assert len(await client.pods()) == 1
    assert server.count("GET /v2/pods") == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (html(502), "runpod_edge_error"),
        (html(524), "runpod_edge_timeout"),
        (html(403), "runpod_edge_blocked"),
        (problem(401, "missing bearer token"), "runpod_key_refused"),
        (problem(401, f"bad token {CANARY}"), "runpod_key_refused"),
        (problem(403, "access denied"), "runpod_key_scope"),
        (problem(410, "gone"), "runpod_api_off"),
        (problem(404, "not found"), "runpod_api_off"),
        (problem(500, f"oops {CANARY}"), "runpod_server_error"),
        (raw(200, b"not json"), "runpod_answer"),
        (raw(200, b"[" * 100_000), "runpod_answer"),
        (raw(200, b'{"pods": 3}'), "runpod_answer"),
        (raw(302, b"", location="http://127.0.0.1:1/"), "runpod_answer"),
        (cut(reply({"pods": []}), 60), "runpod_dropped"),
        (hang, "runpod_timeout"),
        (raw(200, b"\x1f\x8bgarbage", content_encoding="gzip"), "runpod_answer"),
    ],
)
async def test_what_keeps_failing_is_said_in_words(
    server: Server, client: RunpodClient, answer: Reply, code: str
) -> None:
    server.answers["GET /v2/pods"] = answer
    assert await code_of(client.pods()) == code


async def test_nobody_there(clock: Clock) -> None:
    client = client_of("http://127.0.0.1:9", clock)
    assert await code_of(client.pods()) == "runpod_unreachable"
    await client.close()


async def test_waits_as_long_as_the_answer_says(server: Server, client: RunpodClient, clock: Clock) -> None:
    server.answers["GET /v2/pods"] = [problem(429, "minute", Retry_After="12"), reply({"pods": []})]
    assert await client.pods() == ()
    assert 12 <= sum(clock.slept) < 14


async def test_a_long_wait_is_reported_and_nothing_is_sent_meanwhile(
    server: Server, client: RunpodClient
) -> None:
    server.answers["GET /v2/pods"] = problem(429, "day", Retry_After="4000")
    assert await code_of(client.pods()) == "runpod_rate_limited"
    assert await code_of(client.pods()) == "runpod_rate_limited"
    assert server.count("GET /v2/pods") == 1


async def test_a_window_that_is_used_up_is_waited_for(
    server: Server, client: RunpodClient, clock: Clock
) -> None:
    used_up = reply({"pods": []}, RateLimit='"minute";r=0;t=9, "day";r=9;t=100')
    server.answers["GET /v2/pods"] = [used_up, reply({"pods": []})]
    await client.pods()
    assert client.limits is not None
    assert client.limits.windows[0].remaining == 0
    await client.pods()
    assert sum(clock.slept) >= 9


async def test_a_post_is_sent_again_after_a_429_only(server: Server, client: RunpodClient) -> None:
    server.answers["POST /v2/pods/abc123/action"] = [problem(429, "x", Retry_After="1"), reply(pod())]
    assert (await client.start("abc123")).status is PodStatus.RUNNING
    assert server.asked[-1].document == {"action": "start"}
    server.answers["POST /v2/pods/abc123/action"] = html(502)
    server.answers["GET /v2/pods/abc123"] = reply(pod(status="EXITED"))
    before = server.count("POST /v2/pods/abc123/action")
    assert await code_of(client.start("abc123")) == "runpod_outcome_unclear"
    assert server.count("POST /v2/pods/abc123/action") == before + 1


async def test_stopping_what_is_stopped_is_success(server: Server, client: RunpodClient) -> None:
    server.answers["POST /v2/pods/abc123/action"] = problem(409, "action stop not valid for status EXITED")
    server.answers["GET /v2/pods/abc123"] = reply(pod(status="EXITED"))
    assert (await client.stop("abc123")).status is PodStatus.STOPPED
    assert await code_of(client.restart("abc123")) == "runpod_not_now"


async def test_an_id_can_not_leave_its_place_in_the_path(server: Server, client: RunpodClient) -> None:
    server.answers["GET /v2/pods"] = reply({"pods": []})
    assert await client.pod("../network-volumes?x=1#") is None
    assert server.asked[0].target == "/v2/pods/..%2Fnetwork-volumes%3Fx%3D1%23"


async def test_terminate_sees_it_gone(server: Server, client: RunpodClient) -> None:
    server.answers["DELETE /v2/pods/abc123"] = raw(204)
    server.answers["GET /v2/pods"] = reply({"pods": []})
    server.answers["GET /v2/pods/abc123"] = [
        reply(pod()),
        reply(pod(status="TERMINATED")),
        problem(404, "pod not found"),
    ]
    await client.terminate("abc123")
    assert server.count("DELETE /v2/pods/abc123") == 2


async def test_a_pod_that_will_not_go_is_said_to_be_there(server: Server, client: RunpodClient) -> None:
    server.answers["DELETE /v2/pods/abc123"] = raw(204)
    server.answers["GET /v2/pods/abc123"] = reply(pod())
    assert await code_of(client.terminate("abc123")) == "runpod_still_there"


async def test_terminating_what_is_gone_is_success(server: Server, client: RunpodClient) -> None:
    gone = problem(404, "pod not found")
    server.answers |= {"DELETE /v2/pods/x": gone, "GET /v2/pods/x": gone, "GET /v2/pods": reply({"pods": []})}
    await client.terminate("x")
    assert server.count("DELETE /v2/pods/x") == 1


async def test_rents_once(server: Server, client: RunpodClient) -> None:
    server.answers |= {
        "GET /v2/pods": reply({"pods": [pod()]}),
        "POST /v2/pods": reply(pod("new", name=SPEC.name, status="PROVISIONING"), 201),
    }
    made = await client.create_once(SPEC)
    assert (made.id, made.status) == ("new", PodStatus.PROVISIONING)


async def test_takes_the_pod_that_has_the_name(server: Server, client: RunpodClient) -> None:
    server.answers["GET /v2/pods"] = reply({"pods": [pod("mine", name=SPEC.name)]})
    assert (await client.create_once(SPEC)).id == "mine"
    assert server.count("POST /v2/pods") == 0


@pytest.mark.parametrize("lost", [hang, html(502), html(524), problem(500, "x"), cut(reply(pod(), 201), 50)])
async def test_a_lost_answer_never_rents_twice(server: Server, client: RunpodClient, lost: Reply) -> None:
    late = reply({"pods": [pod("mine", name=SPEC.name)]})
    server.answers |= {"GET /v2/pods": [reply({"pods": []})] * 3 + [late], "POST /v2/pods": lost}
    assert (await client.create_once(SPEC)).id == "mine"
    assert server.count("POST /v2/pods") == 1


async def test_a_pod_that_nobody_can_find_is_unclear(server: Server, client: RunpodClient) -> None:
    server.answers |= {"GET /v2/pods": reply({"pods": []}), "POST /v2/pods": hang}
    with pytest.raises(Unreachable) as caught:
        await client.create_once(SPEC)
    assert caught.value.problem.code == "runpod_create_unclear"
    assert SPEC.name in caught.value.problem.message
    assert server.count("POST /v2/pods") == 1


CAPACITY = (
    "There are no longer any instances available with the requested specifications. "
    "Please refresh and try again."
)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(400, CAPACITY), "runpod_no_capacity"),
        (reply({"error": CAPACITY}, 400), "runpod_no_capacity"),
        (problem(400, "minCudaVersion and allowedCudaVersions are exclusive"), "runpod_bad_request"),
        (problem(402, "Insufficient balance"), "runpod_no_credit"),
        (problem(403, "access denied"), "runpod_pool_forbidden"),
        (problem(404, "template not found"), "runpod_not_found"),
        (problem(422, "Request validation failed."), "runpod_invalid"),
    ],
)
async def test_a_refused_create_is_final(
    server: Server, client: RunpodClient, answer: Reply, code: str
) -> None:
    server.answers |= {"GET /v2/pods": reply({"pods": []}), "POST /v2/pods": answer}
    assert await code_of(client.create_once(SPEC)) == code
    assert server.count("POST /v2/pods") == 1
