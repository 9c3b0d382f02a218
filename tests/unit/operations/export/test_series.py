"""Data sets for nnU-Net of images on a DICOMweb server: fetched through the tunnel, and converted on this desk."""

from __future__ import annotations

import asyncio
import importlib
import shutil
from collections.abc import AsyncIterator, Callable
from hashlib import md5
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.operations.export import series
from labeltui.operations.studies.upload import dicomweb
from labeltui.operations.studies.upload.files import FoundFile, LeftOut, Source
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.export.test_cases import Program, asked, place, program
from tests.unit.operations.export.test_nnunet import names_in
from tests.virtual_time import in_virtual_time

__all__ = ["place", "program"]
URL = "http://127.0.0.1:8042/dicom-web"
CACHE = f"/root/.cache/monailabel/dicom/{md5(URL.encode(), usedforsecurity=False).hexdigest()}"


class FakeServer:
    """A DICOMweb server with ``series``: the files of each. A fetch runs the next of ``failures`` first."""

    series: ClassVar[dict[str, list[bytes]]] = {}
    failures: ClassVar[list[Callable[[], None]]] = []
    fetched: ClassVar[list[str]] = []
    urls: ClassVar[list[str]] = []
    size = 10

    def __init__(self, url: str, _shown: str, _login: object) -> None:
        self.urls.append(url)

    async def study_of(self, uid: str) -> str:
        return "9" if uid in self.series else ""

    async def images(self, _study: str, uid: str) -> dict[str, int]:
        return {f"{uid}.{number}": self.size for number in range(len(self.series[uid]))}

    async def fetch(self, _study: str, uid: str) -> AsyncIterator[bytes]:
        self.fetched.append(uid)
        for number, part in enumerate(self.series[uid]):
            if number and self.failures:
                self.failures.pop(0)()
                await asyncio.sleep(0)
            yield part

    async def close(self) -> None:
        return


async def convert(
    sources: list[Source], work: Path, _report: object
) -> tuple[list[FoundFile], list[LeftOut]]:
    """Take the files' bytes for the image."""
    content = b"".join(one.path.read_bytes() for one in sources)
    if content == b"colours":
        return [], [LeftOut(work, "series 1: its voxels are colours")]
    (work / "1.nii.gz").write_bytes(content)
    return [FoundFile(work / "1.nii.gz", sources[0].study, 1, 1)], []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[FakeServer]:
    """Two series that become images."""
    monkeypatch.setattr(dicomweb, "DicomStore", FakeServer)
    monkeypatch.setattr(series, "missing_extra", lambda: False)
    monkeypatch.setattr(series, "convert", convert)
    for name in ("failures", "fetched", "urls"):
        monkeypatch.setattr(FakeServer, name, [])
    monkeypatch.setattr(FakeServer, "series", {"1.2.3": [b"im", b"age"], "1.2.4": [b"other"]})
    return FakeServer


def put_labels(it: Desk, *studies: str) -> None:
    it.host.files.folders.add(CACHE)
    nothing = {"problem": "", "left": 0, "stored": [], "absent": [], "skipped": []}
    it.host.agent.answers["program.run"] = {"answer": nothing}
    it.serve(studies=URL, dicomweb_cache_s=5)
    for study in studies:
        it.host.files.write(f"{CACHE}/labels/final/{study}.nii.gz", b"label of " + study.encode())


def on_dicomweb(folder: Path) -> Any:
    return desk(folder, server={"studies": URL})


@in_virtual_time
async def test_images_come_from_the_server_and_the_rest_is_named(
    tmp_path: Path, place: Path, program: Program, server: type[FakeServer]
) -> None:
    server.series["1.2.5"] = [b"colours"]
    async with on_dicomweb(tmp_path) as it:
        put_labels(it, "1.2.3", "1.2.4", "1.2.5", "1.2.6")
        document = await it.run("labels.export", **asked(place))
        forwards = it.host.forwards
    made = place / "Dataset001_A/imagesTr"
    assert {path.name: path.read_bytes() for path in made.iterdir()} == {
        "1.2.3_0000.nii.gz": b"image", "1.2.4_0000.nii.gz": b"other",
    }  # fmt: skip
    assert {one["study"]: one["why"] for one in document["left_out"]} == {
        "1.2.5": "series 1: its voxels are colours", "1.2.6": "the DICOM server has no such series",
    }  # fmt: skip
    assert names_in(place) == ["Dataset001_A"]
    assert all(":8042" not in url for url in server.urls)  # through the tunnel, which is closed again
    assert all(one.remote_port != 8042 for one in forwards)


