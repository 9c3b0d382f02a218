"""MONAI Label on DICOMweb, beside Orthanc."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.real.conftest import Bench, write_config
from tests.real.orthanc import Orthanc
from tests.real.test_main_job import until
from tests.sshd import free_port

SERIES = 3

MAKE_SERIES = """
import sys
from pathlib import Path
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

folder, series = Path(sys.argv[1]), int(sys.argv[2])
for number in range(series):
    study, serie, frame = generate_uid(), generate_uid(), generate_uid()
    for z in range(8):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        name = folder / f"{number}-{z}.dcm"
        ct = FileDataset(str(name), {}, file_meta=meta, preamble=b"\\0" * 128)
        ct.is_little_endian, ct.is_implicit_VR = True, False
        ct.SOPClassUID, ct.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID = study, serie, frame
        ct.PatientID = ct.PatientName = f"TEST{number}"
        ct.StudyDate = ct.SeriesDate = ct.ContentDate = "20260101"
        ct.StudyTime = ct.SeriesTime = ct.ContentTime = "120000"
        ct.PatientBirthDate, ct.PatientSex, ct.StudyID, ct.AccessionNumber = "", "", "1", ""
        ct.ReferringPhysicianName, ct.Manufacturer, ct.Modality = "", "test", "CT"
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

NEXT = """
import json, sys
from monailabel.client import MONAILabelClient
client = MONAILabelClient(server_url=sys.argv[1], client_id=sys.argv[2])
print(json.dumps(client.next_sample("first", {}).get("id")))
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


@pytest.fixture
def orthanc(bench: Bench, tmp_path: Path) -> Iterator[Orthanc]:
    """Orthanc with three CT series."""
    assert bench.run("setup", timeout=1200).code == 0
    files = tmp_path / "dicom"
    files.mkdir()
    bench.python(MAKE_SERIES, str(files), str(SERIES))
    with Orthanc(tmp_path / "orthanc") as server:
        server.store(files)
        yield server


@dataclass
class Served:
    """A labeltui whose server serves Orthanc's series. ``url`` is the server's own; host and desk are one machine."""

    bench: Bench
    url: str

    def next(self, client: str) -> str | None:
        """The study that the strategy ``first`` hands out to a client."""
        study: str | None = json.loads(self.bench.python(NEXT, self.url, client))
        return study

    def submit(self, client: str, study: str) -> None:
        """Submit a final label, as Slicer does."""
        volume = next((self.bench.home / ".cache/monailabel/dicom").rglob(f"{study}.nii.gz"))
        self.bench.python(SUBMIT, self.url, client, str(volume), study)


@pytest.fixture
def port() -> int:
    """The server's port."""
    return free_port()


@pytest.fixture
def desk(bench: Bench, orthanc: Orthanc, port: int, tmp_path: Path) -> Bench:
    """A labeltui whose profile serves Orthanc's series."""
    config = tmp_path / "config.toml"
    known_hosts = bench.sshd.folder.parent / "known_hosts"
    write_config(config, bench.sshd, known_hosts, studies=orthanc.dicomweb, port=port)
    environment = {**bench.environment, "LABELTUI_STATE": str(tmp_path / "state")}
    return replace(bench, config=config, environment=environment)


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
