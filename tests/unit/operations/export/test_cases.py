"""Exports for nnU-Net with a double of the program that writes cases: the fetch of images, names and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Unreachable
from labeltui.operations.export import dataset, images
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.export.test_nnunet import names_in, serve_files
from tests.virtual_time import in_virtual_time

STUDIES = ("a", "b", "c", "d", "e", "f")
Receive = Callable[[dict[str, Any]], None]


class Program:
    """Takes a case's files as they are. ``ends`` is why it ends early; the requests are in ``asked``."""

    def __init__(self) -> None:
        self.ends = ""
        self.asked: list[dict[str, Any]] = []

    async def run(self, _module: str, request: bytes, receive: Receive, _report: object) -> str:
        asked = json.loads(request)
        self.asked.append(asked)
        for case in asked["cases"]:
            receive(_write(case, Path(asked["target"])))
        return self.ends


def _write(case: dict[str, Any], target: Path) -> dict[str, Any]:
    if Path(case["label"]).read_bytes() == b"damaged":
        return {"left": case["name"], "why": "it can't be read"}
    written = target / "imagesTr" / f"{case['name']}_0000.nii.gz"
    written.parent.mkdir(exist_ok=True)
    written.write_bytes(Path(case["image"]).read_bytes())
    return {"case": case["name"], "values": [1, 200]}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    made = Program()
    monkeypatch.setattr(dataset, "run_program", made.run)
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (folder := tmp_path / "out").mkdir()
    return folder


def put_cases(it: Desk, *studies: str, ending: str = ".nii.gz") -> None:
    for study in studies:
        it.host.files.write(f"~/studies/{study}{ending}", b"image of " + study.encode())
        it.put_label(f"{study}{ending}", b"label of " + study.encode())


def asked(place: Path) -> dict[str, Any]:
    return {"dest": str(place / "Dataset001_A"), "format": "nnunet", "channel": "CT"}


@in_virtual_time
async def test_a_data_set_has_the_complete_cases_and_names_the_others(
    tmp_path: Path, place: Path, program: Program
) -> None:
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        put_cases(it, "a", "b")
        put_cases(it, "n", ending=".nrrd")
        it.put_label("b.nii.gz", b"damaged")
        it.put_label("alone.nii.gz")
        it.put_label("d.mha")
        document = await it.run("labels.export", **asked(place), name={"1": "liver"})
    made = place / "Dataset001_A"
    assert [one["file"] for one in document["exported"]] == ["labelsTr/a.nii.gz", "labelsTr/n.nii.gz"]
    assert {one["study"]: one["why"] for one in document["left_out"]} == {
        "alone": "its image is not on the host",
        "b": "it can't be read",
        "d.mha": "nnU-Net can't read its format",
    }
    assert [Path(case["image"]).name for case in program.asked[0]["cases"]] == [
        "a.nii.gz",
        "b.nii.gz",
        "n.nrrd",
    ]
    assert (made / "imagesTr/n_0000.nii.gz").read_bytes() == b"image of n"
    assert document["dataset"]["labels"]["liver"] == 1
    assert "values without a name are called label_200" in document["message"]
    assert names_in(place) == ["Dataset001_A"]


@in_virtual_time
async def test_a_program_that_ends_early_leaves_no_data_set(
    tmp_path: Path, place: Path, program: Program
) -> None:
    program.ends = "killed"
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        put_cases(it, "a")
        error = await it.failing("labels.export", **asked(place))
    assert (error.problem.code, "killed" in error.problem.message) == (Code.NOT_WRITTEN, True)
    assert not (place / "Dataset001_A").exists()


@in_virtual_time
async def test_no_label_that_is_left_makes_no_data_set(tmp_path: Path, place: Path, program: Program) -> None:
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        it.put_label("alone.nii.gz")
        error = await it.failing("labels.export", **asked(place))
    assert error.problem.code == Code.STUDIES_LEFT_OUT
    assert names_in(place) == []


@in_virtual_time
async def test_a_few_images_are_fetched_at_once_in_order(
    tmp_path: Path, place: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        put_cases(it, *STUDIES)
        begun, running, most, download = list[str](), 0, 0, it.host.download

        async def slow(source: str, target: Path, **more: Any) -> None:
            nonlocal running, most
            if target.name.endswith(".nii.gz") and "/labels/" not in source:
                begun.append(Path(source).name[0])
                running += 1
                most = max(most, running)
                await asyncio.sleep(10)
                running -= 1
            await download(source, target, **more)

        monkeypatch.setattr(it.host, "download", slow)
        document = await it.run("labels.export", **asked(place))
    assert "".join(begun) == "abcdef"
    assert most == images.AT_ONCE
    assert [one["study"] for one in document["exported"]] == list(STUDIES)


@in_virtual_time
async def test_a_lost_connection_fetches_the_rest_and_counts_nothing_twice(
    tmp_path: Path, place: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        put_cases(it, *STUDIES)
        arrived, cuts, download = list[str](), 0, it.host.download
        counted: list[images.UploadProgress] = []

        class Counted(images.UploadProgress):
            def __init__(self, *given: Any) -> None:
                super().__init__(*given)
                counted.append(self)

        async def cut(source: str, target: Path, **more: Any) -> None:
            nonlocal cuts
            if "/labels/" not in source:
                if (study := Path(source).name[0]) == "c" and not cuts:
                    await asyncio.sleep(5)
                    cuts += 1
                    raise Unreachable(Code.CONNECTION_LOST, "The connection was lost.", "")
                more["progress"](4, 10)
                await asyncio.sleep(1 if study < "c" else 9)
                arrived.append(study)
            await download(source, target, **more)

        monkeypatch.setattr(images, "UploadProgress", Counted)
        monkeypatch.setattr(it.host, "download", cut)
        document = await it.run("labels.export", **asked(place))
    assert cuts == 1
    assert sorted(arrived) == list(STUDIES)
    assert (counted[0].files, counted[0].bytes) == (6, sum(len(f"image of {one}") for one in STUDIES))
    assert len(document["exported"]) == len(STUDIES)


@in_virtual_time
async def test_a_host_that_stays_away_ends_the_export_and_what_arrived_is_used_later(
    tmp_path: Path, place: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        put_cases(it, *STUDIES)
        fetched, download, failing = list[str](), it.host.download, True

        async def cut(source: str, target: Path, **more: Any) -> None:
            if "/labels/" not in source:
                if failing and not source.endswith(("/a.nii.gz", "/b.nii.gz")):
                    raise Unreachable(Code.CONNECTION_LOST, "The connection was lost.", "")
                fetched.append(Path(source).name[0])
            await download(source, target, **more)

        monkeypatch.setattr(it.host, "download", cut)
        error = await it.failing("labels.export", **asked(place))
        left, failing = names_in(place), False
        here = place / left[0]
        (here / "a.nii.gz").write_bytes(b"damaged here")
        document = await it.run("labels.export", **asked(place))
    assert error.problem.code == Code.CONNECTION_LOST
    assert left == [".Dataset001_A.labeltui-images"]
    assert sorted(fetched) == sorted(["a", *STUDIES])
    assert len(document["exported"]) == len(STUDIES)
    assert names_in(place) == ["Dataset001_A"]


@in_virtual_time
async def test_images_that_do_not_fit_on_the_disk_are_not_fetched(
    tmp_path: Path, place: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        put_cases(it, "a")
        monkeypatch.setattr(images.shutil, "disk_usage", lambda _folder: type("Usage", (), {"free": 3})())
        error = await it.failing("labels.export", **asked(place))
    assert isinstance(error, Failed)
    assert error.problem.code == Code.DISK_FULL