@in_virtual_time
async def test_a_lost_connection_is_made_again_and_only_the_rest_is_fetched(
    tmp_path: Path, place: Path, program: Program, server: type[FakeServer]
) -> None:
    def lose() -> None:
        raise Unreachable(Code.DICOMWEB, "The server is gone.")

    server.series["1.2.4"] = [b"oth", b"er"]
    server.failures[:] = [lambda: None, lose, lose]
    async with on_dicomweb(tmp_path) as it:
        put_labels(it, "1.2.3", "1.2.4")
        document = await it.run("labels.export", **asked(place))
        assert any("fetches the rest" in line for line in it.report.lines)
    assert (len(document["exported"]), server.fetched) == (2, ["1.2.3", "1.2.4", "1.2.4", "1.2.4"])


@in_virtual_time
async def test_a_cancelled_export_leaves_no_dicom_and_goes_on_with_what_it_has(
    tmp_path: Path, place: Path, program: Program, server: type[FakeServer]
) -> None:
    server.series["1.2.4"] = [b"oth", b"er"]
    async with on_dicomweb(tmp_path) as it:
        put_labels(it, "1.2.3", "1.2.4")
        server.failures[:] = [lambda: None, lambda: run.cancel() and None]
        run = it.begin("labels.export", **asked(place))
        with pytest.raises(asyncio.CancelledError):
            await run
        images = place / ".Dataset001_A.labeltui-images"
        assert [path.name.split("-")[0] for path in images.glob("*.nii.gz")] == ["1.2.3"]
        assert not (images / "dicom").exists()
        await it.run("labels.export", **asked(place))
    assert server.fetched == ["1.2.3", "1.2.4", "1.2.4"]


@in_virtual_time
async def test_what_does_not_fit_and_what_is_missing_is_said_first(
    tmp_path: Path, place: Path, program: Program, server: type[FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_dicomweb(tmp_path) as it:
        put_labels(it, "1.2.3")
        monkeypatch.setattr(server, "size", 10**15)
        large = await it.failing("labels.export", **asked(place))
        monkeypatch.setattr(server, "size", 0)
        free = SimpleNamespace(free=series.SPARE_BYTES)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _path: free)
            full = await it.failing("labels.export", **asked(place))
        monkeypatch.setattr(series, "missing_extra", lambda: True)
        extra = await it.failing("labels.export", **asked(place))
    assert (large.problem.code, full.problem.code) == (Code.DISK_FULL, Code.DISK_FULL)
    assert extra.problem.code == Code.NOT_INSTALLED
    assert "pip install 'labeltui[dicom]'" in extra.problem.message


@pytest.mark.slow  # needs labeltui[dicom]
async def test_the_image_has_the_voxels_and_the_place_that_simpleitk_reads(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb, "DicomStore", FakeServer)
    itk: Any = importlib.import_module("SimpleITK")
    files: Any = importlib.import_module("tests.dicom_files")
    voxels = np.random.default_rng(3).integers(0, 900, (6, 5, 7)).astype(np.int16)
    paths = files.write_series(
        tmp_path / "s", voxels, orientation=(0.8, 0.6, 0, 0, 0, -1), series_uid="1.2.3"
    )
    monkeypatch.setattr(FakeServer, "series", {"1.2.3": [path.read_bytes() for path in sorted(paths)]})
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "s")))
    expected = reader.Execute()
    mask = itk.Cast(expected > -500, itk.sitkUInt8)
    itk.WriteImage(mask, str(tmp_path / "mask.nii.gz"))
    async with on_dicomweb(tmp_path) as it:
        put_labels(it)
        it.host.files.write(f"{CACHE}/labels/final/1.2.3.nii.gz", (tmp_path / "mask.nii.gz").read_bytes())
        await it.run("labels.export", **asked(place))
    made = itk.ReadImage(str(place / "Dataset001_A/imagesTr/1.2.3_0000.nii.gz"))
    assert (itk.GetArrayFromImage(made) == itk.GetArrayFromImage(expected)).all()
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(made, name)(), getattr(expected, name)(), atol=1e-4)
