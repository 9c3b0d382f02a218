"""DICOM files go to Orthanc by STOW-RS through the tunnel, after consent, with or without their headers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.dicom_files import write_series
from tests.real.conftest import PROFILE, Bench, write_config
from tests.real.orthanc import Orthanc
from tests.real.test_orthanc import USER
from tests.sshd import free_port


@pytest.fixture
def desk(bench: Bench, tmp_path: Path) -> Iterator[tuple[Bench, Orthanc]]:
    """A profile whose studies are on an Orthanc with a login; MONAI Label does not run."""
    with Orthanc(tmp_path / "orthanc", USER) as orthanc:
        config = tmp_path / "config.toml"
        write_config(
            config, bench.sshd, bench.sshd.folder.parent / "known_hosts", studies=orthanc.dicomweb, port=free_port(),
            dicomweb_user=USER[0], dicomweb_password_env="ORTHANC_PASSWORD",
        )  # fmt: skip
        config.write_text(
            f"{config.read_text()}[profiles.{PROFILE}.labels]\nfolder = {json.dumps(str(tmp_path / 'copies'))}\n"
        )
        environment = {
            **bench.environment, "LABELTUI_STATE": str(tmp_path / "state"), "ORTHANC_PASSWORD": USER[1],
        }  # fmt: skip
        yield replace(bench, config=config, environment=environment), orthanc


def names(orthanc: Orthanc) -> set[str]:
    """The patients' names that Orthanc has."""
    patients = orthanc.http.get("/patients?expand").raise_for_status().json()
    return {patient["MainDicomTags"]["PatientName"] for patient in patients}


def test_dicom_stays_dicom_after_consent(desk: tuple[Bench, Orthanc], tmp_path: Path) -> None:
    bench, orthanc = desk
    scans = tmp_path / "scans"
    voxels = np.random.default_rng(1).integers(0, 500, (8, 16, 16)).astype(np.int16)
    for number in range(2):
        write_series(scans / str(number), voxels, number=number, InstitutionName="General Hospital")
    (scans / "other.nii").write_bytes(b"x")

    asked = bench.run("studies", "upload", str(scans))
    assert (asked.code, asked.document["error"]["code"]) == (3, "unconfirmed")
    assert "PatientName" in asked.document["error"]["message"]
    assert orthanc.counts("CT") == 0

    cleaned = bench.run("studies", "upload", str(scans), "--deidentify")
    assert cleaned.code == 0, cleaned.stdout + cleaned.stderr
    assert (len(cleaned.document["sent"]), orthanc.counts("CT")) == (16, 2)
    assert "InstitutionName" in cleaned.document["removed"]
    assert "Removed: " in cleaned.stderr
    assert "Doe^Jane" not in names(orthanc)
    again = bench.run("studies", "upload", str(scans), "--deidentify")
    assert (again.code, again.document["same"], again.document["sent"]) == (0, 16, [])

    sent = bench.run("studies", "upload", str(scans), "--identified")
    assert sent.code == 0, sent.stdout + sent.stderr
    assert (len(sent.document["sent"]), orthanc.counts("CT")) == (16, 4)
    assert "Doe^Jane" in names(orthanc)
    assert {Path(one["file"]).name for one in sent.document["left_out"]} == {"other.nii"}

    bench.environment["ORTHANC_PASSWORD"] = "wrong"
    refused = bench.run("studies", "upload", str(scans), "--identified")
    assert refused.document["error"]["code"] == "dicomweb_login"
    assert "wrong" not in refused.stdout + refused.stderr
