"""Every operation of the console, judged by the published OpenAPI: requests, answers, refusals."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from labeltui.sandbox.runpod.emulator import Emulator
from tests import contracts
from tests.services.sandbox.runpod import published

pytestmark = pytest.mark.openapi
GPU = "NVIDIA RTX A5000"


@pytest.fixture(autouse=True)
def _contracts() -> None:
    contracts.required("openapi/rest-v2.openapi.json")


@pytest.fixture
async def strict(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client whose requests are judged, too."""

    async def judge(request: httpx.Request) -> None:
        published.check_request(request)

    api.event_hooks = {**api.event_hooks, "request": [judge]}
    return api


async def test_a_pod_in_every_state(
    strict: httpx.AsyncClient, emulator: Emulator, body: Callable[..., dict[str, Any]]
) -> None:
    emulator.world.timing.pull = 8
    statuses = []
    made = await strict.post("/v2/pods", json=body())
    assert made.status_code == 201
    pod = f"/v2/pods/{made.json()['id']}"

    async def read_pod() -> dict[str, Any]:
        answer: dict[str, Any] = (await strict.get(pod)).json()
        statuses.append(answer["status"])
        assert (await strict.get("/v2/pods")).json()["pods"] == [answer]
        return answer

    await read_pod()
    await emulator.advance(2)
    await read_pod()
    await emulator.advance(8.5)
    assert (await read_pod())["ssh"]["direct"] is None
    await emulator.advance(5)
    assert (await read_pod())["ssh"]["direct"] is not None
    assert (await strict.patch(pod, json={"name": "new", "locked": True})).json()["locked"]
    assert (await strict.post(f"{pod}/action", json={"action": "stop"})).status_code == 400
    assert (await strict.patch(pod, json={"locked": False})).status_code == 200
    for action in ("restart", "stop", "start"):
        assert (await strict.post(f"{pod}/action", json={"action": action})).status_code == 200
        await read_pod()
        await emulator.advance(60)
    emulator.world.faults.arm("fails_to_start")
    await strict.post(f"{pod}/action", json={"action": "restart"})
    await emulator.advance(60)
    await read_pod()
    assert (await strict.post(f"{pod}/action", json={"action": "terminate"})).status_code == 204
    assert (await strict.get(pod)).status_code == 404
    assert (await strict.delete(pod)).status_code == 404
    assert set(statuses) == {"PROVISIONING", "STARTING", "RUNNING", "EXITED", "ERROR"}


@pytest.mark.parametrize(
    "changes",
    [
        {"mounts": None, "ports": ["22/tcp", "8888/http"], "globalNetworking": True},
        {"gpu": None, "cpu": {"id": "cpu5c", "vcpuCount": 4}, "mounts": None},
        {"cloud": "COMMUNITY", "dataCenterIds": ["EU-RO-1"], "startJupyter": True},
    ],
)
async def test_other_kinds_of_pods(
    strict: httpx.AsyncClient,
    emulator: Emulator,
    body: Callable[..., dict[str, Any]],
    changes: dict[str, Any],
) -> None:
    made = await strict.post("/v2/pods", json=body(**changes))
    assert made.status_code == 201
    await emulator.advance(60)
    pod = (await strict.get(f"/v2/pods/{made.json()['id']}")).json()
    assert pod["status"] == "RUNNING"
    assert len(pod["runtime"]["ports"]) == len(pod["ports"])


