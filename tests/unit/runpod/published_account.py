"""An emulated RunPod account, written from the published OpenAPI alone, which every body is checked against.

It is in this process and uses the event loop's clock, so a test in virtual time can wait for hours. Behaviour
that the OpenAPI leaves open is a setting: a pod's price, when it has an address, and which requests are
refused.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.graphql.graphql import GraphQL
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from tests.unit.runpod.openapi import examples, faults, json_schema, operation, spec

URL = "https://api.runpod.io"
START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
GPUS = {  # id: (name, GB, secure $/h, community $/h)
    "NVIDIA RTX A5000": ("RTX A5000", 24, 0.27, 0.16),
    "NVIDIA A40": ("A40", 48, 0.40, 0.0),
    "NVIDIA GeForce RTX 4090": ("RTX 4090", 24, 0.69, 0.34),
}
LEGAL = {
    "PROVISIONING": ("stop", "terminate"),
    "STARTING": ("stop", "terminate"),
    "RUNNING": ("stop", "restart", "terminate"),
    "EXITED": ("start", "terminate"),
}
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}


class Clock:
    """The loop's time, counted from START."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time, self._began = time, time()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._time() - self._began)


class NoSdk:
    """A GraphQL client that gets no answer."""

    async def query(self, *_: object) -> dict[str, Any]:
        raise Unreachable(Code.RUNPOD_DROPPED, "No answer.", "")

    async def close(self) -> None:
        """Do nothing, because nothing is open."""


