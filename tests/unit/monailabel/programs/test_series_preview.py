"""The program that draws a series of a DICOMweb server: what it fetches, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import requests

from labeltui.monailabel.programs import source_of

FILES = [b"DICOM 1\r\n--not the boundary\r\n\r\n", b"", b"\r\n\r\n" * 9]
SERIES = {"url": "http://u:pw@pacs/dicom-web", "uid": "1.2.3", "pid": None, "user": None, "password": None}


def message(files: list[bytes], boundary: str = "b1") -> bytes:
    heads = f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(heads + one for one in files) + f"\r\n--{boundary}--\r\n".encode()


class Answer:
    """A streamed answer. ``step`` is the length of its chunks."""

    def __init__(
        self, body: bytes, kind: str = 'multipart/related; boundary="b1"', status: int = 200
    ) -> None:
        self.body, self.status_code, self.step = body, status, 7
        self.headers = {"Content-Type": kind}

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            response = requests.Response()
            response.status_code = self.status_code
            raise requests.HTTPError("failed", response=response)

    def iter_content(self, _size: int) -> Iterator[bytes]:
        for at in range(0, len(self.body), self.step):
            yield self.body[at : at + self.step]


class Server:
    """A DICOMweb server whose answers a test gives, in their order."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, str]]()
        self.found: list[Any] = [
            {"0020000D": {"Value": ["9.9"]}, "0020000E": {"Value": ["1.2.3"]}, "00201209": {"Value": [3]}}
        ]

    def client(self, url: str, session: Any, **_options: Any) -> Any:
        return SimpleNamespace(
            base_url=url, wado_url_prefix=None, set_http_retry_params=lambda **_: None,
            _session=SimpleNamespace(get=self.get), search_for_series=lambda **_: self.found,
        )  # fmt: skip

    def get(self, url: str, headers: dict[str, str], stream: bool) -> Answer:
        assert stream
        self.asked.append((url, headers["Accept"]))
        return self.answers.pop(0)


@pytest.fixture
def namespace() -> Iterator[dict[str, Any]]:
    module = ModuleType("dicomweb_client")
    found: dict[str, Any] = {"__name__": "program"}

    def client(**options: Any) -> Any:
        return found["server"].client(**options)

    vars(module)["DICOMwebClient"] = client
    with patch.dict(sys.modules, dicomweb_client=module), patch.dict(os.environ):
        exec(compile(source_of("series_preview"), "<series_preview>", "exec"), found)
        yield found


def fetched(namespace: dict[str, Any], server: Server, folder: Path) -> list[Any]:
    """Fetch to a folder. Returns what was sent meanwhile."""
    sent: list[Any] = []
    namespace["server"] = server
    namespace["fetch"](SERIES, folder, sent.append)
    return sent


@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_every_file_is_whole_however_it_arrives(namespace: dict[str, Any], tmp_path: Path, step: int) -> None:
    answer = Answer(b"preamble" + message(FILES))
    answer.step = step
    server = Server(answer)
    assert fetched(namespace, server, tmp_path)[0] == {"progress": [1, 3]}
    assert [(tmp_path / f"{number}.dcm").read_bytes() for number in (1, 2, 3)] == FILES
    assert server.asked[0][0] == f"{SERIES['url']}/studies/9.9/series/1.2.3"


def test_a_server_that_refuses_stored_files_is_asked_for_its_default(
    namespace: dict[str, Any], tmp_path: Path
) -> None:
    server = Server(Answer(b"", status=406), Answer(message(FILES)))
    fetched(namespace, server, tmp_path)
    assert ["transfer-syntax=*" in accept for _url, accept in server.asked] == [True, False]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(message(FILES)[:-12]), "ended early"),
        (Answer(b"<html>", "text/html"), "no DICOM files"),
        (Answer(b"", status=401), "refuses the user name or password"),
        (Answer(b"", status=500), "answered with status 500"),
        (Answer(message([b"x" * 99])), "more than"),
        (Answer(message([b"x" * 99]).replace(b"\r\n--b1--", b""), "application/dicom"), "more than"),
    ],
)
def test_an_answer_that_is_no_series_is_said(namespace: dict[str, Any], answer: Answer, why: str) -> None:
    namespace["server"] = Server(answer)
    if why == "more than":
        namespace["MOST_PART"] = namespace["MOST_BYTES"] = 64
    folders = set(Path("/tmp").glob("labeltui-preview-*"))
    with pytest.raises(namespace["Unreadable"], match=why) as caught:
        namespace["draw"]({"series": SERIES}, [], lambda *_: None)
    signal.alarm(0)
    assert "pw" not in str(caught.value)
    assert set(Path("/tmp").glob("labeltui-preview-*")) <= folders


def test_files_that_cannot_be_decoded_are_fetched_again_without_compression(
    namespace: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def compressed(syntax: bytes) -> bytes:
        return bytes(128) + b"DICM" + b"\x02\0\x10\0UI" + len(syntax).to_bytes(2, "little") + syntax

    read = list[list[bytes]]()
    htj2k, plain = compressed(b"1.2.840.10008.1.2.4.201"), compressed(b"1.2.840.10008.1.2.1\0")

    def drawing(request: dict[str, Any], _content: Any) -> str:
        paths = sorted(Path(request["image"]).iterdir())
        read.append([one.read_bytes() for one in paths])
        for path in paths:
            sys.modules["labeltui.monailabel.programs.volumes"].need_decoder(path)
        return "drawn"

    monkeypatch.setitem(namespace, "Drawing", drawing)
    namespace["server"] = server = Server(Answer(message([htj2k, htj2k])), Answer(message([plain])))
    assert namespace["draw"]({"series": SERIES}, [], lambda *_: None) == "drawn"
    assert [[len(one) for one in files] for files in read] == [[len(htj2k)] * 2, [len(plain)]]
    assert ["transfer-syntax=*" in accept for _url, accept in server.asked] == [True, False]
    namespace["server"] = Server(Answer(message([htj2k])), Answer(b"", status=406))
    with pytest.raises(
        namespace["Unreadable"], match=r"High-Throughput JPEG 2000 .*MONAI Label can't decode either"
    ):
        namespace["draw"]({"series": SERIES}, [], lambda *_: None)
    signal.alarm(0)


@pytest.mark.parametrize("uid", ["../../etc", "1.2.4", ""])
def test_only_the_series_itself_is_fetched(namespace: dict[str, Any], tmp_path: Path, uid: str) -> None:
    server = Server()
    namespace["server"] = server
    with pytest.raises((ValueError, namespace["Unreadable"])):
        namespace["fetch"]({**SERIES, "uid": uid}, tmp_path, lambda *_: None)
    assert server.asked == []


@pytest.mark.slow
def test_a_killed_program_leaves_no_file(namespace: dict[str, Any]) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with namespace["removed_folder"]() as folder:
            (folder / "1.dcm").write_bytes(b"patient")
            os.write(writer, str(folder).encode() + b"\n")
            time.sleep(60)
        os._exit(0)
    folder = Path(os.read(reader, 4096).decode().strip())
    assert (folder / "1.dcm").exists()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    end = time.monotonic() + 60
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    os.close(reader)
    os.close(writer)
