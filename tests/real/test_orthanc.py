"""MONAI Label on DICOMweb, beside Orthanc."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from labeltui.monailabel.programs import source_of
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_profile
from tests.actions import FailingPrompter
from tests.real.conftest import PROFILE, Bench, write_config
from tests.real.orthanc import Orthanc
from tests.real.test_main_job import until
from tests.sshd import free_port

SERIES = 3

MAKE_SERIES = """
import sys
from pathlib import Path
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

folder, series, modality = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
storage = {"CT": CTImageStorage, "MR": MRImageStorage}[modality]
for number in range(series):
    study, serie, frame = generate_uid(), generate_uid(), generate_uid()
    for z in range(8):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = storage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        name = folder / f"{modality}-{number}-{z}.dcm"
        ct = FileDataset(str(name), {}, file_meta=meta, preamble=b"\\0" * 128)
        ct.is_little_endian, ct.is_implicit_VR = True, False
        ct.SOPClassUID, ct.SOPInstanceUID = storage, meta.MediaStorageSOPInstanceUID
        ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID = study, serie, frame
        ct.PatientID = ct.PatientName = f"TEST{number}"
        ct.StudyDate = ct.SeriesDate = ct.ContentDate = "20260101"
        ct.StudyTime = ct.SeriesTime = ct.ContentTime = "120000"
        ct.PatientBirthDate, ct.PatientSex, ct.StudyID, ct.AccessionNumber = "", "", "1", ""
        ct.ReferringPhysicianName, ct.Manufacturer, ct.Modality = "", "test", modality
        ct.SeriesDescription = f"\u00e4 [red]{modality}[/] {number}"
        ct.SpecificCharacterSet = "ISO_IR 192"
        ct.SeriesNumber, ct.InstanceNumber = 1, z + 1
        ct.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ct.Rows = ct.Columns = 32
        ct.PixelSpacing, ct.SliceThickness = [1, 1], 1
        ct.ImagePositionPatient, ct.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
        ct.SamplesPerPixel, ct.PhotometricInterpretation = 1, "MONOCHROME2"
        ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.PixelRepresentation = 16, 16, 15, 1
        ct.RescaleIntercept, ct.RescaleSlope = 0, 1
        ct.PixelData = np.full((32, 32), z * 10, np.int16).tobytes()
        ct.save_as(name, write_like_original=False)
"""

SEG_FROM_ELSEWHERE = """
import sys
from pathlib import Path
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import SegmentationStorage, generate_uid

seg, referenced = dcmread(sys.argv[1]), Dataset()
referenced.SeriesInstanceUID = seg.SeriesInstanceUID
seg.ReferencedSeriesSequence = Sequence([referenced])
seg.SOPClassUID = seg.file_meta.MediaStorageSOPClassUID = SegmentationStorage
seg.SOPInstanceUID = seg.file_meta.MediaStorageSOPInstanceUID = generate_uid()
seg.SeriesInstanceUID, seg.Modality = generate_uid(), "SEG"
seg.save_as(sys.argv[2])
print(referenced.SeriesInstanceUID)
"""

NEXT = """
import json, sys
from monailabel.client import MONAILabelClient
client = MONAILabelClient(server_url=sys.argv[1], client_id=sys.argv[2])
print(json.dumps(client.next_sample(sys.argv[3], {}).get("id")))
"""

SUBMIT = """
import sys, tempfile
import nibabel, numpy as np
from monailabel.client import MONAILabelClient
client = MONAILabelClient(server_url=sys.argv[1], client_id=sys.argv[2])
image = nibabel.load(sys.argv[3])
label = np.zeros(image.shape, np.uint8)
label[8:16, 8:16, 2:6] = 1
path = tempfile.mkdtemp() + "/label.nii.gz"
nibabel.save(nibabel.Nifti1Image(label, image.affine), path)
client.save_label(sys.argv[4], path, tag="final", params={"label_info": [{"name": "spleen", "idx": 1}]})
"""


USER = ("annotator", "s3cret pass:word")


@contextmanager
def orthanc_with(
    bench: Bench, folder: Path, *modalities: str, user: tuple[str, str] | None = None
) -> Iterator[Orthanc]:
    """Orthanc with three series of each modality."""
    assert bench.run("setup", timeout=1200).code == 0
    files = folder / "dicom"
    files.mkdir()
    for modality in modalities:
        bench.python(MAKE_SERIES, str(files), str(SERIES), modality)
    with Orthanc(folder / "orthanc", user) as server:
        server.store(files)
        yield server


@pytest.fixture
def orthanc(bench: Bench, tmp_path: Path) -> Iterator[Orthanc]:
    """Orthanc with three CT and three MR series."""
    with orthanc_with(bench, tmp_path, "CT", "MR") as server:
        yield server


@dataclass
class Served:
    """A labeltui whose server serves Orthanc's series. ``url`` is the server's own; host and desk are one machine."""

    bench: Bench
    url: str

    def next(self, client: str, strategy: str = "first") -> str | None:
        """The study that a strategy hands out to a client."""
        study: str | None = json.loads(self.bench.python(NEXT, self.url, client, strategy))
        return study

    def submit(self, client: str, study: str) -> None:
        """Submit a final label, as Slicer does."""
        volume = next((self.bench.home / ".cache/monailabel/dicom").rglob(f"{study}.nii.gz"))
        self.bench.python(SUBMIT, self.url, client, str(volume), study)


@pytest.fixture
def port() -> int:
    """The server's port."""
    return free_port()


