"""The program that lists a DICOMweb server's series, with a client whose answers the test decides."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
import requests

from labeltui.monailabel.programs import source_of

GOOGLE = "https://healthcare.googleapis.com/v1/dicomWeb"
URL = "http://10.0.0.9/dicom-web"
Main = Callable[..., dict[str, Any]]


def series(uid: str, modality: str = "CT", **more: Any) -> dict[str, Any]:
    """A series as QIDO answers it."""
    values = {"0020000E": uid, "0020000D": f"study-{uid}", "00080060": modality, **more}
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in values.items()}


def refers_to(*uids: str) -> dict[str, Any]:
    return {"00081115": {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": [uid]}} for uid in uids]}}


class FakeClient:
    """A DICOMweb server that knows paging; ``longest`` is the most that it sends at once."""

    stored: ClassVar[list[Any]] = []
    metadata: ClassVar[dict[str, Any]] = {}
    failure: ClassVar[Exception | None] = None
    longest = 1000
    ignores_offset = False
    made: ClassVar[list[FakeClient]] = []

    def __init__(
        self, url: str, session: requests.Session, qido_url_prefix: Any, wado_url_prefix: Any
    ) -> None:
        self.url, self.user, self.prefixes = url, session.auth, (qido_url_prefix, wado_url_prefix)
        self.searches = 0
        FakeClient.made.append(self)

    def set_http_retry_params(self, retry: bool) -> None:
        assert not retry

    def search_for_series(
        self, search_filters: Mapping[str, str], fields: list[str], limit: int, offset: int
    ) -> Any:
        self.searches += 1
        if FakeClient.failure is not None:
            raise FakeClient.failure
        modality = None if "/proxy/" in self.url else search_filters.get("Modality")
        found = [one for one in self.stored if modality in (None, one["00080060"]["Value"][0])]
        if "/proxy/" in self.url:
            return found
        start = 0 if FakeClient.ignores_offset else offset
        return found[start : start + min(limit, FakeClient.longest)]

    def retrieve_series_metadata(self, study: str, seg: str) -> Any:
        assert study == f"study-{seg}"
        found = self.metadata[seg]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def main() -> Iterator[Main]:
    module = ModuleType("dicomweb_client")
    vars(module)["DICOMwebClient"] = FakeClient
    FakeClient.stored, FakeClient.metadata, FakeClient.failure, FakeClient.made = [], {}, None, []
    FakeClient.longest, FakeClient.ignores_offset = 1000, False
    namespace: dict[str, Any] = {"__name__": "program"}
    with patch.dict(sys.modules, dicomweb_client=module), patch.dict(os.environ):
        exec(compile(source_of("series"), "<series>", "exec"), namespace)

        def run(**more: Any) -> dict[str, Any]:
            asked = {
                "url": URL, "pid": None, "user": None, "password": None, "known": True, "port": 8000, "total": 1,
                "filter": {"Modality": "CT"}, "series": 0, "segs": 0, "references": [],
            }  # fmt: skip
            answer: dict[str, Any] = namespace["main"]({**asked, **more})
            return answer

        yield run


def uids(answer: Mapping[str, Any]) -> list[str]:
    return [row[0] for row in answer["series"]]


@pytest.mark.parametrize(("longest", "ignores_offset"), [(1000, False), (7, False), (1000, True)])
def test_every_page_is_read_whatever_its_length(main: Main, longest: int, ignores_offset: bool) -> None:
    FakeClient.stored = [series(f"1.{n}") for n in range(60)] + [series("2.1", "MR"), series("3.1", "SEG")]
    FakeClient.longest, FakeClient.ignores_offset = longest, ignores_offset
    answer = main()
    assert uids(answer) == [f"1.{n}" for n in range(60)]
    assert [row[0] for row in answer["segs"]] == ["3.1"]
    assert (answer["next_series"], answer["next_segs"]) == (None, None)


def test_a_long_list_is_answered_in_parts(main: Main) -> None:
    FakeClient.stored = [series(f"1.{n}", **{"0008103E": "\u00e4" * 64}) for n in range(6000)]
    found, offset = [], 0
    while offset is not None:
        answer = main(series=offset)
        found += uids(answer)
        offset = answer["next_series"]
    assert found == [f"1.{n}" for n in range(6000)]
    assert len(FakeClient.made) > 2


def test_a_row_has_description_and_images_and_survives_hostile_values(main: Main) -> None:
    FakeClient.stored = [
        series("1.1", **{"0008103E": "[red]\x1b]0;x\x07", "00201209": 120}),
        series("1.2", **{"00081030": "the study's", "00201209": "many"}),
        {
            **series("1.3"),
            "0008103E": {"Value": {"no": "list"}},
            "00201209": [],
            "00081115": {"Value": "no list"},
        },
    ]
    assert main()["series"] == [
        ["1.1", "study-1.1", "CT", "[red]\x1b]0;x\x07", 120, None],
        ["1.2", "study-1.2", "CT", "the study's", None, None],
        ["1.3", "study-1.3", "CT", "", None, None],
    ]


def test_references_come_by_qido_where_it_has_them_else_from_the_segs_metadata(main: Main) -> None:
    FakeClient.stored = [{**series("3.1", "SEG"), **refers_to("1.1", "1.2")}, series("3.2", "SEG")]
    assert [row[5] for row in main()["segs"]] == [["1.1", "1.2"], None]
    FakeClient.metadata = {
        "3.2": [refers_to("1.3")], "3.3": requests.HTTPError("gone"), "3.4": ["garbage"], "3.5": [{}],
    }  # fmt: skip
    answer = main(series=None, segs=None, references=[[f"study-3.{n}", f"3.{n}"] for n in range(2, 6)])
    assert answer["references"] == {"3.2": ["1.3"], "3.3": None, "3.4": None, "3.5": []}


def test_other_modalities_are_named_where_the_filter_finds_nothing(main: Main) -> None:
    FakeClient.stored = [series("2.1", "MR"), series("3.1", "SEG"), series("4.1", "PT")]
    assert main()["others"] == ["MR", "PT"]


def status(code: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = code
    return requests.HTTPError(f"http://user:pw@host {code}", response=response)


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (status(401), {"error": "status", "status": 401}),
        (status(500), {"error": "status", "status": 500}),
        (requests.ReadTimeout("slow"), {"error": "timeout"}),
        (requests.ConnectionError("http://user:pw@host"), {"error": "unreachable"}),
        (requests.JSONDecodeError("Expecting value", "<html>", 0), {"error": "garbled"}),
    ],
)
def test_failures_are_answered_without_their_texts(main: Main, failure: Exception, answer: Any) -> None:
    FakeClient.failure = failure
    assert main() == answer


@pytest.mark.parametrize(
    "stored", [["text"], [{"0020000E": {"Value": ["1.1"]}, "00080060": {"Value": ["CT"]}}]]
)
def test_what_is_no_list_of_series_is_garbled(main: Main, stored: list[Any]) -> None:
    FakeClient.stored = stored
    with patch.object(FakeClient, "search_for_series", lambda *_a, **_k: stored):
        assert main() == {"error": "garbled"}


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[int]:
    """A process that passes for MONAI Label's; its id."""
    program = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", "monailabel.main"]
    with subprocess.Popen(program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        yield server.pid
        server.kill()


@pytest.mark.slow
def test_the_servers_own_environment_decides_if_it_can_be_read(main: Main) -> None:
    environment = {
        "MONAI_LABEL_DICOMWEB_USERNAME": "u", "MONAI_LABEL_DICOMWEB_PASSWORD": "p=w", "MONAI_LABEL_QIDO_PREFIX": "q",
        "MONAI_LABEL_DICOMWEB_SEARCH_FILTER": '{"Modality": "MR"}', "HTTPS_PROXY": "http://proxy",
    }  # fmt: skip
    FakeClient.stored = [series("1.1"), series("2.1", "MR")]
    with serving(environment) as pid:
        answer = main(pid=pid, known=False, user="other", password="other")
        assert os.environ.get("HTTPS_PROXY") == "http://proxy"
    (client,) = FakeClient.made
    assert (client.url, client.user, client.prefixes) == (URL, ("u", "p=w"), ("q", None))
    assert (uids(answer), answer["filter"]) == (["2.1"], {"Modality": "MR"})


def test_another_process_of_that_id_is_not_believed(main: Main) -> None:
    main(pid=1, user="u", password="p")
    assert FakeClient.made[0].user == ("u", "p")


def test_without_the_password_a_short_list_comes_through_the_server_in_one_request(main: Main) -> None:
    FakeClient.stored = [series("1.1"), series("2.1", "MR"), series("3.1", "SEG")]
    answer = main(known=False)
    (client,) = FakeClient.made
    assert (client.url, client.user, client.searches) == ("http://127.0.0.1:8000/proxy/dicom", None, 1)
    assert client.prefixes == ("qido", "wado")
    assert (uids(answer), [row[0] for row in answer["segs"]]) == (["1.1"], ["3.1"])
    assert main(known=False, total=2001) == {"error": "many"}
    assert [one.searches for one in FakeClient.made] == [1]
    FakeClient.stored = [series(f"1.{n}") for n in range(2001)]
    assert main(known=False) == {"error": "many"}


def test_googles_servers_are_asked_through_the_server_where_its_credentials_are_unknown(main: Main) -> None:
    main(url=GOOGLE)
    assert "/proxy/" in FakeClient.made[0].url


@pytest.mark.slow
def test_google_gets_a_token_by_the_credentials_of_the_servers_environment(main: Main) -> None:
    module, session = ModuleType("session_utils"), requests.Session()

    def with_credentials() -> requests.Session:
        session.auth = ("token of", os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
        return session

    vars(module)["create_session_from_gcp_credentials"] = with_credentials
    google = {"dicomweb_client.ext.gcp.session_utils": module}
    with patch.dict(sys.modules, google), serving({"GOOGLE_APPLICATION_CREDENTIALS": "/key.json"}) as pid:
        main(url=GOOGLE, pid=pid, user="u", password="p")
    assert (FakeClient.made[0].url, FakeClient.made[0].user) == (GOOGLE, ("token of", "/key.json"))
