"""GraphQL: the unmodified SDK, and queries written by hand."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from labeltui.sandbox.runpod.api import graphql
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world import events
from tests import contracts

SDK = """
import json, os, runpod
runpod.api_key = os.environ["RUNPOD_API_KEY"]
story = {"user": runpod.get_user()}
runpod.update_user_settings("ssh-ed25519 AAAA me")
pod = runpod.create_pod(
    "sdk", "runpod/pytorch:2.1", "NVIDIA RTX A5000", volume_in_gb=20, ports="22/tcp, 8000/http",
    volume_mount_path="/workspace", env={"A": "b"},
)
story["made"] = pod
story["pods"] = runpod.get_pods()
story["one"] = runpod.get_pod(pod["id"])
story["stopped"] = runpod.stop_pod(pod["id"])
story["resumed"] = runpod.resume_pod(pod["id"], 1)
story["terminated"] = runpod.terminate_pod(pod["id"])
story["after"] = runpod.get_pods()
story["gpus"] = [gpu["id"] for gpu in runpod.get_gpus()]
try:
    runpod.terminate_pod(pod["id"])
except runpod.error.QueryError as error:
    story["again"] = str(error)
try:
    runpod.create_pod("none", "i", "NVIDIA L40S", data_center_id="EU-SE-1")
except runpod.error.QueryError as error:
    story["full"] = str(error)
print(json.dumps(story))
"""


async def sdk(emulator: Emulator, folder: Path) -> dict[str, Any]:
    environment = {**os.environ, "HOME": str(folder), "RUNPOD_API_BASE_URL": emulator.url}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-c", SDK),
        env={**environment, "RUNPOD_API_KEY": emulator.key},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    story: dict[str, Any] = json.loads(said)
    return story


@pytest.fixture(params=["published", pytest.param("ours")])
def schema(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both schemas: the published subset, and the one where that is not at hand."""
    if request.param == "published":
        contracts.required("schema.graphql")
    else:
        monkeypatch.setenv(graphql.CONTRACTS, "/nowhere")
    graphql.schema.cache_clear()
    yield request.param
    graphql.schema.cache_clear()


async def test_the_sdk_works(
    schema: str, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    story = await sdk(emulator, tmp_path_factory.mktemp("home"))
    pod = story["made"]["id"]
    assert story["user"]["id"] == "user_demo"
    assert story["made"]["env"] == ["A=b", "PUBLIC_KEY=ssh-ed25519 AAAA me"]
    assert [one["id"] for one in story["pods"]] == [pod]
    assert story["one"]["ports"] == "22/tcp,8000/http"
    assert story["one"]["runtime"] is None
    assert story["stopped"] == {"id": pod, "desiredStatus": "EXITED"}
    assert story["resumed"]["desiredStatus"] == "RUNNING"
    assert (story["terminated"], story["after"]) == (None, [])
    assert len(story["gpus"]) == 6
    assert story["again"] == "pod not found to terminate"
    assert "no longer any instances available" in story["full"]


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, "variables": variables})


