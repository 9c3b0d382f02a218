"""Faults of the transport and of a rent, as a client meets them."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world import events
from labeltui.sandbox.runpod.world.refusals import HOST_FULL, NO_CAPACITY, NO_RESOURCES, SOMETHING

GPU = "NVIDIA RTX A5000"


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({"status": 401}, "application/problem+json"),
        ({"status": 402}, "application/problem+json"),
        ({"status": 403}, "application/problem+json"),
        ({"status": 409}, "application/problem+json"),
        ({"status": 410}, "application/problem+json"),
        ({"status": 500, "shape": "message", "detail": "start pod: oops"}, "application/json"),
        ({"status": 400, "shape": "error", "detail": "bad"}, "application/json"),
        ({"status": 503, "shape": "empty"}, ""),
        ({"status": 403, "shape": "html", "detail": "1015"}, "text/html"),
        ({"status": 502, "shape": "html"}, "text/html"),
        ({"status": 524, "shape": "html"}, "text/html"),
    ],
)
async def test_any_status_in_any_shape(
    raw: httpx.AsyncClient, emulator: Emulator, parameters: dict[str, Any], kind: str
) -> None:
    emulator.world.faults.arm("status", path="^/v2/pods$", method="GET", **parameters)
    assert (await raw.get("/v2/account/ssh-keys")).status_code == 200
    answer = await raw.get("/v2/pods")
    assert answer.status_code == parameters["status"]
    assert answer.headers.get("content-type", "").partition(";")[0] == kind
    assert parameters.get("detail", "") in answer.text
    assert (await raw.get("/v2/pods")).status_code == 200


async def test_an_answer_that_breaks_off(raw: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.world.faults.arm("garbage")
    answer = await raw.get("/v2/pods")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


async def test_a_rent_whose_answer_is_lost_is_a_rent(
    raw: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> None:
    emulator.world.faults.arm("answer_lost", method="POST", path="^/v2/pods$")
    with pytest.raises(httpx.TransportError):
        await raw.post("/v2/pods", json=body(name="once"))
    assert [pod["name"] for pod in (await raw.get("/v2/pods")).json()["pods"]] == ["once"]


async def test_a_connection_cut_before_is_no_rent(
    raw: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> None:
    emulator.world.faults.arm("cut", method="POST")
    with pytest.raises(httpx.TransportError):
        await raw.post("/v2/pods", json=body())
    assert (await raw.get("/v2/pods")).json()["pods"] == []


@pytest.mark.parametrize(("done", "pods"), [(True, 1), (False, 0)])
async def test_no_answer_until_the_client_gives_up(
    raw: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]], done: bool, pods: int
) -> None:
    emulator.world.faults.arm("hang", method="POST", done=done)
    with pytest.raises(httpx.ReadTimeout):
        await raw.post("/v2/pods", json=body(), timeout=0.3)
    assert len((await raw.get("/v2/pods")).json()["pods"]) == pods


@pytest.mark.parametrize(
    ("fault", "status", "detail"),
    [
        ("no_capacity", 400, NO_CAPACITY),
        ("no_resources", 400, NO_RESOURCES),
        ("something_wrong", 500, SOMETHING),
        ("over_limit", 402, "INSUFFICIENT_BALANCE: Renting this pod would put you over"),
    ],
)
async def test_a_rent_that_is_refused(
    api: httpx.AsyncClient,
    emulator: Emulator,
    body: Callable[..., dict[str, Any]],
    fault: str,
    status: int,
    detail: str,
) -> None:
    emulator.world.faults.arm(fault)
    refused = await api.post("/v2/pods", json=body())
    assert (refused.status_code, refused.json()["status"]) == (status, status)
    assert detail in refused.json()["detail"]
    assert (await api.post("/v2/pods", json=body())).status_code == 201


async def test_no_capacity_for_one_type_only(
    api: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> None:
    emulator.world.faults.arm("no_capacity", times=None, gpu=GPU)
    assert (await api.post("/v2/pods", json=body())).status_code == 400
    other = {"id": "NVIDIA GeForce RTX 4090", "count": 1}
    assert (await api.post("/v2/pods", json=body(gpu=other))).status_code == 201
    emulator.world.faults.clear("no_capacity")
    assert (await api.post("/v2/pods", json=body())).status_code == 201


async def test_the_host_is_full_when_its_gpu_was_rented_meanwhile(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    pod = await rent()
    path = f"/v2/pods/{pod['id']}/action"
    await api.post(path, json={"action": "stop"})
    events.happen(emulator.world, "gpu_taken", pod=pod["id"], after=300)
    await emulator.advance(300)
    refused = await api.post(path, json={"action": "start"})
    assert (refused.status_code, refused.json()["detail"]) == (400, HOST_FULL)
    assert (await api.get(f"/v2/pods/{pod['id']}")).json()["status"] == "EXITED"
    events.happen(emulator.world, "gpu_freed", pod=pod["id"])
    assert (await api.post(path, json={"action": "start"})).json()["status"] == "STARTING"


async def test_an_image_that_never_arrives_costs(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    emulator.world.faults.arm("stuck_pulling")
    pod = await rent()
    await emulator.advance(3600)
    stuck = (await api.get(f"/v2/pods/{pod['id']}")).json()
    assert (stuck["status"], stuck["cost"]) == ("STARTING", 0.27)
    assert stuck["actions"] == ["stop", "terminate"]
    events.happen(emulator.world, "pull_goes_on", pod=pod["id"])
    await emulator.advance(10)
    assert (await api.get(f"/v2/pods/{pod['id']}")).json()["status"] == "RUNNING"


async def test_a_refused_image_ends_two_seconds_after_the_rent(
    api: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> None:
    emulator.world.faults.arm("image_refused")
    pod = (await api.post("/v2/pods", json=body())).json()["id"]
    await emulator.advance(1.9)
    assert (await api.get(f"/v2/pods/{pod}")).json()["status"] == "PROVISIONING"
    await emulator.advance(0.1)
    assert (await api.get(f"/v2/pods/{pod}")).json()["status"] == "EXITED"
    assert emulator.world.pods[pod].change.startswith("Exited by Runpod: Mon Nov 23 2026")


async def test_a_pod_hidden_once_and_a_list_that_lags(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any], body: Callable[..., dict[str, Any]]
) -> None:
    pod = await rent()
    emulator.world.faults.arm("hidden", pod=pod["id"])
    assert [(await api.get(f"/v2/pods/{pod['id']}")).status_code for _ in range(2)] == [404, 200]
    emulator.world.faults.arm("list_lag", times=2, seconds=10)
    new = (await api.post("/v2/pods", json=body(name="new"))).json()
    await api.delete(f"/v2/pods/{pod['id']}")
    lagging = (await api.get("/v2/pods")).json()["pods"]
    assert [(one["id"], one["status"], one["actions"]) for one in lagging] == [(pod["id"], "TERMINATED", [])]
    await emulator.advance(11)
    assert [one["id"] for one in (await api.get("/v2/pods")).json()["pods"]] == [new["id"]]


async def test_a_terminate_that_does_nothing(
    api: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    pod = await rent()
    emulator.world.faults.arm("terminate_ignored")
    codes = [(await api.delete(f"/v2/pods/{pod['id']}")).status_code for _ in range(3)]
    assert codes == [204, 204, 404]


async def test_pages_newest_first(
    api: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> None:
    for number in range(5):
        await api.post("/v2/pods", json=body(name=f"pod{number}"))
        await emulator.advance(1)
    for fault, limit in ((None, 2), ("short_pages", 1000)):
        if fault is not None:
            emulator.world.faults.arm(fault, times=None)
        names: list[str] = []
        query: dict[str, str] = {"limit": str(limit)}
        while True:
            page = (await api.get("/v2/pods", params=query)).json()
            names += [pod["name"] for pod in page["pods"]]
            if not page["pagination"]["hasNextPage"]:
                break
            query["cursor"] = page["pagination"]["nextCursor"]
        assert names == ["pod4", "pod3", "pod2", "pod1", "pod0"]
    assert (await api.get("/v2/pods", params={"limit": "1001"})).status_code == 422
    assert (await api.get("/v2/pods", params={"cursor": "gone"})).status_code == 400


async def test_keys_and_scopes(raw: httpx.AsyncClient, emulator: Emulator) -> None:
    async def ask(method: str, **headers: str) -> int:
        sent = {**raw.headers, **headers}
        answer = await raw.request(method, "/v2/account/ssh-keys", headers=sent, json={"keys": []})
        return answer.status_code

    assert await ask("GET", authorization="Bearer wrong") == 401
    assert await ask("GET", authorization="Basic abc") == 401
    assert await ask("GET", **{"user-agent": "Python-urllib/3.11"}) == 403
    events.happen(emulator.world, "key_scope", key=emulator.key, scope="read")
    assert (await ask("GET"), await ask("PUT")) == (200, 403)
    events.happen(emulator.world, "key_scope", key=emulator.key, scope="none")
    assert await ask("GET") == 403
    events.happen(emulator.world, "key_scope", key=emulator.key, scope=None)
    assert await ask("GET") == 401


async def test_the_rate_limit_is_announced_and_enforced(api: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.limits.minute = 3
    left = [(await api.get("/v2/pods")).headers["RateLimit"].split(",")[0] for _ in range(3)]
    assert left == ['"minute";r=2;t=60', '"minute";r=1;t=60', '"minute";r=0;t=60']
    await emulator.advance(20)
    refused = await api.get("/v2/pods")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert '"minute";q=3;w=60' in refused.headers["RateLimit-Policy"]
    await emulator.advance(40)
    assert (await api.get("/v2/pods")).status_code == 200


async def test_a_slow_answer_is_an_answer(raw: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.world.faults.arm("delay", seconds=0.2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await raw.get("/v2/pods")).status_code == 200
    assert loop.time() - began >= 0.2
