"""The program that fetches DICOM SEG files, with a DICOMweb client in memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import requests

from labeltui.monailabel.programs import source_of

IMAGE, OTHER = "1.2.3", "1.2.4"


def status(code: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = code
    return requests.HTTPError("request failed", response=response)


@dataclass
class Instance:
    SOPInstanceUID: str

    def save_as(self, path: Path) -> None:
        path.write_text(f"SEG {self.SOPInstanceUID}")


@dataclass
class Server:
    """``series`` are modality and referenced image by series; ``broken`` has what a series fails with."""

    series: dict[str, tuple[str, str]] = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)
    down: Exception | None = None
    asked: list[str] = field(default_factory=list)
    logins: list[Any] = field(default_factory=list)

    def client(self, **options: Any) -> Any:
        self.logins.append(getattr(options["session"], "auth", None))
        return SimpleNamespace(
            set_http_retry_params=lambda **_: None, _decode_multipart_message=None,
            search_for_series=self.search, retrieve_series_metadata=self.metadata, retrieve_series=self.retrieve,
        )  # fmt: skip

    def search(
        self, search_filters: dict[str, str], fields: list[str], limit: int, offset: int
    ) -> list[dict[str, Any]]:
        if self.down is not None:
            raise self.down
        wanted = search_filters.get("Modality")
        image = search_filters.get("SeriesInstanceUID")
        assert search_filters.get("StudyInstanceUID") in (None, "9")
        self.asked += [image] if image else []
        found = [
            uid
            for uid, (modality, _) in self.series.items()
            if wanted in (None, modality) and image in (None, uid)
        ]
        return [
            {"0020000E": {"Value": [uid]}, "0020000D": {"Value": ["9"]}}
            for uid in found[offset : offset + min(limit, 2)]
        ]

    def metadata(self, study: str, uid: str) -> list[dict[str, Any]]:
        self.asked.append(f"{study}/{uid}")
        if uid in self.broken:
            raise self.broken[uid]
        refers = self.series[uid][1]
        return [{"00081115": {"Value": [{"0020000E": {"Value": [refers]}}]}} if refers else {}]

    def retrieve(self, _study: str, uid: str) -> list[Instance]:
        return [Instance(f"{uid}.1")]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(series={IMAGE: ("CT", ""), "5.1": ("SEG", IMAGE)})
    dicomweb = ModuleType("dicomweb_client")
    vars(dicomweb)["DICOMwebClient"] = made.client
    with patch.dict(sys.modules, dicomweb_client=dicomweb):
        yield made


def run(folder: Path, **more: Any) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(compile(source_of("segs"), "segs", "exec"), namespace)
    arguments = {
        "url": "http://ana:pw@pacs/dicom-web", "filter": {"Modality": "CT"}, "folder": str(folder / "segs"),
        "cache": str(folder / "cache"), "within_s": 60, **more,
    }  # fmt: skip
    answer: dict[str, Any] = namespace["main"](arguments)
    return answer


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "segs/labels/dicom-seg").glob("*"))


def test_segs_of_served_images_are_stored_once(server: Server, tmp_path: Path) -> None:
    server.series |= {f"5.{number}": ("SEG", IMAGE) for number in range(2, 6)}  # more than a page
    server.series |= {"6": ("SEG", OTHER), "7": ("SEG", "")}  # of an image of another modality, and of none
    first = run(tmp_path, user="u", password="p")
    assert first == {
        "problem": "", "left": 0, "stored": [IMAGE], "absent": [], "skipped": ["7: it refers to no series"],
    }  # fmt: skip
    assert files(tmp_path) == [f"{IMAGE}.seg.5.{number}.1.dcm" for number in range(1, 6)]
    assert server.logins == [("u", "p")]
    server.asked.clear()
    assert run(tmp_path)["stored"] == []
    assert server.asked == []  # not even about the image of another modality
    server.series[OTHER] = ("MR", "")
    assert run(tmp_path, filter={"Modality": "MR"})["stored"] == [OTHER]


def test_the_seg_of_a_submitted_label_is_known_from_the_cache(server: Server, tmp_path: Path) -> None:
    server.down = requests.ConnectionError()  # the list is not needed
    (tmp_path / "cache").mkdir()
    info = {"SeriesInstanceUID": "5.1", "StudyInstanceUID": "9"}
    stored = {"objects": {IMAGE: {"labels": {"final": {"info": info}}}}}
    (tmp_path / "cache/datastore_v2.json").write_text(json.dumps(stored))
    answer = run(tmp_path, images=[IMAGE, OTHER])
    assert (answer["problem"], answer["stored"], answer["absent"]) == ("", [IMAGE], [OTHER])
    (tmp_path / "cache/datastore_v2.json").write_text('{"objects": {"half')
    assert run(tmp_path, images=[OTHER])["absent"] == [OTHER]


def test_a_series_that_fails_stops_no_other(server: Server, tmp_path: Path) -> None:
    server.series |= {"5.0": ("SEG", IMAGE), "5.2": ("SEG", "../../x"), "5.3": ("SEG", IMAGE)}
    server.broken["5.0"] = status(404)
    answer = run(tmp_path)
    assert (
        answer["problem"] == "SEG series 5.0: the DICOM server http://pacs/dicom-web answered with status 404"
    )
    assert files(tmp_path) == [f"{IMAGE}.seg.5.1.1.dcm", f"{IMAGE}.seg.5.3.1.dcm"]
    del server.broken["5.0"]
    assert (run(tmp_path)["problem"], len(files(tmp_path))) == ("", 3)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (requests.ConnectionError(), "can't be reached"),
        (requests.Timeout(), "does not answer"),
        (status(401), "refuses the user name or password"),
    ],
)
def test_a_server_that_fails_is_named_without_a_password(
    server: Server, tmp_path: Path, error: Exception, text: str
) -> None:
    server.down = error
    assert run(tmp_path)["problem"] == f"the DICOM server http://pacs/dicom-web {text}"


def test_what_is_left_after_the_time_is_counted(server: Server, tmp_path: Path) -> None:
    assert run(tmp_path, within_s=-1)["left"] == 1
    assert run(tmp_path)["left"] == 0


def test_a_seg_that_monai_label_does_not_list_is_found_in_the_study_of_its_image(
    server: Server, tmp_path: Path
) -> None:
    server.series["6"] = ("SEG", OTHER)
    assert run(tmp_path, images=[IMAGE])["stored"] == []
    assert run(tmp_path, images=[IMAGE], search=True)["stored"] == [IMAGE]
    assert files(tmp_path) == [f"{IMAGE}.seg.5.1.1.dcm"]  # not that of the study's other series
    assert run(tmp_path, images=["../x"], search=True)["problem"]
    server.series[OTHER] = ("CT", "")
    assert run(tmp_path)["stored"] == [OTHER]