async def test_balance_and_spending(
    schema: str, raw: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    await rent()
    events.happen(emulator.world, "balance", dollars="12.34")
    query = "{myself{clientBalance currentSpendPerHr spendLimit spendDetails{gpuComputePerHour}}}"
    account = (await ask(raw, query)).json()["data"]["myself"]
    assert (account["clientBalance"], account["spendLimit"]) == (12.34, 80.0)
    assert account["spendDetails"] == {"gpuComputePerHour": 0.27}
    assert account["currentSpendPerHr"] == pytest.approx(0.27 + 120 * 0.10 / 730)


async def test_a_runtime_that_is_over_is_reported_for_a_while(
    schema: str, raw: httpx.AsyncClient, emulator: Emulator, rent: Callable[..., Any]
) -> None:
    pod = await rent()
    query = "query p($id: String!){pod(input:{podId:$id}){desiredStatus lastStatusChange runtime{ports{publicPort}}}}"

    async def read_pod() -> dict[str, Any]:
        answer: dict[str, Any] = (await ask(raw, query, id=pod["id"])).json()["data"]["pod"]
        return answer

    ports = {"ports": [{"publicPort": pod["ssh"]["direct"]["port"]}]}
    assert (await read_pod())["runtime"] == ports
    emulator.world.faults.arm("runtime_null")
    assert [(await read_pod())["runtime"] for _ in range(2)] == [None, ports]
    events.happen(emulator.world, "stopped_elsewhere", pod=pod["id"], by="Runpod")
    stopped = await read_pod()
    assert (stopped["desiredStatus"], stopped["runtime"]) == ("EXITED", ports)
    assert stopped["lastStatusChange"].startswith("Exited by Runpod: ")
    await emulator.advance(61)
    assert (await read_pod())["runtime"] is None
    events.happen(emulator.world, "deleted_elsewhere", pod=pod["id"])
    assert await read_pod() is None


DEPLOY = "mutation d($i: %s){podFindAndDeployOnDemand(input:$i){id gpuCount}}"


async def test_both_shapes_of_no_capacity(raw: httpx.AsyncClient, emulator: Emulator) -> None:
    contracts.required("schema.graphql")
    query = DEPLOY % "PodFindAndDeployOnDemandInput"
    wanted = {"name": "x", "imageName": "i", "containerDiskInGb": 10, "gpuTypeId": "NVIDIA RTX A5000"}
    emulator.world.faults.arm("no_capacity")
    error = (await ask(raw, query, i=wanted)).json()["errors"][0]
    assert error["extensions"]["code"] == "SUPPLY_CONSTRAINT"
    emulator.world.faults.arm("no_capacity", null=True)
    assert (await ask(raw, query, i=wanted)).json() == {"data": {"podFindAndDeployOnDemand": None}}
    listed = {**wanted, "gpuTypeId": None, "gpuTypeIdList": ["NVIDIA H1", "NVIDIA RTX A5000"]}
    made = (await ask(raw, query, i=listed)).json()["data"]["podFindAndDeployOnDemand"]
    assert made["gpuCount"] == 1


async def test_scheduled_ends_and_data_only(raw: httpx.AsyncClient, emulator: Emulator) -> None:
    contracts.required("schema.graphql")
    query = DEPLOY % "PodFindAndDeployOnDemandInput"
    wanted = {"name": "x", "imageName": "i", "containerDiskInGb": 10, "gpuTypeId": "NVIDIA RTX A5000"}
    ends = {"stopAfter": "2026-11-23T10:00:00Z", "terminateAfter": "2026-11-23T12:00:00Z"}
    pod = (await ask(raw, query, i=wanted | ends)).json()["data"]["podFindAndDeployOnDemand"]["id"]
    await emulator.advance(3600)
    assert emulator.world.pods[pod].status == "EXITED"
    resume = "mutation r($id: String!){podResume(input:{podId:$id,gpuCount:0}){id}}"
    assert (await ask(raw, resume, id=pod)).json() == {"data": {"podResume": {"id": pod}}}
    await emulator.advance(60)
    assert (emulator.world.pods[pod].status, emulator.world.pods[pod].gpus) == ("RUNNING", 0)
    await emulator.advance(7200)
    assert pod not in emulator.world.pods


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{myself{nonsense}}", "GRAPHQL_VALIDATION_FAILED"),
        ("{__schema{types{name}}}", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        (None, "BAD_REQUEST"),
    ],
)
async def test_what_cannot_be_asked(raw: httpx.AsyncClient, query: str | None, code: str) -> None:
    answer = await raw.post("/graphql", json={"query": query})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, code)


async def test_a_key_that_may_only_read(raw: httpx.AsyncClient, emulator: Emulator) -> None:
    events.happen(emulator.world, "key_scope", key=emulator.key, scope="read")
    assert (await ask(raw, "{myself{id}}")).status_code == 200
    stop = 'mutation{podStop(input:{podId:"x"}){id}}'
    assert (await ask(raw, stop)).status_code == 403


async def test_graphql_switched_off(raw: httpx.AsyncClient, emulator: Emulator) -> None:
    emulator.world.faults.arm("status", times=None, path="^/graphql", status=410, detail="Gone")
    assert (await ask(raw, "{myself{id}}")).status_code == 410
    assert (await raw.get("/v2/pods")).status_code == 200
