"""An exported data set before nnU-Net's own check.

nnU-Net is installed into an environment of its own (2 GB, two minutes). While working on this test, set
``LABELTUI_TEST_NNUNET`` to a folder for it, which later runs use again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.real.conftest import Bench, write_config
from tests.real.volumes import make_studies
from tests.sshd import free_port

PACKAGE, CONSTRAINT = "nnunetv2==2.8.1", "torch==2.13.0"
VERIFY = """
import sys
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
if __name__ == "__main__":
    verify_dataset_integrity(sys.argv[1], 1)
"""
NAME = "Dataset007_Spleen"


@pytest.fixture(scope="module")
def nnunet() -> Iterator[Path]:
    """The folder of an environment with nnU-Net, and the program that checks a data set."""
    existing = os.environ.get("LABELTUI_TEST_NNUNET")
    folder = Path(existing or tempfile.mkdtemp(prefix="labeltui-nnunet-"))
    if not (folder / "verify.py").exists():
        subprocess.run([sys.base_prefix + "/bin/python3", "-m", "venv", str(folder)], check=True)
        (folder / "constraints.txt").write_text(CONSTRAINT + "\n")
        subprocess.run(
            [folder / "bin/pip", "install", "-q", "-c", folder / "constraints.txt", PACKAGE], check=True, timeout=600
        )  # fmt: skip
        (folder / "verify.py").write_text(VERIFY)  # last, so that an interrupted installation is repeated
    yield folder
    if not existing:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def exported(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of three complete cases of five, from a folder of studies that no other test uses."""
    place = tmp_path_factory.mktemp("nnunet")
    own = replace(bench, config=place / "config.toml", state=place / "state")
    own.environment = {**bench.environment, "LABELTUI_STATE": str(own.state)}
    write_config(
        own.config, bench.sshd, bench.config.parent / "known_hosts",
        folder="~/cases tui", studies="~/cases", port=free_port(),
    )  # fmt: skip
    shutil.rmtree(bench.home / "cases", ignore_errors=True)
    make_studies(bench.home / "cases", 5, labelled=4)
    shift(bench.home / "cases/labels/final/case_000.nii.gz")
    dest = place / NAME
    ran = own.run(
        "labels", "export", str(dest), "--format", "nnunet", "--channel", "CT", "--name", "1", "spleen"
    )
    assert ran.code == 0, ran.stderr + ran.stdout
    assert [one["study"] for one in ran.document["exported"]] == ["case_001", "case_002", "case_003"]
    assert [one["why"] for one in ran.document["left_out"]] == ["image and label lie 5 mm apart"]
    return dest


def shift(label: Path) -> None:
    """Move a label's origin by 5 mm."""
    image = nibabel.load(label)
    affine = image.affine.copy()
    affine[0, 3] += 5
    nibabel.save(nibabel.Nifti1Image(np.asanyarray(image.dataobj), affine), label)


def verify(nnunet: Path, data_set: Path) -> tuple[int, str]:
    """The exit code and the output of nnU-Net's check."""
    done = subprocess.run(
        [nnunet / "bin/python", nnunet / "verify.py", data_set],
        check=False, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_nnunet_accepts_an_export_without_a_warning(nnunet: Path, exported: Path) -> None:
    code, output = verify(nnunet, exported)
    assert code == 0, output
    assert "verify_dataset_integrity Done" in output
    assert "Warning" not in output


def test_a_missing_label_and_a_shifted_origin_are_noticed(
    nnunet: Path, exported: Path, tmp_path: Path
) -> None:
    missing, shifted = tmp_path / "missing" / NAME, tmp_path / "shifted" / NAME
    for copy in (missing, shifted):
        shutil.copytree(exported, copy)
    sorted((missing / "labelsTr").iterdir())[0].unlink()
    shift(sorted((shifted / "labelsTr").iterdir())[0])
    code, output = verify(nnunet, missing)
    assert code != 0
    assert "not all training cases have a label file" in output
    # nnU-Net only warns of it, which is why labeltui exports no such case.
    _code, output = verify(nnunet, shifted)
    assert "Origin mismatch" in output
