"""Answers of REST v2 that are new, odd or hostile; and what changes between two polls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.deploy.catalogue import PodSpec, Stock
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.events import changes, container_restarted
from labeltui.domain.pod.pod import Pod, PodLogLine, PodStatus, SshEndpoint
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import Failed, LabeltuiError, Misused, Refused
from labeltui.runpod import convert, wire
from labeltui.runpod.hostkeys import printed_keys
from labeltui.runpod.limits import RateLimits, Window, rate_limits, retry_after_s
from labeltui.runpod.logs import Events, log_line
from labeltui.runpod.renting import Refusal, create_first, unique_name
from labeltui.runpod.transport import base_url

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FIELDS = tuple(wire.WirePod.model_fields)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)))
def test_any_answer_makes_a_pod(document: dict[str, Any]) -> None:
    pod = convert.pod(document, NOW)
    assert pod.status in PodStatus
    assert pod.compute_per_hour is None or pod.compute_per_hour.is_finite()


@given(JSON, JSON, JSON)
def test_any_catalogue_is_read(a: Any, b: Any, c: Any) -> None:
    offer = convert.gpu_offer(
        {"id": a, "price": b, "dataCenters": c, "memory": a, "maxCount": c, "secure": True}
    )
    assert offer.stock is Stock.UNKNOWN
    assert convert.data_centre({"id": a, "gpuAvailability": b, "compliance": c}).region == ""
    assert convert.network_volume({"id": a, "size": b, "dataCenter": c}).size_gb is not None


@pytest.mark.parametrize(
    ("host", "port", "user"),
    [
        ("-oProxyCommand=evil", 22, "root"),
        ("a b", 22, "root"),
        ("host", 22, "-l"),
        ("host", 22, "root;id"),
        ("host", 0, "root"),
        ("host", 70000, "root"),
        ("", 22, "root"),
        ("host\n", 22, "root"),
    ],
)
def test_an_address_that_would_be_an_option_is_none(host: str, port: int, user: str) -> None:
    assert convert.public_endpoint(host, port, user) is None


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert SshEndpoint("2001:db8::1", 22, "root").address == "root@[2001:db8::1]:22"


def test_fields_that_came_later_are_read() -> None:
    document = {
        "gpu": {"id": "NVIDIA GeForce RTX 4090", "count": 2, "vcpuCount": 16, "memory": 62},
        "cost": "0.44",
    }
    pod = convert.pod(document, NOW)
    assert (pod.vcpu_count, pod.ram_gb, pod.compute_per_hour) == (16, 62, Decimal("0.44"))


@pytest.mark.parametrize(("gpus", "lost"), [(None, False), ([], True), ([{"util": 1}], False)])
def test_gpus_that_are_not_reported_are_not_lost(gpus: list[Any] | None, lost: bool) -> None:
    runtime = {} if gpus is None else {"gpus": gpus}
    document = {"status": "RUNNING", "gpu": {"id": "g", "count": 1}, "runtime": runtime}
    assert convert.pod(document, NOW).lost_its_gpu is lost
    without = {name: value for name, value in document.items() if name != "gpu"}
    assert convert.pod(without, NOW).lost_its_gpu is lost
    assert not convert.pod(without | {"cpu": {"id": "cpu5c"}}, NOW).lost_its_gpu
    assert not convert.pod(document | {"status": "STARTING"}, NOW).lost_its_gpu


@pytest.mark.parametrize(
    ("ip", "shown"),
    [
        ("195.26.233.3", "195.26.233.3"),
        ("100.65.1.2", None),
        ("", None),
        ("nonsense", None),
        ("2001:db8::1",) * 2,
    ],
)
def test_addresses_of_the_inner_network_are_not_shown(ip: str, shown: str | None) -> None:
    port = {"private": 22, "public": 4, "type": "tcp", "ip": ip}
    (converted,) = convert.pod({"ports": ["22/tcp"], "runtime": {"ports": [port]}}, NOW).ports
    assert (converted.public, converted.ip) == (4, shown)


def test_an_offer_without_a_price_is_not_offered() -> None:
    offer = convert.gpu_offer(
        {"id": "g", "secure": True, "community": False, "price": {"secure": 0.27, "community": 0.16}}
    )
    assert (offer.price_secure, offer.price_community) == (Decimal("0.27"), None)


def pod(**fields: Any) -> Pod:
    return replace(Pod("id", "annot", PodStatus.RUNNING, NOW, started_at=NOW, uptime_s=100), **fields)


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (pod(), pod(uptime_s=200), []),
        (pod(), None, ["gone"]),
        (None, pod(), ["appeared"]),
        (None, None, []),
        (pod(), pod(status=PodStatus.STOPPED), ["stopped"]),
        (pod(), pod(uptime_s=3), ["restarted"]),
        (pod(), pod(started_at=NOW + timedelta(hours=1)), ["restarted"]),
        (pod(ssh=SshEndpoint("a", 1, "root")), pod(ssh=SshEndpoint("a", 2, "root")), ["address"]),
        (pod(ssh=SshEndpoint("a", 1, "root")), pod(ssh=None), []),
        (pod(gpu_count=1), pod(gpu_count=1, gpus_attached=0), ["no_gpu"]),
        (pod(data_centre="EU-1"), pod(data_centre="EU-2"), ["moved"]),
        (
            pod(status=PodStatus.STOPPED),
            pod(started_at=NOW + timedelta(hours=1), uptime_s=1),
            ["running", "restarted"],
        ),
    ],
)
def test_what_happened_between_two_polls(before: Pod | None, after: Pod | None, kinds: list[str]) -> None:
    assert [event.kind for event in changes(before, after, NOW)] == kinds


def test_the_container_is_as_old_as_its_uptime() -> None:
    assert pod(uptime_s=60, started_at=NOW - timedelta(hours=3)).container_started_at == NOW - timedelta(
        minutes=1
    )
    assert pod(uptime_s=None).container_started_at == NOW
    assert pod(status=PodStatus.STOPPED).container_started_at is None
    assert not container_restarted(pod(), pod(uptime_s=None))


def test_a_key_is_the_same_whatever_its_comment() -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFJHaQZ2KhYkJ1Yw4tqYV0V4cZ0y1Kf1m6k2bM1Xc3dA"
    assert SshKey(f"{line} me").same_as(SshKey(f"{line} other host"))
    assert SshKey(f"{line} other host").comment == "other host"
    assert SshKey(line).fingerprint.startswith("SHA256:")
    assert SshKey("ssh-rsa nonsense!").fingerprint == ""


FIRST = "256 SHA256:" + "A" * 43 + " root@old (ED25519)"
SECOND = "256 SHA256:" + "B" * 43 + " root@new (ED25519)"


def lines(*texts: str, at: datetime = NOW, source: str = "container") -> list[PodLogLine]:
    return [PodLogLine(source, text, at) for text in texts]


def test_the_last_container_s_host_keys() -> None:
    log = lines("SSH host keys:", FIRST, "Start script(s) finished, Pod is ready to use.")
    log += lines("SSH host keys:", SECOND, "3072 SHA256:" + "C" * 43 + " x (RSA)", "other")
    assert [(key.algorithm, key.fingerprint[7]) for key in printed_keys(log)] == [
        ("ED25519", "B"),
        ("RSA", "C"),
    ]


def test_keys_of_an_earlier_container_are_not_believed() -> None:
    log = lines("SSH host keys:", FIRST, at=NOW - timedelta(hours=1))
    assert printed_keys(log, NOW) == ()
    assert len(printed_keys(log)) == 1


def test_what_is_printed_elsewhere_is_no_host_key() -> None:
    assert printed_keys(lines(FIRST)) == ()
    assert printed_keys(lines("SSH host keys:", FIRST, source="system")) == ()
    assert printed_keys(lines("SSH host keys:", "Start script(s) finished", FIRST)) == ()


def test_limits_are_read_as_published() -> None:
    headers = {
        "ratelimit": '"minute";r=0;t=12, "hour";r=2800;t=1812, "day";r=49500;t=45012',
        "ratelimit-policy": '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400',
    }
    limits = rate_limits(headers, 100.0)
    assert limits is not None
    assert limits.windows[0] == Window("minute", 0, 12, 60, 60)
    assert limits.wait_s(104.0) == 8.0
    assert limits.wait_s(120.0) == 0.0
    assert limits.tightest() == limits.windows[0]


@given(st.text(), st.text())
def test_no_header_is_too_odd(left: str, policy: str) -> None:
    limits = rate_limits({"ratelimit": left, "ratelimit-policy": policy}, 0.0)
    assert limits is None or limits.wait_s(0.0) >= 0
    retry_after_s({"retry-after": left})


def test_polling_slows_down_before_the_limit_is_met() -> None:
    limits = RateLimits((Window("day", 1000, 36000, 50000, 86400),), 0.0)
    assert limits.interval_s(5.0) == 45.0
    assert RateLimits((Window("minute", 50, 60, 60, 60),), 0.0).interval_s(5.0) == 5.0
    assert RateLimits((Window("minute", 0, 30, 60, 60),), 0.0).interval_s(5.0) == 30.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12.0),
        ("", None),
        ("-3", None),
        ("soon", None),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("9" * 30, None),
    ],
)
def test_retry_after_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": text}, NOW) == seconds


def test_events_as_they_are_sent() -> None:
    events = Events()
    data = [events.line(text) for text in (": hello", "id: t1", 'data: {"a":', "data:1}", "", "id: t2", "")]
    assert data == [None, None, None, None, '{"a":\n1}', None, None]
    assert events.last_id == "t2"


@given(st.text())
def test_any_data_is_a_line_or_none(data: str) -> None:
    line = log_line(data)
    assert line is None or isinstance(line.text, str)


def test_a_line_of_the_log() -> None:
    line = log_line('{"source": "system", "line": "pulling\\n", "ts": "2026-11-23T12:00:00.5Z"}', "e1")
    assert line == PodLogLine("system", "pulling", NOW + timedelta(seconds=0.5), "e1")


@pytest.mark.parametrize(
    ("given_url", "base"),
    [
        ("https://api.runpod.io/v2", "https://api.runpod.io"),
        ("https://api.runpod.io/", "https://api.runpod.io"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9"),
        ("http://localhost:9/v2/", "http://localhost:9"),
    ],
)
def test_the_address(given_url: str, base: str) -> None:
    assert base_url(given_url) == base


@pytest.mark.parametrize(
    "text", ["http://api.runpod.io", "ftp://x", "nonsense", "https://u:p@api.runpod.io", "http://["]
)
def test_an_address_that_would_show_the_key(text: str) -> None:
    with pytest.raises(Misused) as caught:
        base_url(text)
    assert caught.value.problem.code == "runpod_bad_url"


def test_the_address_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "http://127.0.0.1:4321")
    assert base_url() == "http://127.0.0.1:4321"
    monkeypatch.delenv("RUNPOD_API_BASE_URL")
    assert base_url() == "https://api.runpod.io"


def test_names_are_used_once() -> None:
    names = {unique_name("Liver study/§$%") for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("Liver-study-") and name.isascii() for name in names)
    assert unique_name("§").startswith("labeltui-")


class FakeAccount:
    """Each create ends with the next of ``ends``."""

    def __init__(self, *ends: LabeltuiError | Pod) -> None:
        self.ends = list(ends)
        self.tried: list[str] = []

    async def create_once(self, spec: PodSpec) -> Pod:
        self.tried.append(spec.gpu_id)
        end = self.ends.pop(0)
        if isinstance(end, LabeltuiError):
            raise end
        return end


NONE_FREE = Failed(Code.RUNPOD_NO_CAPACITY, "x")
FORBIDDEN = Refused(Code.RUNPOD_POOL_FORBIDDEN, "x")
BAD = Failed(Code.RUNPOD_BAD_REQUEST, "x")
UNCLEAR = Failed(Code.RUNPOD_CREATE_UNCLEAR, "x")
NO_CREDIT = Refused(Code.RUNPOD_NO_CREDIT, "x")


@pytest.mark.parametrize(
    ("ends", "code", "tried"),
    [
        ([NONE_FREE, BAD, pod()], None, ["a", "b", "c"]),
        ([NONE_FREE, FORBIDDEN, pod()], "runpod_pool_forbidden", ["a", "b"]),
        ([NONE_FREE, NONE_FREE, NONE_FREE], "runpod_no_capacity", ["a", "b", "c"]),
        ([BAD, BAD, BAD], "runpod_bad_request", ["a", "b", "c"]),
        ([BAD, NONE_FREE, BAD], "runpod_no_capacity", ["a", "b", "c"]),
        ([UNCLEAR, pod(), pod()], "runpod_create_unclear", ["a"]),
        ([NONE_FREE, NO_CREDIT, pod()], "runpod_no_credit", ["a", "b"]),
    ],
)
async def test_the_next_candidate_and_when_there_is_none(
    ends: list[Any], code: str | None, tried: list[str]
) -> None:
    client = FakeAccount(*ends)
    refused: list[Refusal] = []
    specs = [PodSpec("n", gpu) for gpu in ("a", "b", "c")]
    if code is None:
        assert (await create_first(client, specs, refused.append)).id == "id"
        assert [refusal.problem.code for refusal in refused] == [
            "runpod_no_capacity",
            "runpod_bad_request",
        ]
    else:
        with pytest.raises(LabeltuiError) as caught:
            await create_first(client, specs)
        assert caught.value.problem.code == code
    assert client.tried == tried


async def test_nothing_to_try() -> None:
    with pytest.raises(Failed) as caught:
        await create_first(FakeAccount(), [])
    assert caught.value.problem.code == "runpod_no_candidate"
