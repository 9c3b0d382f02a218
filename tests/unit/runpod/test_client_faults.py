"""Any faults of the transport in any order: never two pods, nothing destroyed unasked, no secret shown."""

from __future__ import annotations

import asyncio
import json
import os
import re
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport

CANARY = "rpa_CANARY0123456789abcdefCANARY"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAMES = ("labeltui-a", "labeltui-b")
CAPACITY = "There are no longer any instances available with the requested specifications."

LOST = st.sampled_from(["timeout", "drop", "502", "500", "garbage", "empty"])
REFUSED = st.sampled_from(["400", "401", "402", "403", "409", "422", "429", "unsent"])
FAULT = st.none() | LOST.map(lambda how: ("after", how)) | (LOST | REFUSED).map(lambda how: ("before", how))
STEP = st.tuples(
    st.sampled_from(["create", "create", "start", "stop", "restart", "terminate", "pods", "cancel"]),
    st.sampled_from(NAMES),
    st.lists(FAULT, max_size=2),  # of what it changes
    st.lists(FAULT, max_size=4),  # of what it reads
)
Step = tuple[str, str, list[Any], list[Any]]


@dataclass
class World:
    """RunPod with faults: a request is refused, lost before, or carried out with its answer lost."""

    lag_s: float
    at: float = 1000.0
    of_writes: list[Any] = field(default_factory=list)
    of_reads: list[Any] = field(default_factory=list)
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    async def sleep(self, seconds: float) -> None:
        self.at += seconds

    def clock(self) -> float:
        return self.at

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.at += 0.05
        await asyncio.sleep(0)
        faults = self.of_reads if request.method == "GET" else self.of_writes
        fault = faults.pop(0) if faults else None
        if fault is None:
            return self.done(request)
        when, how = fault
        if when == "after":
            self.done(request)
        return self.failed(how, request)

    def failed(self, how: str, request: httpx.Request) -> httpx.Response:
        if how == "timeout":
            raise httpx.ReadTimeout(f"no answer {CANARY}", request=request)
        if how == "drop":
            raise httpx.RemoteProtocolError("cut", request=request)
        if how == "unsent":
            raise httpx.ConnectError("refused", request=request)
        if how in ("garbage", "empty"):
            return httpx.Response(200, text=f"{{ {CANARY}" if how == "garbage" else "{}")
        words = f"{CAPACITY if how == '400' else 'no'} {CANARY}"
        body = {"title": "no", "status": int(how), "detail": words}
        return httpx.Response(int(how), json=body, headers={"Retry-After": "2"} if how == "429" else {})

    def done(self, request: httpx.Request) -> httpx.Response:
        path, method = request.url.path.removeprefix("/v2"), request.method
        if (method, path) == ("GET", "/pods"):
            shown = [pod for pod in self.pods.values() if self.at >= pod["_listed"]]
            return httpx.Response(200, json={"pods": shown})
        if (method, path) == ("POST", "/pods"):
            return httpx.Response(201, json=self.rent(json.loads(request.content)["name"]))
        pod_id = re.sub(r"^/pods/([^/]+).*", r"\1", path)
        if pod_id not in self.pods:
            return httpx.Response(404, json={"title": "x", "status": 404, "detail": "pod not found"})
        if method == "DELETE":
            self.deleted.add(pod_id)
            del self.pods[pod_id]
            return httpx.Response(204)
        if method == "POST":
            return self.act(pod_id, json.loads(request.content)["action"])
        return httpx.Response(200, json=self.pods[pod_id])

    def rent(self, name: str) -> dict[str, Any]:
        self.made[name] = self.made.get(name, 0) + 1
        pod_id = f"{name}-{self.made[name]}"
        self.pods[pod_id] = {"id": pod_id, "name": name, "status": "RUNNING", "_listed": self.at + self.lag_s}
        return self.pods[pod_id]

    def act(self, pod_id: str, action: str) -> httpx.Response:
        pod = self.pods[pod_id]
        legal = {"RUNNING": ("stop", "restart"), "EXITED": ("start",)}[pod["status"]]
        if action not in legal:
            return httpx.Response(
                409, json={"title": "x", "status": 409, "detail": "not valid for this status"}
            )
        pod["status"] = {"stop": "EXITED", "start": "RUNNING", "restart": "RUNNING"}[action]
        return httpx.Response(200, json=pod)


async def play(steps: list[Step], lag_s: float) -> None:
    world = World(lag_s)
    key = Secret(CANARY)
    transport = Transport(
        key,
        "https://api.runpod.io",
        transport=httpx.MockTransport(world.answer),
        sleep=world.sleep,
        clock=world.clock,
    )
    client = RunpodClient(key, transport=transport, api="v2", now=lambda: NOW, clock=world.clock)
    confirmed: set[str] = set()
    for what, name, of_writes, of_reads in steps:
        world.of_writes, world.of_reads = list(of_writes), list(of_reads)
        pod_id = f"{name}-{world.made.get(name, 0)}"
        if what == "terminate":
            confirmed.add(pod_id)
        failure: LabeltuiError | None = None
        try:
            await act(client, what, name, pod_id)
        except LabeltuiError as error:
            failure = error
        if failure is not None:
            assert failure.problem.code.startswith("runpod_")
            assert CANARY not in str(failure.problem)
            assert CANARY not in "".join(traceback.format_exception(failure))
        for each in NAMES:
            assert sum(pod["name"] == each for pod in world.pods.values()) <= 1, "two pods of one name"
        assert world.deleted <= confirmed
    await client.close()


async def act(client: RunpodClient, what: str, name: str, pod_id: str) -> None:
    if what == "create":
        assert (await client.create_once(PodSpec(name, "g"))).name == name
    elif what == "cancel":
        task = asyncio.create_task(client.create_once(PodSpec(name, "g")))
        for _ in range(7):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
    elif what == "pods":
        await client.pods()
    else:
        await getattr(client, what)(pod_id)


@settings(
    max_examples=int(os.environ.get("LABELTUI_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(STEP, max_size=8), st.sampled_from([0.0, 5.0, 40.0, 120.0]))
@example([("create", "labeltui-a", [("after", "timeout")], []), ("create", "labeltui-a", [], [])], 120.0)
def test_any_order_of_faults(steps: list[Step], lag_s: float) -> None:
    asyncio.run(play(steps, lag_s))
