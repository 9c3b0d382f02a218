"""A server on DICOMweb: the list and its counts, how often it is read, and the screen when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.studies.study import StudyQueue
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

URL = "http://user:hidden@10.0.0.9:8042/dicom-web/"
SHOWN = "http://10.0.0.9:8042/dicom-web"
HOSTILE = "[red]x[/]\x1b]0;title\x07\nnew"


def row(
    uid: str, modality: str = "CT", name: str = "abdomen", images: Any = 8, refers: Any = None
) -> list[Any]:
    return [uid, f"study-{uid}", modality, name, images, refers]


class Dicomweb:
    """Answers the program that lists series. ``failure`` is its answer, or the error of its run, instead."""

    def __init__(self) -> None:
        self.series = [row("1.1"), row("1.2", name=HOSTILE, images=None), row("1.3")]
        self.segs: list[Any] = []
        self.references: dict[str, Any] = {}
        self.filter: dict[str, Any] = {"Modality": "CT"}
        self.others: list[str] = []
        self.failure: Any = None
        self.page = 1000
        self.asked: list[Mapping[str, Any]] = []
        self.took_s = 0.0

    def __call__(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = request["arguments"]
        if "images" in asked:  # the program that fetches SEGs
            return {"answer": {"problem": "", "left": 0, "stored": [], "absent": [], "skipped": []}}
        self.asked.append(asked)
        if isinstance(self.failure, Exception):
            raise self.failure
        if self.failure is not None:
            return {"answer": self.failure}
        answer: dict[str, Any] = {"filter": self.filter, "others": self.others, "references": {}}
        for name, rows in (("series", self.series), ("segs", self.segs)):
            start = asked[name]
            if start is not None:
                answer[name] = rows[start : start + self.page]
                more = start + self.page < len(rows)
                answer[f"next_{name}"] = start + self.page if more else None
        answer["references"] = {seg: self.references[seg] for _study, seg in asked["references"]}
        return {"answer": answer}

    @property
    def lists(self) -> int:
        """How many lists were begun."""
        return sum(one["series"] == 0 for one in self.asked)


@asynccontextmanager
async def dicomweb_desk(
    folder: Path, *, foreign: bool = False, **settings: Any
) -> AsyncIterator[tuple[Desk, Dicomweb]]:
    server = {"studies": URL, **settings}
    async with desk(folder, start=False, server=server) as it:
        dicomweb = Dicomweb()
        it.host.agent.answers["program.run"] = dicomweb
        it.server.datastore = {"objects": {}}
        info = {**recorded("info"), "datastore": {"total": 3, "completed": 0, "label_tags": {}}}
        it.server.documents["GET", "/info/"] = info
        if foreign:
            it.server.up = True
            it.host.agent.servers = [{"pid": 77, "port": 8000, "studies": URL}]
        else:
            it.serve(studies=URL)
        await it.session.start()
        yield it, dicomweb


async def queue_of(it: Desk, wanted: Callable[[StudyQueue], bool] = lambda _queue: True) -> StudyQueue:
    state = await it.session.store.wait_for(
        lambda s: s.queue.value is not None and wanted(s.queue.value), 300
    )
    assert state.queue.value is not None
    return state.queue.value


async def failure_of(it: Desk) -> str:
    state = await it.session.store.wait_for(
        lambda s: (s.queue.error or "The server").startswith(("http", "python", "The agent", "The program")),
        300,
    )
    return state.queue.error or ""


@in_virtual_time
async def test_every_series_is_listed_although_nobody_has_fetched_one(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        dicomweb.page = 2
        document = await it.run("studies.list")
    assert (document["total"], document["completed"], document["modality"]) == (3, 0, "CT")
    assert [one["id"] for one in document["studies"]] == ["1.1", "1.2", "1.3"]
    assert (document["studies"][0]["name"], document["studies"][0]["images"]) == ("abdomen", 8)
    assert document["studies"][1]["name"] == "[red]x[/] ]0;title  new"  # literal, without control characters
    assert document["studies"][1]["images"] is None


@in_virtual_time
async def test_the_password_goes_to_the_program_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cret")
    async with dicomweb_desk(tmp_path, dicomweb_user="u", dicomweb_password_env="PW") as (it, dicomweb):
        await queue_of(it)
        job = it.host.agent.jobs["server"]
        assert (dicomweb.asked[0]["user"], dicomweb.asked[0]["password"]) == ("u", "s3cret")
        assert dicomweb.asked[0]["url"] == URL.rstrip("/")  # as MONAI Label does
        assert (dicomweb.asked[0]["pid"], dicomweb.asked[0]["known"]) == (job.pid, True)
        assert not any("s3cret" in str(one) for one in it.host.agent.asked if one["op"] != "program.run")


@in_virtual_time
async def test_fetches_and_tags_come_from_the_server(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        cached = recorded("dicomweb_datastore_all_after_next")["objects"]
        uid, entry = next(iter(cached.items()))
        it.server.datastore = {"objects": {uid: entry, "9.9": entry}}
        dicomweb.series.append(row(uid))
        queue = await queue_of(it, lambda queue: queue.total == 4)
    study = next(one for one in queue.studies if one.id == uid)
    assert study.fetches
    assert (study.modality, study.images) == ("CT", 8)
    assert "9.9" not in {one.id for one in queue.studies}  # it doesn't match the filter


@in_virtual_time
async def test_labelled_series_are_counted_once_and_each_seg_is_read_once(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        # Two readers of one series, and a SEG of a series that the filter leaves out.
        dicomweb.segs = [row(f"3.{n}", "SEG") for n in (1, 2, 3)] + [row("3.4", "SEG", refers=["1.3"])]
        dicomweb.references = {"3.1": ["1.1"], "3.2": ["1.1"], "3.3": ["2.1"]}
        queue = await queue_of(it)
        await asyncio.sleep(200)
        read = [seg for asked in dicomweb.asked for _study, seg in asked["references"]]
        assert dicomweb.lists > 1
        assert sorted(read) == ["3.1", "3.2", "3.3"]
        dicomweb.segs = dicomweb.segs[2:]  # deleted elsewhere
        await queue_of(it, lambda queue: queue.completed == 1)
    assert queue.completed == 2
    assert {study.id for study in queue.studies if study.state == "final"} == {"1.1", "1.3"}
    assert queue.label_tags == {"final": 2}


@in_virtual_time
async def test_the_number_of_labelled_series_is_unknown_while_a_seg_can_not_be_read(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        dicomweb.segs, dicomweb.references = [row("3.1", "SEG")], {"3.1": None}
        document = await it.run("studies.list")
        assert document["completed"] is None
        assert (
            document["source_problem"]
            == "The number of labelled series is not known, because 1 SEG can't be read."
        )
        dicomweb.references = {"3.1": ["1.1"]}
        await queue_of(it, lambda queue: queue.completed == 1 and not queue.source_problem)


@in_virtual_time
async def test_the_servers_counts_are_shown_where_they_differ(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        queue = await queue_of(it, lambda queue: queue.server_total == 3)
        assert not queue.server_differs
        dicomweb.series.append(row("1.4"))
        queue = await queue_of(it, lambda queue: queue.total == 4)
    assert queue.server_differs


@in_virtual_time
async def test_a_filter_that_leaves_everything_out_is_an_alert(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        dicomweb.series, dicomweb.others = [], ["MR", HOSTILE]
        queue = await queue_of(it)
        alerts = {alert.key: alert.message for alert in it.session.store.state.alerts}
        said = "The DICOMweb server has no series of the modality CT, only of MR, [red]x[/] ]0;title  new."
        assert queue.filtered_out == alerts["modality"] == said
        dicomweb.series = [row("1.1")]
        await queue_of(it, lambda queue: queue.total == 1)
        assert all(alert.key != "modality" for alert in it.session.store.state.alerts)


LINE = "[2026-11-26 15:20:00,169] [7] [MainThread] [INFO] "
LABEL = f"{LINE}(monailabel.datastore.local:430) - Saving Label for Image: 1.1; Tag: final; Info: {{}}\n"
FETCH = f"{LINE}(monailabel.endpoints.activelearning:60) - Next sample: {{'id': '1.2'}}\n"


@in_virtual_time
async def test_a_saved_label_or_a_changed_count_lists_again_and_a_fetch_does_not(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        await queue_of(it)
        server = it.host.agent.jobs["server"]
        for line, lists in ((FETCH, 0), (LABEL, 1)):
            before = dicomweb.lists
            asked = len(it.server.asked("GET", "/datastore/"))
            server.print(line)
            await asyncio.sleep(5)
            assert len(it.server.asked("GET", "/datastore/")) > asked
            assert dicomweb.lists == before + lists
        before = dicomweb.lists
        it.server.documents["GET", "/info/"]["datastore"]["completed"] = 1
        await asyncio.sleep(40)
        assert dicomweb.lists == before + 1  # counts that stay different are no reason for another


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"error": "status", "status": 401}, f"{SHOWN} refuses the user or the password (HTTP 401)."),
        ({"error": "status", "status": 500}, f"{SHOWN} answered a search for series with HTTP 500."),
        ({"error": "timeout"}, f"{SHOWN} did not answer a search for series in time."),
        ({"error": "unreachable"}, f"{SHOWN} can't be reached from the host."),
        ({"error": "garbled"}, f"{SHOWN} sent no usable list of series."),
        ({"error": HOSTILE}, f"{SHOWN} sent no usable list of series."),
        (["no", "object"], "The agent's answer can't be read"),
        ({"series": [["1.1"]], "next_series": None}, "The agent's answer can't be read"),
        (
            Failed(Code.reported("program_failed"), "The program failed: it gave no answer."),
            "it gave no answer",
        ),
        (
            Failed(Code.reported("program_slow"), "The program did not end within 90 s."),
            "did not end within 90 s",
        ),
    ],
)
@in_virtual_time
async def test_a_failure_is_said_and_the_last_list_stays(tmp_path: Path, failure: Any, said: str) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        await queue_of(it)
        dicomweb.failure = failure
        error = await failure_of(it)
        assert said in error
        assert "hidden" not in error
        assert (await queue_of(it)).total == 3
        dicomweb.failure = None
        await it.session.store.wait_for(lambda s: s.queue.error is None, 300)


@in_virtual_time
async def test_a_failure_before_the_first_list_fails_the_command(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        dicomweb.failure = {"error": "unreachable"}
        error = await it.failing("studies.list")
    assert error.problem.code == "no_queue"
    assert f"{SHOWN} can't be reached from the host" in error.problem.message


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"error": "many"}, "at most 2000 series"),
        (Failed(Code.PROGRAM_FAILED, "python can't be run."), "python can't be run."),
    ],
)
@in_virtual_time
async def test_a_server_that_can_not_be_listed_has_the_counts_that_it_reports(
    tmp_path: Path, failure: Any, said: str
) -> None:
    async with dicomweb_desk(tmp_path, foreign=True) as (it, dicomweb):
        dicomweb.failure = failure
        document = await it.run("studies.list")
        assert (dicomweb.asked[-1]["pid"], dicomweb.asked[-1]["known"]) == (77, False)
    assert (document["total"], document["completed"], document["studies"]) == (None, None, None)
    assert (document["server_total"], document["server_completed"]) == (3, 0)
    assert said in document["source_problem"]


@in_virtual_time
async def test_pages_without_end_are_a_failure(tmp_path: Path) -> None:
    async with dicomweb_desk(tmp_path) as (it, dicomweb):
        dicomweb.failure = {"series": [row("1.1")], "next_series": 1}
        assert await failure_of(it) == f"{SHOWN} sent no usable list of series."
