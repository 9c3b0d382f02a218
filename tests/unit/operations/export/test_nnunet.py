"""Data sets for nnU-Net: complete cases only, images by checksum, names of labels."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from labeltui.actions.exports import LabelsExportParams
from labeltui.domain.labels.nnunet import dataset_document, is_dataset_name, label_names
from labeltui.domain.problems import Misused
from labeltui.operations.export.dataset import check_dataset
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

AFFINE = np.array([[0.7, 0, 0, -11.3], [0, 0.9, 0, 4.0], [0, 0, 2.5, 100.1], [0, 0, 0, 1]])


def volume(values: Any, *, shift: float = 0.0, kind: str = "i2", name: str = "a.nii.gz") -> bytes:
    affine = AFFINE.copy()
    affine[2, 3] += shift
    voxels = np.zeros((5, 6, 4), dtype=kind)
    voxels.ravel()[: len(values)] = values
    data: bytes = nibabel.Nifti1Image(voxels, affine).to_bytes()
    return gzip.compress(data) if name.endswith(".gz") else data


def put_case(it: Desk, study: str, label: bytes | None, image: bytes | None, ending: str = ".nii.gz") -> None:
    if image is not None:
        it.host.files.write(f"~/studies/{study}{ending}", image)
    if label is not None:
        it.put_label(f"{study}.nii.gz", label)


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def serve_files(it: Desk) -> None:
    """Let the agent find and sum files in memory."""
    files = it.host.files

    def compare(request: Any) -> Any:
        there = {
            name: (len(file.data), file.mtime_ns)
            for name in request["names"]
            if (file := files.get(f"{request['studies']}/{name}")) is not None
        }
        return {"there": there, "parts": [], "free": 10**9}

    it.host.agent.answers["upload.compare"] = compare
    it.host.agent.answers["sha256"] = lambda request: {"sha256": files.sha256(request["path"])}


def test_names_of_labels() -> None:
    model = {"background": 0, "spleen": 1, "liver": 3}
    assert label_names({}, (), model, {1, 4}) == (
        {1: "spleen", 2: "label_2", 3: "liver", 4: "label_4"}, [4], [2],
    )  # fmt: skip
    assert label_names({2: "cyst"}, ("tumour",), model, {1, 2}) == ({1: "tumour", 2: "cyst"}, [], [])
    assert label_names({1: "a", 2: "a", 3: "background"}, (), {}, {3})[0] == {
        1: "a",
        2: "a_2",
        3: "background_3",
    }
    document = dataset_document("MR", {2: "b", 1: "a"}, 7)
    assert document["labels"] == {"background": 0, "a": 1, "b": 2}
    assert (document["channel_names"], document["numTraining"]) == ({"0": "MR"}, 7)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("liver", {"channel": "CT"}),
        ("Dataset001_Liver", {}),
        ("Dataset001_Liver", {"channel": "CT", "name": {"0": "x"}}),
    ],
)
def test_what_makes_no_data_set_is_refused(name: str, given: dict[str, Any]) -> None:
    assert is_dataset_name("Dataset012_Liver-2")
    with pytest.raises(Misused):
        check_dataset(Path("/a") / name, LabelsExportParams(dest=name, **given))


@pytest.mark.slow
async def test_complete_cases_become_a_data_set(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        image = volume([1000, -3])
        put_case(it, "whole", volume([1, 2, 0, 1]), image)
        put_case(it, "plain", volume([0, 3.0], kind="f4"), volume([5], name="a.nii"), ".nii")
        put_case(it, "no_image", volume([1]), None)
        put_case(it, "unlabelled", None, volume([1]))
        put_case(it, "shifted", volume([1], shift=0.1), volume([1]))
        put_case(it, "fractions", volume([0.5], kind="f4"), volume([1]))
        put_case(it, "broken", b"no label", volume([1]))
        document = await it.run(
            "labels.export",
            dest=str(place / "Dataset001_A"),
            format="nnunet",
            channel="CT",
            name={"1": "liver"},
        )
    made = place / "Dataset001_A"
    assert sorted(str(one.relative_to(made)) for one in made.rglob("*") if one.is_file()) == [
        "dataset.json", "imagesTr/plain_0000.nii.gz", "imagesTr/whole_0000.nii.gz", "labels.json",
        "labelsTr/plain.nii.gz", "labelsTr/whole.nii.gz",
    ]  # fmt: skip
    assert (made / "imagesTr/whole_0000.nii.gz").read_bytes() == image
    stored = json.loads((made / "dataset.json").read_text())
    assert stored == document["dataset"]
    assert stored["numTraining"] == 2
    assert stored["labels"]["liver"] == 1
    placeholders = [name for name in stored["labels"] if name.startswith("label_")]
    assert placeholders == ["label_4", "label_5"], "no model of the server has these values, nor has a label"
    assert (document["unnamed"], document["unused"]) == ([], [4, 5])
    assert "those that no label has are called label_4, label_5; --name names them" in document["message"]
    why = {one["study"]: one["why"] for one in document["left_out"]}
    assert sorted(why) == ["broken", "fractions", "no_image", "shifted"]
    assert why["shifted"] == "image and label lie 0.1 mm apart"
    assert why["no_image"] == "its image is not on the host"
    label, picture = (
        nibabel.load(made / one) for one in ("labelsTr/plain.nii.gz", "imagesTr/plain_0000.nii.gz")
    )
    assert np.array_equal(label.affine, picture.affine)
    assert label.get_data_dtype() == np.uint8
    assert np.asanyarray(label.dataobj).ravel()[1] == 3
    assert names_in(place) == ["Dataset001_A"]


@in_virtual_time
async def test_a_study_with_two_chosen_labels_is_refused(tmp_path: Path) -> None:
    (place := tmp_path / "out").mkdir()
    async with desk(tmp_path, serves=True) as it:
        serve_files(it)
        put_case(it, "a", volume([1]), volume([7]))
        it.host.files.write("~/studies/labels/original/a.nii.gz", volume([2]))
        error = await it.failing(
            "labels.export", dest=str(place / "Dataset001_A"), format="nnunet", channel="CT",
            tag=["final", "original"],
        )  # fmt: skip
    assert "more than one of the chosen labels" in error.problem.message
    assert names_in(place) == []
