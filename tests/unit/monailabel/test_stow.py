"""Storing DICOM files on a DICOMweb server that answers well, badly, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.monailabel import stow
from labeltui.monailabel.stow import DicomStore, Instance

Handler = Callable[[httpx.Request], httpx.Response]


def files(folder: Path, count: int, size: int = 10) -> list[Instance]:
    made = []
    for number in range(count):
        path = folder / f"{number}.dcm"
        path.write_bytes(bytes([number % 256]) * size)
        made.append(Instance(path, path, size, "1.2", "1.2.3", f"1.2.3.{number}"))
    return made


def store(handler: Handler) -> DicomStore:
    return DicomStore(
        "http://orthanc/dicom-web/", "orthanc", ("me", "secret"), transport=httpx.MockTransport(handler)
    )


def stored(*uids: str, refused: dict[str, int] | None = None) -> dict[str, Any]:
    def row(uid: str, **more: Any) -> dict[str, Any]:
        return {"00081155": {"vr": "UI", "Value": [uid]}, **more}

    failed = [
        row(uid, **{"00081197": {"vr": "US", "Value": [code]}}) for uid, code in (refused or {}).items()
    ]
    return {
        "00081199": {"vr": "SQ", "Value": [row(uid) for uid in uids]},
        "00081198": {"vr": "SQ", "Value": failed},
    }


async def test_files_go_in_parts_of_one_request_with_the_login(tmp_path: Path) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=stored("1.2.3.0", "1.2.3.1"))

    told: list[tuple[str, str]] = []
    client = store(answer)
    await client.store(files(tmp_path, 2), lambda one, why: told.append((one.sop, why)))
    await client.close()
    (request,) = requests
    assert request.url.path == "/dicom-web/studies"
    assert request.headers["Authorization"].startswith("Basic ")
    kind = request.headers["Content-Type"]
    assert kind.startswith('multipart/related; type="application/dicom"; boundary=')
    boundary = kind.rpartition("=")[2].encode()
    head = b"\r\nContent-Type: application/dicom\r\n\r\n"
    assert (
        request.content
        == b"".join(b"--" + boundary + head + bytes([number]) * 10 + b"\r\n" for number in range(2))
        + b"--"
        + boundary
        + b"--\r\n"
    )
    assert told == [("1.2.3.0", ""), ("1.2.3.1", "")]


async def test_many_files_are_several_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stow, "BATCH", 35)
    counts: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        counts.append(request.content.count(b"Content-Type"))
        return httpx.Response(200, json={})

    client = store(answer)
    await client.store(files(tmp_path, 7), lambda _one, _why: None)
    await client.close()
    assert sorted(counts) == [1, 3, 3]


async def test_a_refused_file_and_one_that_is_not_mentioned_have_a_reason(tmp_path: Path) -> None:
    client = store(lambda _: httpx.Response(409, json=stored("1.2.3.0", refused={"1.2.3.1": 0x0122})))
    told: dict[str, str] = {}
    await client.store(files(tmp_path, 3), lambda one, why: told.update({one.sop: why}))
    await client.close()
    assert told["1.2.3.0"] == ""
    assert "reason 290" in told["1.2.3.1"]
    assert "unknown" in told["1.2.3.2"]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, Failed, "dicomweb_login"),
        (403, Failed, "dicomweb_login"),
        (500, Failed, "dicomweb"),
        (503, Unreachable, "dicomweb"),
    ],
)
async def test_a_server_that_refuses_everything(
    tmp_path: Path, status: int, kind: type[LabeltuiError], code: str
) -> None:
    client = store(lambda _: httpx.Response(status, text="\x1b[2Jno"))
    for asking in (client.store(files(tmp_path, 1), lambda _one, _why: None), client.instances("1", "2")):
        with pytest.raises(kind) as caught:
            await asking
        assert caught.value.problem.code == code
        assert "secret" not in str(caught.value.problem)
    await client.close()


async def test_a_server_that_is_gone(tmp_path: Path) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    client = store(refuse)
    with pytest.raises(Unreachable, match="orthanc can't be reached: Connection refused"):
        await client.store(files(tmp_path, 1), lambda _one, _why: None)
    await client.close()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (httpx.Response(204), set()),
        (httpx.Response(404), set()),
        (httpx.Response(200, text="[[["), set()),
        (httpx.Response(200, json=[{"00080018": {"Value": ["1.2.9"]}}, {}, 7, {"00080018": []}]), {"1.2.9"}),
    ],
)
async def test_the_instances_of_a_series(answer: httpx.Response, found: set[str]) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return answer

    client = store(handler)
    assert await client.instances("1.2", "1.2.3") == found
    await client.close()
    assert asked == ["/dicom-web/studies/1.2/series/1.2.3/instances"]


IMAGE = {"00080018": "9.1", "00280010": 4, "00280011": 5, "00280100": 16}


def dicom_json(**values: Any) -> dict[str, Any]:
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in values.items()}


def multipart(*parts: bytes) -> bytes:
    return (
        b"".join(b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\n" + one for one in parts) + b"\r\n--b--"
    )


async def test_a_series_is_found_and_fetched_below_the_servers_prefixes() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.path == "/dicom-web/q/series":
            return httpx.Response(200, json=[dicom_json(**{"0020000E": "1.2.3", "0020000D": "1.2"})])
        if request.url.path.endswith("/instances"):
            found = [{**IMAGE}, {**IMAGE, "00080018": "9.2", "00280008": "3"}, {"00080018": "9.3"}]
            at = int(request.url.params["offset"])
            return httpx.Response(200, json=[dicom_json(**one) for one in found[at : at + 2]])
        if "transfer-syntax" in request.headers["Accept"]:
            return httpx.Response(406)
        return httpx.Response(
            200, content=multipart(b"one", b"two"), headers={"Content-Type": "a/b; boundary=b"}
        )

    client = store(answer)
    client.qido, client.wado = "q", "w"
    assert (await client.study_of("1.2.3"), await client.study_of("1.2.4")) == ("1.2", "")
    assert await client.images("1.2", "1.2.3") == {"9.1": 40, "9.2": 120, "9.3": 0}
    assert [bytes(one) async for one in client.fetch("1.2", "1.2.3")] == [b"one", b"two"]
    assert asked[-1].url.path == "/dicom-web/w/studies/1.2/series/1.2.3"
    await client.close()


@pytest.mark.parametrize(
    ("reply", "failure", "text"),
    [
        (httpx.Response(200, content=multipart(b"one")[:-9], headers={"Content-Type": "a/b; boundary=b"}), Unreachable,
         "ended early"),
        (httpx.Response(200, content=b"<html>"), Failed, "no DICOM files"),
        (httpx.Response(401), Failed, "refuses the user"),
        (httpx.Response(503), Unreachable, "HTTP 503"),
        (httpx.ConnectError("no route"), Unreachable, "no route"),
    ],
)  # fmt: skip
async def test_a_series_that_does_not_come_whole_is_said(
    reply: httpx.Response | Exception, failure: type[LabeltuiError], text: str
) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    client = store(answer)
    with pytest.raises(failure, match=text) as caught:
        [one async for one in client.fetch("1.2", "1.2.3")]
    assert "secret" not in str(caught.value)
    await client.close()