def desk_for(bench: Bench, orthanc: Orthanc, port: int, folder: Path, **settings: Any) -> Bench:
    """A labeltui whose profile serves Orthanc's series."""
    config = folder / "config.toml"
    known_hosts = bench.sshd.folder.parent / "known_hosts"
    server = {"studies": orthanc.dicomweb, "port": port, **settings}
    write_config(config, bench.sshd, known_hosts, **server)
    environment = {**bench.environment, "LABELTUI_STATE": str(folder / "state")}
    return replace(bench, config=config, environment=environment)


@pytest.fixture
def desk(bench: Bench, orthanc: Orthanc, port: int, tmp_path: Path) -> Bench:
    """A labeltui whose profile serves Orthanc's series."""
    return desk_for(bench, orthanc, port, tmp_path)


@pytest.fixture
def served(desk: Bench, port: int) -> Iterator[Served]:
    """That labeltui, with its server started."""
    desk.run("server", "stop", "--yes")  # another test's
    started = desk.run("server", "start")
    try:
        assert started.code == 0, started.stdout + started.stderr
        yield Served(desk, f"http://127.0.0.1:{port}")
    finally:
        desk.run("server", "stop", "--yes")


def test_a_finished_series_is_not_handed_out_again(served: Served) -> None:
    first = served.next("alice")
    assert first is not None
    assert served.next("bob") == first  # nobody has finished it
    served.submit("alice", first)
    until("the series is not handed out again", lambda: served.next("bob") != first, 15)
    assert served.next("carol") not in (None, first)


def test_the_worklist_hands_out_each_series_once_and_none_that_is_finished(served: Served) -> None:
    alices, bobs = served.next("alice", "worklist"), served.next("bob", "worklist")
    assert None not in (alices, bobs)
    assert alices != bobs
    assert served.next("alice", "worklist") == alices
    assert alices is not None
    served.submit("alice", alices)
    # MONAI Label's own list of finished series is some seconds old by now.
    third = served.next("alice", "worklist")
    assert third not in (None, alices, bobs)
    assert served.next("carol", "worklist") is None
    listed = served.bench.run("studies", "list").document
    holders = {one["id"]: [h["client"] for h in one["held_by"]] for one in listed["studies"]}
    assert holders == {alices: [], bobs: ["bob"], third: ["alice"]}


