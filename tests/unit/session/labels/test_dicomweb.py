"""Labels of a DICOMweb server: the files of MONAI Label's cache, and DICOM SEG files that a program fetches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.labels.names import split_label
from labeltui.domain.problems import Failed
from labeltui.domain.rules.conditions import ask_server_stop
from labeltui.monailabel.dicomweb import dicomweb_of
from tests.actions import failing, run_confirmed
from tests.fakes.host import MemoryHost
from tests.fakes.monailabel import FakeMonaiLabel
from tests.fakes.session import memory_session
from tests.virtual_time import in_virtual_time

URL = "http://127.0.0.1:8042/dicom-web"
IMAGE = "1.2.840.1"
SEG = f"{IMAGE}.seg.1.2.276.0.7.dcm"
CACHE = dicomweb_of(URL, None, None, "CT", {}).cache("~/labeltui", "/root")


class Host(MemoryHost):
    """A host with a server on DICOMweb. Its program stores ``segs``, or reports ``problem``."""

    def __init__(self) -> None:
        super().__init__()
        self.segs: dict[str, bytes] = {}
        self.problem = ""
        self.agent.answers["program.run"] = self.fetch
        self.files.folders.add(CACHE)
        self.job = self.agent.start(
            "server", meta={"app": "radiology", "studies": URL, "dicomweb_cache_s": 5}
        )
        self.job.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")

    def runs(self) -> list[Mapping[str, Any]]:
        """The arguments of each run of the program that fetches SEGs."""
        asked = [request["arguments"] for request in self.agent.requests("program.run")]
        return [one for one in asked if "folder" in one]

    def fetch(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        arguments = request["arguments"]
        if "folder" not in arguments:  # the program that lists series
            return {"answer": {"error": "unreachable"}}
        stored = []
        if not self.problem:
            for name, data in self.segs.items():
                self.files.write(f"{arguments['folder']}/labels/dicom-seg/{name}", data)
                stored.append(split_label(name)[0])
            self.segs.clear()
        answer = {"problem": self.problem, "left": 0, "stored": stored, "absent": [], "skipped": []}
        return {"answer": answer}


def copies_of(state: Any) -> LabelCopies:
    assert state.labels.value is not None
    return state.labels.value  # type: ignore[no-any-return]


SETTINGS = {"server": {"studies": URL, "dicomweb_user": "ana", "dicomweb_password_env": "PACS"}}


@in_virtual_time
async def test_label_and_seg_come_home_and_the_server_is_not_asked_for_the_file(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACS", "s3cret")
        host, server = Host(), FakeMonaiLabel()
        host.files.write(f"{CACHE}/labels/final/{IMAGE}.nii.gz", b"label")
        host.segs[SEG] = b"seg"
        async with memory_session(tmp_path, host=host, server=server, profile=SETTINGS) as session:
            state = await session.store.wait_for(
                lambda s: s.labels.value is not None and s.labels.value.safe and s.labels.value.here == 2, 60
            )
            listed = await run_confirmed(session, "labels.list")
    assert copies_of(state).source.endswith(URL)
    assert (tmp_path / "labels/final" / f"{IMAGE}.nii.gz").read_bytes() == b"label"
    assert (tmp_path / "labels/dicom-seg" / SEG).read_bytes() == b"seg"
    assert {(row["study"], row["tag"]) for row in listed["labels"]} == {
        (IMAGE, "final"),
        (IMAGE, "dicom-seg"),
    }
    assert server.asked("GET", "/datastore/label") == []
    program = host.runs()[0]
    assert program["password"] == "s3cret"
    assert program["cache"] == CACHE
    assert program["pid"] == host.job.pid
    assert not any("s3cret" in json.dumps(one["argv"]) for one in host.agent.requests("job.start"))


@pytest.mark.parametrize(
    ("served", "named", "own", "shown", "total"),
    [
        (URL, "~/studies", False, "~/studies", 0),
        ("/root/old", "~/studies", False, "~/studies", 0),
        ("/root/old", "~/new", False, "~/new", 0),  # not there yet
        ("/root/studies", URL, False, URL, 1),
        ("/root/studies", "~/studies", False, "/root/studies", 0),
        ("/root/old", "~/studies", True, "/root/old", 1),  # named for this run: its labels stay known
    ],
)
@in_virtual_time
async def test_after_the_servers_end_the_labels_of_the_profiles_source_are_counted(
    tmp_path: Path, served: str, named: str, own: bool, shown: str, total: int
) -> None:
    host = Host()
    host.job.meta = {**host.job.meta, "studies": served, "own_studies": own}
    host.job.end(0)
    server = FakeMonaiLabel()
    server.up = False
    host.files.folders |= {"/root/old", "/root/studies"}
    host.files.write(f"{CACHE}/labels/final/{IMAGE}.nii.gz", b"label")
    host.files.write("/root/old/labels/final/s1.nii.gz", b"label")
    profile = {"server": {"studies": named}}
    async with memory_session(tmp_path, host=host, server=server, profile=profile) as session:
        await session.readiness.settled()
        status = await run_confirmed(session, "status")
        reading = session.store.state.labels
    assert reading.error is None
    assert copies_of(session.store.state).source.endswith(f":{shown}")
    assert status["labels"]["total"] == total


@in_virtual_time
async def test_the_seg_of_a_submitted_label_follows_it(tmp_path: Path) -> None:
    host = Host()
    async with memory_session(tmp_path, host=host, profile={"server": {"studies": URL}}) as session:
        await session.store.wait_for(lambda s: s.labels.value is not None and s.labels.value.safe, 60)
        runs = len(host.runs())
        host.files.write(f"{CACHE}/labels/final/{IMAGE}.nii.gz", b"label")
        host.segs[SEG] = b"seg"
        host.job.print(
            "[2026-11-23 17:08:17,116] [1] [ThreadPool] [INFO] (monailabel.datastore.local:300) - Saving Label for"
            f" Image: {IMAGE}; Tag: final; Info: {{'client_id': 'ana'}}\n"
        )
        await session.store.wait_for(lambda s: copies_of(s).here == 2, 10)
    assert host.runs()[runs]["images"] == [IMAGE]


@in_virtual_time
async def test_a_dicom_server_that_fails_is_no_complete_list(tmp_path: Path) -> None:
    host = Host()
    host.files.write(f"{CACHE}/labels/final/{IMAGE}.nii.gz", b"label")
    host.problem = f"the DICOM server {URL} can't be reached"
    async with memory_session(tmp_path, host=host, profile={"server": {"studies": URL}}) as session:
        state = await session.store.wait_for(
            lambda s: any(a.key == "labels" for a in s.alerts) and copies_of(s).here == 1, 60
        )
        alert = next(one for one in state.alerts if one.key == "labels")
        error = await failing(session, "labels.pull")
        host.problem = ""
        await session.store.wait_for(lambda s: s.labels.value is not None and s.labels.value.safe, 60)
        assert not any(one.key == "labels" for one in session.store.state.alerts)
    assert (
        alert.message
        == f"Some labels are perhaps not copied to this machine: the DICOM server {URL} can't be reached."
    )
    assert "perhaps not on this machine" in (ask_server_stop(state) or "")
    assert (copies_of(state).here, copies_of(state).safe) == (1, False)
    assert isinstance(error, Failed)
    assert error.problem.code == "labels_not_copied"
    assert "can't be reached" in error.problem.message


@in_virtual_time
async def test_a_password_that_is_not_set_is_named_while_no_server_has_it(tmp_path: Path) -> None:
    host = Host()
    host.job.end(0)
    async with memory_session(tmp_path, host=host, profile=SETTINGS) as session:
        error = await failing(session, "labels.pull")
    assert "takes the DICOMweb password from PACS, which is not set" in error.problem.message
    assert "export PACS" in error.problem.hint
