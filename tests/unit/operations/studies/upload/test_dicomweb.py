"""``studies upload`` to a DICOMweb server: consent first, then only what the server lacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.monailabel.stow import Instance
from labeltui.operations.studies.upload import dicomweb
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

URL = "http://user:pass@127.0.0.1:8042/dicom-web"
SUMMARY = {"headers": ["PatientName", "PatientID"], "removed": ["PatientAge"], "patients": 1, "burnt_in": 2}


class FakeStore:
    """A DICOMweb server in memory. The first ``losing`` uploads lose their connection after one file."""

    there: ClassVar[set[str]] = set()
    urls: ClassVar[list[str]] = []
    losing = 0

    def __init__(self, url: str, shown: str, login: tuple[str, str] | None) -> None:
        self.urls.append(url)
        assert "pass" not in shown

    async def instances(self, _study: str, _series: str) -> set[str]:
        return set(self.there)

    async def store(self, files: list[Instance], stored: Any) -> None:
        for one in files:
            self.there.add(one.sop)
            if FakeStore.losing:
                FakeStore.losing -= 1
                raise Unreachable(Code.DICOMWEB, "The server is gone.")
            stored(one, "")

    async def close(self) -> None:
        return


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three DICOM files. The secrets that the program got are the names of files in ``secrets``."""
    folder = tmp_path / "ct"
    folder.mkdir()
    for number in range(3):
        (folder / str(number)).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "secrets").mkdir()

    async def prepare_dicom(
        sources: Any, _work: Path, secret: str, instances: list[Instance], _left: Any, _report: Any
    ) -> Mapping[str, Any]:
        (tmp_path / "secrets" / (secret or "none")).touch()
        instances += [Instance(one.path, one.path, 132, "1", "1.2", one.path.name) for one in sources]
        return SUMMARY

    monkeypatch.setattr(dicomweb, "missing_extra", lambda: False)
    monkeypatch.setattr(dicomweb, "prepare_dicom", prepare_dicom)
    monkeypatch.setattr(dicomweb, "DicomStore", FakeStore)
    monkeypatch.setattr(FakeStore, "there", set())
    monkeypatch.setattr(FakeStore, "urls", [])
    return folder


@in_virtual_time
async def test_nothing_goes_before_the_operator_agrees(tmp_path: Path, scans: Path) -> None:
    async with desk(tmp_path, server={"studies": URL}) as it:
        error = await it.failing("studies.upload", paths=(str(scans),))
        both = await it.failing("studies.upload", paths=(str(scans),), deidentify=True, identified=True)
        dry = await it.run("studies.upload", paths=(str(scans),), dry_run=True)
    assert (error.problem.code, error.exit_code, FakeStore.urls) == ("unconfirmed", 3, [])
    assert "PatientName, PatientID" in error.problem.message
    assert "2 files may show names in their pixels" in error.problem.message
    assert "pass" not in error.problem.message
    assert error.problem.offers == ("upload.deidentify", "upload.identified")
    assert both.problem.code == "bad_parameter"
    assert (dry["identifying"], dry["burnt_in"], len(dry["sent"])) == (["PatientName", "PatientID"], 2, 3)


@in_virtual_time
async def test_what_the_server_has_is_not_sent_again_through_the_tunnel(tmp_path: Path, scans: Path) -> None:
    FakeStore.there.add("1")
    async with desk(tmp_path, server={"studies": URL}) as it:
        document = await it.run("studies.upload", paths=(str(scans),), identified=True)
        port = it.host.forwards
    assert (document["same"], [Path(row["file"]).name for row in document["sent"]]) == (1, ["0", "2"])
    assert "2 DICOM files of 1 series sent" in document["message"]
    assert "8042" not in FakeStore.urls[0]
    assert all(one.remote_port != 8042 for one in port)  # the forward is closed again


@in_virtual_time
async def test_a_lost_connection_is_made_again(tmp_path: Path, scans: Path) -> None:
    FakeStore.losing = 2
    async with desk(tmp_path, server={"studies": URL}) as it:
        document = await it.run("studies.upload", paths=(str(scans),), identified=True)
    assert (len(document["sent"]), document["same"], len(FakeStore.urls)) == (1, 2, 3)
    assert any("sends the rest" in line for line in it.report.lines)


@in_virtual_time
async def test_the_same_ids_come_out_at_every_upload_of_a_profile(tmp_path: Path, scans: Path) -> None:
    async with desk(tmp_path, server={"studies": URL}) as it:
        document = await it.run("studies.upload", paths=(str(scans),), deidentify=True)
        await it.run("studies.upload", paths=(str(scans),), deidentify=True)
        lines = it.report.lines
        stored = it.session.state_folder.folder
    (secret,) = (path.name for path in (tmp_path / "secrets").iterdir())
    assert len(secret) == 64
    assert document["removed"] == ["PatientAge"]
    assert document["identifying"] == []
    assert "Removed: PatientAge" in lines
    assert all(path.stat().st_mode & 0o077 == 0 for path in stored.rglob("deidentify*"))


@in_virtual_time
async def test_other_files_stay_here_and_the_extra_is_named(
    tmp_path: Path, scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "a.nii"
    image.write_bytes(b"x")
    async with desk(tmp_path, server={"studies": URL}) as it:
        nothing = await it.failing("studies.upload", paths=(str(image),))
        monkeypatch.setattr(dicomweb, "missing_extra", lambda: True)
        missing = await it.failing("studies.upload", paths=(str(scans),))
    assert nothing.problem.code == "studies_left_out"
    assert "takes DICOM only" in nothing.problem.message
    assert missing.problem.code == "not_installed"
    assert "pip install 'labeltui[dicom]'" in missing.problem.message