def counts(listed: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The numbers of series and of labelled series."""
    return listed["total"], listed["completed"]


def study_in(served: Served, path: Path) -> str:
    """The series that a DICOM file belongs to."""
    read = "import pydicom, sys; print(pydicom.dcmread(sys.argv[1]).SeriesInstanceUID)"
    return served.bench.python(read, str(path)).strip()


def run_program(served: Served, orthanc: Orthanc, **more: Any) -> Any:
    """Run the program that lists series in MONAI Label's Python. Where it is not ``known``, through the server."""
    asked = {
        "url": orthanc.dicomweb, "pid": None, "user": None, "password": None, "filter": {"Modality": "CT"},
        "port": int(served.url.rpartition(":")[2]), "total": SERIES, "series": None, "segs": None, "references": [],
        "known": True, **more,
    }  # fmt: skip
    run = "\nimport sys\nprint(json.dumps(main(json.loads(sys.argv[1]))))"
    return json.loads(served.bench.python(source_of("series") + run, json.dumps(asked)))


def test_series_are_listed_and_counted_before_anybody_fetches_one(
    served: Served, orthanc: Orthanc, tmp_path: Path
) -> None:
    listed = served.bench.run("studies", "list").document
    assert counts(listed) == (orthanc.counts("CT"), 0) == (SERIES, 0)
    assert {(one["modality"], one["images"], one["state"]) for one in listed["studies"]} == {
        ("CT", 8, "unlabelled")
    }
    assert {one["name"] for one in listed["studies"]} == {
        f"\u00e4 [red]CT[/] {number}" for number in range(SERIES)
    }

    study = served.next("alice")
    assert study is not None
    served.submit("alice", study)
    listed = served.bench.run("studies", "list").document
    (labelled,) = (one for one in listed["studies"] if one["state"] == "final")
    assert counts(listed) == (SERIES, orthanc.counts("SEG")) == (SERIES, 1)
    assert (labelled["id"], labelled["submitted_by"]) == (study, {"final": "alice"})

    label_of_another_tool = tmp_path / "elsewhere"
    label_of_another_tool.mkdir()
    other = next(
        one for one in sorted((tmp_path / "dicom").glob("CT-*-0.dcm")) if study_in(served, one) != study
    )
    uid = served.bench.python(SEG_FROM_ELSEWHERE, str(other), str(label_of_another_tool / "seg.dcm")).strip()
    orthanc.store(label_of_another_tool)
    listed = served.bench.run("studies", "list").document
    assert counts(listed) == (SERIES, orthanc.counts("SEG")) == (SERIES, 2)
    assert {one["id"] for one in listed["studies"] if one["state"] == "final"} == {study, uid}

    through_server = run_program(served, orthanc, known=False, series=0)
    assert len(through_server["series"]) == SERIES
    assert len(through_server["segs"]) == 2
    pairs = [[seg[1], seg[0]] for seg in through_server["segs"]]
    references = run_program(served, orthanc, known=False, references=pairs)["references"]
    assert sorted(references.values()) == sorted([[study], [uid]])

    orthanc.stop()
    assert run_program(served, orthanc, series=0) == {"error": "unreachable"}
    failed = served.bench.run("studies", "list")
    said = str(failed.document["error"])
    assert failed.code != 0
    assert orthanc.dicomweb in said, said


async def test_the_list_stays_and_says_why_while_orthanc_is_stopped(
    served: Served, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELTUI_STATE", served.bench.environment["LABELTUI_STATE"])
    session = open_profile(Launch(str(served.bench.config), PROFILE), FailingPrompter())
    await session.start(hold=False)
    try:
        listed = await session.store.wait_for(lambda s: s.queue.value is not None, 60)
        orthanc.stop()
        failed = await session.store.wait_for(lambda s: s.queue.error is not None, 150)
        assert failed.queue.error == f"{orthanc.dicomweb} can't be reached from the host."
        for state in (listed, failed):
            assert state.queue.value is not None
            assert state.queue.value.total == SERIES
        orthanc.start()
        await session.store.wait_for(lambda s: s.queue.error is None, 150)
    finally:
        await session.close()


def test_a_server_with_a_login_prefixes_and_mr_only_is_listed_for_the_right_modality(
    bench: Bench, port: int, tmp_path: Path
) -> None:
    with orthanc_with(bench, tmp_path, "MR", user=USER) as orthanc:
        login = {"dicomweb_user": USER[0], "dicomweb_password_env": "ORTHANC_PASSWORD"}
        prefixes = {f"MONAI_LABEL_{service}_PREFIX": "dicom-web" for service in ("QIDO", "WADO", "STOW")}
        settings = {"studies": orthanc.url, "env": prefixes, **login}
        other_desk = desk_for(bench, orthanc, port, tmp_path, **settings)  # without the password
        desk = replace(other_desk, environment={**other_desk.environment, "ORTHANC_PASSWORD": USER[1]})
        desk.run("server", "stop", "--yes")  # another test's
        try:
            assert desk.run("server", "start").code == 0
            listed = other_desk.run("studies", "list").document
            assert (counts(listed), listed["modality"], listed["other_modalities"]) == ((0, 0), "CT", ["MR"])

            desk.run("server", "stop", "--yes")
            assert desk.run("server", "start", "--dicomweb-modality", "MR").code == 0
            listed = other_desk.run("studies", "list").document
            assert counts(listed) == (orthanc.counts("MR"), 0) == (SERIES, 0)
            assert USER[1] not in desk.run("server", "logs").stdout
        finally:
            desk.run("server", "stop", "--yes")
