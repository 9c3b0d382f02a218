"""Every request is one that RunPod publishes, and every answer that it publishes is understood."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from labeltui.domain.deploy.catalogue import PodSpec, Stock
from labeltui.domain.pod.pod import Cloud, PodStatus
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret
from labeltui.runpod.transport import Transport
from tests.unit.runpod import openapi

pytestmark = pytest.mark.openapi

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFJHaQZ2KhYkJ1Yw4tqYV0V4cZ0y1Kf1m6k2bM1Xc3dA me@desk"


async def _no_sleep(_seconds: float) -> None:
    return None


class Published:
    """Answers with what RunPod gives as an example, and holds each request to its contract."""

    def __init__(self, **instead: Any) -> None:
        self.instead = instead
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        template, operation, parameters = openapi.operation(request.method, path)
        self.requests.append(f"{request.method} {template}")
        self._check_query(request, parameters)
        if "requestBody" in operation:
            schema = openapi.json_schema(operation["requestBody"])
            assert openapi.faults(schema, json.loads(request.content)) == []
        else:
            assert not request.content
        status = next(code for code in operation["responses"] if code.startswith("2"))
        if request.method == "DELETE":
            return httpx.Response(204)
        document = self.instead.get(template.rpartition("/")[2])
        if document is None:
            document = openapi.examples(request.method, template, status)[0]
        schema = openapi.json_schema(operation["responses"][status])
        assert openapi.faults(schema, document) == []
        return httpx.Response(int(status), json=document)

    def _check_query(self, request: httpx.Request, parameters: list[dict[str, Any]]) -> None:
        known = {p["name"]: p for p in parameters if p["in"] == "query"}
        for name, text in request.url.params.multi_items():
            assert name in known, f"{name} is no parameter of {request.url.path}"
            schema = openapi.resolved(known[name]["schema"])
            value: Any = text.split(",") if schema.get("type") == "array" else text
            value = int(text) if schema.get("type") == "integer" else value
            assert openapi.faults(schema, value) == []


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> RunpodClient:
    key = Secret("rpa_CANARY0123456789")
    mock = httpx.MockTransport(answer)
    return RunpodClient(
        key,
        transport=Transport(key, "https://api.runpod.io", transport=mock, sleep=_no_sleep),
        api="v2",
        now=lambda: NOW,
    )


FULL = PodSpec(
    "labeltui-1",
    "NVIDIA RTX A5000",
    gpu_count=2,
    cloud=Cloud.COMMUNITY,
    network_volume_id="vol_x",
    data_centres=("EU-RO-1",),
    ports=("22/tcp", "8888/http"),
    env={"A": 'quo"te\n'},
    public_keys=(KEY_LINE,),
    min_cuda="12.8",
    registry_id="reg",
)


@pytest.mark.parametrize(
    ("call", "route"),
    [
        (lambda c: c.pods(), "GET /v2/pods"),
        (lambda c: c.pod("abc"), "GET /v2/pods/{id}"),
        (lambda c: c.start("abc"), "POST /v2/pods/{id}/action"),
        (lambda c: c.stop("abc"), "POST /v2/pods/{id}/action"),
        (lambda c: c.restart("abc"), "POST /v2/pods/{id}/action"),
        (lambda c: c.create_once(PodSpec("labeltui-1", "NVIDIA RTX A5000")), "POST /v2/pods"),
        (lambda c: c.create_once(PodSpec("labeltui-1", "g", volume_disk_gb=20)), "POST /v2/pods"),
        (lambda c: c.create_once(FULL), "POST /v2/pods"),
        (lambda c: c.gpu_offers(), "GET /v2/catalog/gpus"),
        (lambda c: c.gpu_offers(count=2, cloud=Cloud.SECURE, min_cuda="12.8"), "GET /v2/catalog/gpus"),
        (lambda c: c.data_centres(), "GET /v2/catalog/datacenters"),
        (lambda c: c.network_volumes(), "GET /v2/network-volumes"),
        (lambda c: c.create_network_volume("labels", 50, "EU-RO-1"), "POST /v2/network-volumes"),
        (lambda c: c.ssh_keys(), "GET /v2/account/ssh-keys"),
        (lambda c: c.bill(NOW), "GET /v2/billing/pods"),
        (lambda c: c.bill(NOW, "abc"), "GET /v2/billing/pods"),
    ],
)
async def test_asks_only_for_what_is_published(
    call: Callable[[RunpodClient], Awaitable[object]], route: str
) -> None:
    published = Published()
    client = client_of(published)
    assert await call(client) is not None
    assert published.requests[-1] == route
    await client.close()


async def test_terminates_by_the_published_route() -> None:
    published = Published(**{"{id}": None})
    gone = {"title": "Not Found", "status": 404, "detail": "pod not found"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.endswith("/abc"):
            return httpx.Response(404, json=gone)
        return published(request)

    client = client_of(answer)
    await client.terminate("abc")
    assert published.requests[0] == "DELETE /v2/pods/{id}"
    await client.close()


async def test_a_key_is_added_to_those_that_are_there() -> None:
    lists = [["ssh-rsa AAAA one"], ["ssh-rsa AAAA one", KEY_LINE]]
    written: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            body = json.loads(request.content)
            _, operation, _ = openapi.operation("PUT", request.url.path)
            assert openapi.faults(openapi.json_schema(operation["requestBody"]), body) == []
            written.append(body)
        return httpx.Response(200, json={"keys": lists[len(written)]})

    client = client_of(answer)
    keys = await client.add_ssh_key(KEY_LINE + "\n")
    assert [key.comment for key in keys] == ["one", "me@desk"]
    assert written == [{"keys": lists[1]}]
    await client.close()


async def test_the_published_pod_is_understood() -> None:
    client = client_of(Published())
    (pod,) = await client.pods()
    assert pod.status is PodStatus.RUNNING
    assert pod.compute_per_hour == Decimal("0.44")
    assert pod.ssh is not None
    assert pod.ssh.address == "root@195.26.233.3:34446"
    assert pod.ssh_proxy is not None
    assert pod.volume_disk_gb == 20
    assert pod.is_public
    assert pod.proxy_url(8888) == f"https://{pod.id}-8888.proxy.runpod.net"
    assert pod.proxy_url(22) is None
    assert pod.gpu_name == "RTX 4090"
    assert pod.uptime_s == 3600
    await client.close()


async def test_the_published_offers_are_understood() -> None:
    client = client_of(Published())
    offers = await client.gpu_offers()
    assert offers
    assert all(offer.price_secure or offer.price_community for offer in offers)
    assert all(offer.stock is not Stock.UNKNOWN for offer in offers)
    assert all(offer.vram_gb > 0 for offer in offers)
    await client.close()


def _published_errors() -> list[tuple[str, str, str]]:
    try:
        paths = openapi.spec()["paths"]
    except BaseException:  # the tests themselves say that the contracts are not there
        return [("get", "/v2/pods", "401")]
    return [
        (method, path, status)
        for path in ("/v2/pods", "/v2/pods/{id}", "/v2/pods/{id}/action")
        for method in ("get", "post", "delete")
        if method in paths[path]
        for status in paths[path][method]["responses"]
        if status.isdigit() and int(status) >= 400
    ]


@pytest.mark.parametrize(("method", "path", "status"), _published_errors())
async def test_every_published_error_has_words(method: str, path: str, status: str) -> None:
    found = openapi.examples(method, path, status)
    document = found[0] if found else {"title": "Conflict", "status": int(status), "detail": "not valid"}
    _, operation, _ = openapi.operation(method, path.replace("{id}", "abc"))
    assert openapi.faults(openapi.json_schema(operation["responses"][status]), document) == []
    client = client_of(lambda _: httpx.Response(int(status), json=document))
    with pytest.raises(LabeltuiError) as caught:
        await client.transport.send(method.upper(), path.removeprefix("/v2/"), "the pod")
    problem = caught.value.problem
    assert problem.code.startswith("runpod_")
    assert problem.message.endswith(".")
    assert problem.hint.endswith(".")
    await client.close()


def test_the_contract_bites() -> None:
    _, operation, parameters = openapi.operation("POST", "/v2/pods")
    schema = openapi.json_schema(operation["requestBody"])
    assert openapi.faults(schema, {"name": "x", "image": "y", "bogus": 1})
    assert openapi.faults(schema, {"name": "x", "image": "y", "disk": "50"})
    assert openapi.faults(schema, {"name": "x"})
    assert parameters == []
