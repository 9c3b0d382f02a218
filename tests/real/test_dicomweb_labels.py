"""Labels of a DICOMweb server come home: as files of MONAI Label's cache, and as DICOM SEG."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import nibabel
import numpy as np
import pytest

from tests.real.conftest import PROFILE, Bench, pip_arguments
from tests.real.orthanc import Orthanc
from tests.real.test_orthanc import USER, Served, desk_for, orthanc_with
from tests.sshd import free_port

POINTS = """
import json, sys
import nibabel, numpy as np, pydicom

def points(array, affine, signs):
    at = np.argwhere(np.asarray(array) > 0)
    at = np.c_[at, np.ones(len(at))] @ np.asarray(affine).T
    return sorted(np.round(at[:, :3] * signs, 3).tolist())

label = nibabel.load(sys.argv[2])
mine = points(label.dataobj, label.affine, [-1, -1, 1])  # NIfTI's x and y point the other way
seg = pydicom.dcmread(sys.argv[1])
theirs = READ
print(json.dumps([str(seg.ReferencedSeriesSequence[0].SeriesInstanceUID), len(mine), mine == theirs]))
"""
WITH_PYDICOM = """
def voxels(seg):
    shared = seg.SharedFunctionalGroupsSequence[0]
    step_y, step_x = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    along = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    for frame, plane in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence):
        origin = np.array(plane.PlanePositionSequence[0].ImagePositionPatient, float)
        for y, x in np.argwhere(frame):
            yield np.round(origin + x * step_x * along[:3] + y * step_y * along[3:], 3).tolist()
""" + POINTS.replace("READ", "sorted(voxels(seg))")
WITH_HIGHDICOM = """
import highdicom
def voxels(path):
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    return points(volume.array, volume.affine, [1, 1, 1])
""" + POINTS.replace("READ", "voxels(sys.argv[1])")


PUT = """
import sys
from monailabel.client import MONAILabelClient
MONAILabelClient(server_url=sys.argv[1], client_id="model").save_label(sys.argv[2], sys.argv[3], tag="original")
"""


@dataclass
class Labelled(Served):
    """A labeltui whose server serves Orthanc's series, and copies labels to ``folder``."""

    orthanc: Orthanc
    folder: Path

    @property
    def cache(self) -> Path:
        """MONAI Label's cache of Orthanc's series, on the host."""
        digest = hashlib.md5(self.orthanc.dicomweb.encode(), usedforsecurity=False).hexdigest()
        return self.bench.home / ".cache/monailabel/dicom" / digest

    def copies(self, tag: str) -> list[Path]:
        """The copies of labels with a tag."""
        return sorted((self.folder / tag).glob("*.*"))

    def new_pod(self) -> None:
        """Start the server without its cache."""
        self.bench.run("server", "stop", "--yes")
        shutil.rmtree(self.cache)
        assert self.bench.run("server", "start").code == 0

    def label(self, client: str) -> str:
        """Fetch a study and submit a final label of it. Returns the study."""
        study = self.next(client)
        assert study is not None
        self.submit(client, study)
        return study


@pytest.fixture(params=[None, USER], ids=["open", "login"])
def served(bench: Bench, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Labelled]:
    """Orthanc with three CT series, with and without a login, and a server on it."""
    user, port, folder = request.param, free_port(), tmp_path / "copies"
    login = {"dicomweb_user": USER[0], "dicomweb_password_env": "ORTHANC"} if user else {}
    with orthanc_with(bench, tmp_path, "CT", user=user) as orthanc:
        desk = desk_for(bench, orthanc, port, tmp_path, **login)
        settings = f"[profiles.{PROFILE}.labels]\nfolder = {json.dumps(str(folder))}\n"
        desk.config.write_text(desk.config.read_text() + settings)
        desk = replace(desk, environment={**desk.environment, "ORTHANC": USER[1]})
        desk.run("server", "stop", "--yes")  # another test's
        started = desk.run("server", "start")
        try:
            assert started.code == 0, started.stdout + started.stderr
            yield Labelled(desk, f"http://127.0.0.1:{port}", orthanc, folder)
        finally:
            desk.run("server", "stop", "--yes")