class PublishedAccount(httpx.AsyncBaseTransport):
    """``scope`` is "all" or "read".

    With ``scope_first``, 403 takes precedence over 409, else 409 does. ``charged`` is the price of a rented
    GPU, if it is not the listed one. ``pulls_s`` is the time until a pod runs, ``runtime_after_s`` from then
    until its runtime is known, and ``address_after_s`` to its address; ``never_addressed`` is a pod that gets
    none, ``without_gpu`` one that lost its GPU. ``refusals`` are (status, detail) of the next requests for a
    pod. ``silent`` are requests that are done and never answered, such as "POST /v2/pods". ``requests`` are
    (method, path, status), without reads.
    """

    def __init__(self, time: Callable[[], float], *, scope: str = "all", scope_first: bool = True) -> None:
        spec()  # a missing document skips the test here; in a request it would look like a lost answer
        self.scope, self.scope_first = scope, scope_first
        self.clock = Clock(time)
        self.charged: dict[str, float] = {}
        self.pulls_s, self.runtime_after_s, self.address_after_s = 30.0, 0.0, 10.0
        self.never_addressed = False
        self.without_gpu = False
        self.refusals: deque[tuple[int, str]] = deque()
        self.silent: set[str] = set()
        self.pods: dict[str, dict[str, Any]] = {}
        self.volumes: list[dict[str, Any]] = []
        self.ssh_keys: list[str] = []
        self.log: list[str] = []  # lines of every pod's log
        self.headers: dict[str, str] = {}  # of the last request
        self.requests: list[tuple[str, str, int]] = []
        self.bodies: list[Any] = []
        self.wrong: list[str] = []
        self._time = time
        self._begun: dict[str, float] = {}
        self._ids = (f"pod{number}abcde" for number in itertools.count(1))

    def client(self, key: Secret, **options: Any) -> RunpodClient:
        """Create a client, with the parameters of RunpodClient."""
        transport = Transport(key, URL, transport=self, clock=self._time, team=options.get("team"))
        graphql = GraphQL(key, URL, sdk=NoSdk())  # type: ignore[arg-type]
        return RunpodClient(
            key, transport=transport, graphql=graphql, api="v2", now=self.clock.now, clock=self._time
        )

    async def run(self) -> None:
        """Do nothing, because every answer is computed from the time."""

    def add_pod(self, name: str, gpu: str, *, cost: float | None = None, **more: Any) -> str:
        """Add a running pod that this session did not rent. Returns its id."""
        pod: dict[str, Any] = copy.deepcopy(examples("GET", "/v2/pods/{id}", "200")[0])
        pod_id = next(self._ids)
        pod |= {"id": pod_id, "name": name, "gpu": {"id": gpu, "count": 1}, "ports": ["22/tcp"], **more}
        pod |= {"cost": GPUS[gpu][2] if cost is None else cost, "createdAt": _text(self.clock.now())}
        self.pods[pod_id] = pod
        self._begun[pod_id] = self._time() - 3600.0
        return pod_id

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path, method = request.url.path, request.method
        self.headers = dict(request.headers)
        body = json.loads(await request.aread() or b"null")
        template, published, _ = operation(method, path)
        if "requestBody" in published:
            self.wrong += faults(json_schema(published["requestBody"]), body)
            self.bodies.append(body)
        if template == "/v2/pods/{id}/logs":
            return httpx.Response(
                200, headers={"Content-Type": "text/event-stream"}, stream=_Log(self.log, self.clock.now)
            )
        status, document = self._answer(method, template, path, body)
        if method != "GET":
            self.requests.append((method, path, status))
        if f"{method} {template}" in self.silent:
            await asyncio.Event().wait()
        responses = published["responses"]
        if document is not None:
            schema = json_schema(responses.get(str(status), responses["default"]))
            self.wrong += faults(schema, document)
        return httpx.Response(status, json=document) if document is not None else httpx.Response(status)

    def _answer(self, method: str, template: str, path: str, body: Any) -> tuple[int, Any]:
        match method, template:
            case "GET", "/v2/pods":
                return 200, {"pods": [self._shown(pod_id) for pod_id in self.pods]}
            case "POST", "/v2/pods":
                return self._create(body)
            case "GET", "/v2/catalog/gpus":
                return 200, {"gpus": [_offer(gpu) for gpu in GPUS]}
            case "GET", "/v2/catalog/datacenters":
                return 200, copy.deepcopy(examples("GET", template, "200")[0])
            case "GET", "/v2/network-volumes":
                return 200, {"networkVolumes": self.volumes}
            case "POST", "/v2/network-volumes":
                self.volumes.append({"id": f"vol{len(self.volumes)}", "type": "STANDARD", **body})
                return 201, self.volumes[-1]
            case "GET", "/v2/account/ssh-keys":
                return 200, {"keys": self.ssh_keys}
            case "GET", "/v2/billing/pods":
                return 200, {**examples("GET", template, "200")[0], "records": []}
        pod_id = path.split("/")[3]
        if method == "POST" and self.scope != "all" and self.scope_first:
            return problem(403, "the API key may only read")
        if pod_id not in self.pods:
            return problem(404, "pod not found")
        if method == "GET":
            return 200, self._shown(pod_id)
        return self._act(pod_id, "terminate" if method == "DELETE" else body["action"])

    def _create(self, body: Any) -> tuple[int, Any]:
        if self.refusals:
            return problem(*self.refusals.popleft())
        if self.scope != "all":
            return problem(403, "this API key may not create pods")
        pod: dict[str, Any] = copy.deepcopy(examples("POST", "/v2/pods", "201")[0])
        gpu = body["gpu"]["id"]
        listed = GPUS[gpu][2 if body.get("cloud", "SECURE") == "SECURE" else 3]
        pod |= {
            name: body[name] for name in ("name", "image", "cloud", "disk", "ports", "env") if name in body
        }
        pod |= {"id": next(self._ids), "gpu": {"id": gpu, "count": body["gpu"].get("count", 1)}}
        pod |= {"mounts": body.get("mounts", {}), "cost": self.charged.get(gpu, listed), "template": None}
        pod |= {"createdAt": _text(self.clock.now())}
        self.pods[pod["id"]] = pod
        self._begun[pod["id"]] = self._time()
        return 201, self._shown(pod["id"])

    def _act(self, pod_id: str, action: str) -> tuple[int, Any]:
        forbidden = problem(403, "the API key may only read") if self.scope != "all" else None
        status = self._shown(pod_id)["status"]
        conflict = (
            problem(409, f"{action} is not valid for {status}") if action not in LEGAL[status] else None
        )
        refused = (forbidden or conflict) if self.scope_first else (conflict or forbidden)
        if refused:
            return refused
        if action == "terminate":
            del self.pods[pod_id]
            return 204, None
        self.pods[pod_id]["stopped"] = action == "stop"
        self._begun[pod_id] = self._time()
        return 200, self._shown(pod_id)

    def _shown(self, pod_id: str) -> dict[str, Any]:
        pod = {name: value for name, value in self.pods[pod_id].items() if name != "stopped"}
        age = self._time() - self._begun[pod_id]
        stopped = self.pods[pod_id].get("stopped", False)
        running = not stopped and age >= self.pulls_s
        status = "EXITED" if stopped else "RUNNING" if running else "STARTING" if age > 3 else "PROVISIONING"
        addressed = running and not self.never_addressed and age >= self.pulls_s + self.address_after_s
        example = examples("GET", "/v2/pods/{id}", "200")[0]
        proxy = example["ssh"]["proxy"]
        pod |= {"status": status, "actions": list(LEGAL[status])}
        pod |= {"ssh": {"proxy": proxy, "direct": example["ssh"]["direct"] if addressed else None}}
        pod["startedAt"] = _text(START + timedelta(seconds=self._begun[pod_id])) if not stopped else None
        uptime = {
            "uptime": int(age - self.pulls_s),
            "ports": example["runtime"]["ports"] if addressed else [],
        }
        uptime |= {"gpus": []} if self.without_gpu else {}
        pod["runtime"] = uptime if running and age >= self.pulls_s + self.runtime_after_s else None
        pod["cost"] = 0.0 if stopped else pod["cost"]
        return pod


def problem(status: int, detail: str) -> tuple[int, dict[str, Any]]:
    """Return an error answer of the published shape."""
    return status, {"title": TITLES.get(status, "Error"), "status": status, "detail": detail}


def _offer(gpu: str) -> dict[str, Any]:
    offer: dict[str, Any] = copy.deepcopy(examples("GET", "/v2/catalog/gpus", "200")[0]["gpus"][0])
    name, memory, secure, community = GPUS[gpu]
    price = {**offer["price"], "secure": secure, "community": community}
    return offer | {"id": gpu, "name": name, "memory": memory, "price": price, "community": community > 0}


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


class _Log(httpx.AsyncByteStream):
    """Sends the log's lines and then nothing more, because the published stream never ends."""

    def __init__(self, lines: list[str], now: Callable[[], datetime]) -> None:
        self._lines, self._now = lines, now

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, line in enumerate(self._lines):
            at = _text(self._now())
            data = json.dumps({"ts": at, "source": "container", "line": line})
            yield f"id: {at}/{number:012}\ndata: {data}\n\n".encode()
        await asyncio.Event().wait()