async def test_a_pod_without_its_gpu_is_still_as_published(
    strict: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    pod = await rent()
    await strict.post(f"/v2/pods/{pod['id']}/action", json={"action": "stop"})
    emulator.world.faults.arm("zero_gpu")
    await strict.post(f"/v2/pods/{pod['id']}/action", json={"action": "start"})
    await emulator.advance(60)
    back = (await strict.get(f"/v2/pods/{pod['id']}")).json()
    assert back["status"] == "RUNNING"
    assert "gpu" not in back
    assert (back["runtime"]["gpus"], back["cost"]) == ([], 0.0)


async def test_network_volumes(strict: httpx.AsyncClient, body: Callable[..., dict[str, Any]]) -> None:
    wanted = {"name": "data", "size": 50, "dataCenter": "EU-RO-1"}
    made = await strict.post("/v2/network-volumes", json=wanted)
    assert made.status_code == 201
    volume = f"/v2/network-volumes/{made.json()['id']}"
    assert (await strict.get(volume)).json()["type"] == "STANDARD"
    assert (await strict.patch(volume, json={"size": 60})).json()["size"] == 60
    assert (await strict.patch(volume, json={"size": 20})).status_code == 400
    assert len((await strict.get("/v2/network-volumes")).json()["networkVolumes"]) == 1
    mounts = {"network": [{"volumeId": made.json()["id"], "path": "/workspace"}]}
    pod = await strict.post("/v2/pods", json=body(mounts=mounts))
    assert pod.json()["dataCenterId"] == "EU-RO-1"
    assert (await strict.delete(volume)).status_code == 400
    await strict.delete(f"/v2/pods/{pod.json()['id']}")
    assert (await strict.delete(volume)).status_code == 204
    assert (await strict.get(volume)).status_code == 404
    unplaced = await strict.post("/v2/network-volumes", json={**wanted, "dataCenter": "AP-JP-1"})
    assert unplaced.status_code == 400


async def test_the_catalogue(strict: httpx.AsyncClient) -> None:
    plain = (await strict.get("/v2/catalog/gpus")).json()["gpus"]
    assert all("availability" not in gpu for gpu in plain)
    query = {"include": "AVAILABILITY", "product": "POD", "minCudaVersion": "12.6", "count": "1"}
    rich = {gpu["id"]: gpu for gpu in (await strict.get("/v2/catalog/gpus", params=query)).json()["gpus"]}
    assert {gpu["availability"] for gpu in rich.values()} == {"NONE", "MEDIUM", "HIGH"}
    assert [one["version"] for one in rich[GPU]["cudaVersions"]] == ["12.6", "12.8"]
    swedish = await strict.get("/v2/catalog/gpus", params={**query, "countryCodes": "SE"})
    assert {gpu["id"]: gpu["availability"] for gpu in swedish.json()["gpus"]}[GPU] == "LOW"
    one = await strict.get(f"/v2/catalog/gpus/{GPU}", params={**query, "cloud": "COMMUNITY"})
    assert one.json()["price"] == {"secure": 0.27, "community": 0.16}
    assert (await strict.get("/v2/catalog/gpus/none")).status_code == 404
    assert (await strict.get("/v2/catalog/gpus", params={"include": "AVAILABILITY"})).status_code == 400
    assert (await strict.get("/v2/catalog/gpus", params={"product": "POD"})).status_code == 400
    europe = {"regions": "EUROPE", "include": "GPU_AVAILABILITY", "compliance": "GDPR"}
    places = (await strict.get("/v2/catalog/datacenters", params=europe)).json()["dataCenters"]
    assert [place["id"] for place in places] == ["EU-RO-1", "EU-SE-1"]
    assert (await strict.get("/v2/catalog/datacenters/US-KS-2")).json()["region"] == "NORTH_AMERICA"


async def test_account_keys_are_replaced_as_a_whole(strict: httpx.AsyncClient) -> None:
    keys = ["ssh-ed25519 AAAA one", "ecdsa-sha2-nistp256 BBBB two"]
    assert (await strict.put("/v2/account/ssh-keys", json={"keys": keys})).json() == {"keys": keys}
    assert (await strict.put("/v2/account/ssh-keys", json={"keys": keys[1:]})).status_code == 200
    assert (await strict.get("/v2/account/ssh-keys")).json() == {"keys": keys[1:]}


async def test_bills(strict: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]) -> None:
    pod = await rent()
    await emulator.advance(2 * 3600)
    for query in ({"bucketSize": "hour", "lastN": "24"}, {"podId": pod["id"]}, {"bucketSize": "month"}):
        answer = (await strict.get("/v2/billing/pods", params=query)).json()
        assert {record["podId"] for record in answer["records"]} == {pod["id"]}
    both = {"lastN": "2", "startTime": "2026-11-01T00:00:00Z"}
    assert (await strict.get("/v2/billing/pods", params=both)).status_code == 400


@pytest.mark.parametrize(
    ("status", "method", "path", "sent"),
    [
        (422, "POST", "/v2/pods", {"name": "x", "image": "i", "bogus": 1}),
        (422, "POST", "/v2/pods", {"image": "i", "gpu": {"id": GPU}}),
        (422, "POST", "/v2/pods", {"name": "x", "gpu": {"id": GPU}, "disk": 20}),
        (422, "POST", "/v2/pods", {"name": "x", "image": "i", "gpu": {"id": GPU}, "disk": "20"}),
        (422, "POST", "/v2/pods", {"name": "x", "image": "i", "gpu": {"id": GPU}, "env": {"A": 1}}),
        (422, "PUT", "/v2/account/ssh-keys", {"keys": ["not a key"]}),
        (422, "POST", "/v2/network-volumes", {"name": "v", "size": 5, "dataCenter": "EU-RO-1"}),
        (400, "POST", "/v2/pods", {"name": "x", "image": "i", "disk": 20}),
        (400, "POST", "/v2/pods", {"name": "x", "image": "i", "gpu": {"id": GPU}}),
        (400, "POST", "/v2/pods", {"name": "x", "image": "i", "gpu": {"id": "RTX 9999"}, "disk": 20}),
        (404, "POST", "/v2/pods", {"name": "x", "templateId": "t", "gpu": {"id": GPU}}),
        (404, "POST", "/v2/pods/none/action", {"action": "stop"}),
        (422, "POST", "/v2/pods/none/action", {"action": "explode"}),
        (404, "PATCH", "/v2/pods/none", {"name": "x"}),
        (404, "GET", "/v2/pods/none/logs", None),
    ],
)
async def test_what_is_refused(
    api: httpx.AsyncClient, status: int, method: str, path: str, sent: dict[str, Any] | None
) -> None:
    answer = await api.request(method, path, json=sent) if sent is not None else await api.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert bool(answer.json().get("errors")) == (status == 422)


async def test_a_bad_request_here_is_a_bad_request_there(
    api: httpx.AsyncClient, body: Callable[..., dict[str, Any]]
) -> None:
    """The emulator refuses by schema exactly what the published schema refuses."""
    schema = published.operation("POST", "/v2/pods")[1]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    variants: list[dict[str, Any]] = [
        body(**{name: value})
        for name in ("name", "image", "cloud", "gpu", "disk", "mounts", "ports", "env", "startSsh", "cpu")
        for value in ("", 0, [], {}, True, 1.5, [1], {"id": 1}, {"x": "y"}, "SECURE")
    ]
    variants += [body(gpu={"id": GPU, "count": 0}), body(gpu={"id": GPU, "minCudaVersion": "12"})]
    variants += [body(mounts={"persistent": {"size": 5, "path": "/w"}}), body(mounts={"network": [{}]})]
    variants += [{**body(), name: None} for name in ("args", "image", "gpu", "registry", "templateId")]
    for variant in variants:
        ours = (await api.post("/v2/pods", json=variant)).status_code == 422
        theirs = bool(published.problems(schema, variant))
        assert ours == theirs, json.dumps(variant)