@pytest.fixture(scope="module")
def highdicom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with highdicom, which needs another pydicom than MONAI Label."""
    folder = tmp_path_factory.mktemp("highdicom")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    install = [str(python), "-m", "pip", "install", "-q", *pip_arguments(), "highdicom", "nibabel"]
    subprocess.run(install, check=True, timeout=600)
    return python


def export_for_nnunet(served: Labelled, study: str, dest: Path) -> None:
    """Export a data set, and compare its image with the one that MONAI Label has made of the same series."""
    exported = served.bench.run("labels", "export", str(dest), "--format", "nnunet", "--channel", "CT")
    assert exported.code == 0, exported.stdout + exported.stderr
    assert [one["study"] for one in exported.document["exported"]] == [study]
    images = [served.cache / f"{study}.nii.gz", dest / f"imagesTr/{study}_0000.nii.gz"]
    own, made = (nibabel.load(path) for path in images)
    assert np.array_equal(np.asarray(own.dataobj), np.asarray(made.dataobj))
    assert np.allclose(own.affine, made.affine, atol=1e-5)


def test_a_label_comes_home_as_file_and_as_seg(served: Labelled, highdicom: Path) -> None:
    study = served.label("alice")
    pulled = served.bench.run("labels", "pull")
    assert pulled.code == 0, pulled.stdout + pulled.stderr
    (label,), (seg,) = served.copies("final"), served.copies("dicom-seg")
    assert label.read_bytes() == (served.cache / "labels/final" / label.name).read_bytes()
    assert seg.name.startswith(f"{study}.seg.")
    read = served.bench.python(WITH_PYDICOM, str(seg), str(label))
    assert json.loads(read) == [study, 256, True]
    read = subprocess.run(
        [highdicom, "-c", WITH_HIGHDICOM, seg, label], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(read) == [study, 256, True]
    rows = served.bench.run("labels", "list").document["labels"]
    assert {(row["study"], row["tag"], row["who"]) for row in rows} == {
        (study, "final", "alice"),
        (study, "dicom-seg", None),
    }
    assert served.bench.run("labels", "verify").document["same"] == 2
    log = next(served.bench.folder.rglob("stdout.log")).read_text(errors="replace")
    assert "not a DICOM-SEG" not in log


def test_a_seg_that_the_cache_does_not_hold_comes_home(served: Labelled, tmp_path: Path) -> None:
    study = served.label("alice")
    picture = ("studies", "preview", study, "--replace", "--out", str(tmp_path / "a.png"))
    drawn = served.bench.run(*picture)
    assert drawn.code == 0, drawn.stdout + drawn.stderr
    of_nifti = (tmp_path / "a.png").read_bytes()
    (served.cache / f"{study}.nii.gz").unlink()
    again = served.bench.run(*picture).document  # of the DICOM files
    assert (again["labels"], again["size"]) == (drawn.document["labels"], drawn.document["size"])
    assert (again["labels"][0]["resampled"], again["labels"][0]["segments"][0]["voxels"]) == (False, 256)
    assert (tmp_path / "a.png").read_bytes() == of_nifti
    served.new_pod()
    left = set(Path(tempfile.gettempdir()).glob("labeltui-preview-*"))
    fetched = served.bench.run(*picture)  # of the DICOM server
    assert fetched.code == 0, fetched.stdout + fetched.stderr
    assert fetched.document["size"] == drawn.document["size"]
    (seg,) = fetched.document["labels"]
    assert (seg["tag"], seg["error"], seg["resampled"]) == ("dicom-seg", None, False)
    assert [(one["name"], one["voxels"]) for one in seg["segments"]] == [("spleen", 256)]
    assert fetched.document["slices"] == drawn.document["slices"]  # those with most of the label
    assert not (served.cache / study).exists()
    assert set(Path(tempfile.gettempdir()).glob("labeltui-preview-*")) <= left
    pulled = served.bench.run("labels", "pull")
    assert pulled.code == 0, pulled.stdout + pulled.stderr
    assert served.copies("final") == []
    assert [one.name.split(".seg.")[0] for one in served.copies("dicom-seg")] == [study]


def test_a_stopped_orthanc_is_said_in_words(served: Labelled) -> None:
    served.label("alice")
    served.orthanc.stop()
    pulled = served.bench.run("labels", "pull")
    assert pulled.code == 1
    assert "can't be reached" in pulled.document["error"]["message"]
    assert "Traceback" not in pulled.stdout + pulled.stderr
    assert len(served.copies("final")) == 1
    assert served.copies("dicom-seg") == []


@pytest.mark.parametrize("served", [USER], indirect=True, ids=["login"])
def test_a_label_goes_back_to_a_dicom_server_that_lost_it(served: Labelled, tmp_path: Path) -> None:
    study = served.label("alice")
    assert served.bench.run("labels", "pull").code == 0
    export_for_nnunet(served, study, tmp_path / "Dataset001_A")
    (label,) = served.copies("final")

    served.new_pod()
    left = served.bench.run("labels", "restore", "--yes").document
    assert ([row["study"] for row in left["left"]], left["restored"]) == (
        [study],
        [],
    )  # the SEG may be another label

    query = {"Level": "Series", "Query": {"Modality": "SEG"}}
    for series in served.orthanc.http.post("/tools/find", json=query).raise_for_status().json():
        served.orthanc.http.delete(f"/series/{series}").raise_for_status()
    served.new_pod()
    restored = served.bench.run("labels", "restore", "--yes")
    assert restored.code == 0, restored.stdout + restored.stderr
    assert [row["who"] for row in restored.document["restored"]] == ["alice"]
    assert served.orthanc.counts("SEG") == 1
    assert (served.cache / "labels/final" / label.name).read_bytes() == label.read_bytes()
    assert served.bench.run("labels", "restore", "--yes").document["same"] == 1


@pytest.mark.parametrize("served", [USER], indirect=True, ids=["login"])
def test_a_label_that_is_only_in_the_cache_can_be_deleted_and_the_dicom_servers_can_not(
    served: Labelled,
) -> None:
    study = served.label("alice")
    final = served.cache / "labels/final" / f"{study}.nii.gz"
    original = served.cache / "labels/original" / final.name
    served.bench.python(PUT, served.url, study, str(final))
    content = original.read_bytes()
    deleted = served.bench.run("studies", "delete", study, "--label", "original", "--yes")
    assert deleted.code == 0, deleted.stdout + deleted.stderr
    assert not original.exists()
    restored = served.bench.run("studies", "restore", study, "--yes")
    assert restored.code == 0, restored.stdout + restored.stderr
    assert original.read_bytes() == content
    for words in ((), ("--label", "final")):
        refused = served.bench.run("studies", "delete", study, *words, "--yes")
        assert (refused.code, refused.document["error"]["code"]) == (3, "not_permitted")
    assert (final.exists(), served.orthanc.counts("CT"), served.orthanc.counts("SEG")) == (True, 3, 1)
    assert httpx.delete(f"{served.url}/datastore/label?id={study}&tag=final", timeout=60).status_code == 500
