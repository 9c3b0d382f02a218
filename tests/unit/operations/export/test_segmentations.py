"""Labels as DICOM SEG: they refer to the DICOM files of their series, voxel by voxel."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from labeltui.operations.export import segmentations
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path) as it:
        files = await it.failing("labels.export", dest=str(tmp_path / "segs"), format="dicom-seg")
        monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
        extra = await it.failing(
            "labels.export", dest=str(tmp_path / "segs"), format="dicom-seg", dicom=["x"]
        )
    assert "--dicom FOLDER" in files.problem.hint
    assert "pip install 'labeltui[dicom]'" in extra.problem.hint


def _copy(label: dict[str, Any]) -> dict[str, Any]:
    """Answer as the program does, which here copies the label's bytes."""
    if label["study"] == "other":
        return {"left": label["file"], "why": "none of the DICOM files belongs to its study"}
    target = Path(label["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(Path(label["file"]).read_bytes())
    return {"made": label["file"], "values": [1, 200], "uncoded": ["label_200"]}


@in_virtual_time
async def test_labels_go_to_the_program_with_their_dicom_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    ends = ""

    async def program(_module: str, request: bytes, receive: Any, _report: object) -> str:
        asked.append(document := json.loads(request))
        for label in document["labels"]:
            receive(_copy(label))
        return ends

    monkeypatch.setattr(segmentations, "run_program", program)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    (scan := tmp_path / "scans" / "anna").mkdir(parents=True)
    (scan / "1.dcm").write_bytes(bytes(128) + b"DICM" + bytes(8))
    async with desk(tmp_path, serves=True) as it:
        it.put_label("anna.nii.gz", b"of anna")
        it.put_label("other.nii.gz")
        it.host.files.write("~/studies/labels/original/anna.nii.gz", b"of a model")
        given = {"format": "dicom-seg", "dicom": [str(tmp_path / "scans")], "name": {"1": "liver"}}
        document = await it.run(
            "labels.export", dest=str(tmp_path / "segs"), tag=["final", "original"], **given
        )
        unmatched = await it.failing("labels.export", dest=str(tmp_path / "none"), study=["other"], **given)
        ends = "killed"
        early = await it.failing("labels.export", dest=str(tmp_path / "more"), **given)
    assert [one["file"] for one in document["exported"]] == [
        "final/anna.seg.dcm", "original/anna.seg.dcm",
    ]  # fmt: skip
    assert (tmp_path / "segs/final/anna.seg.dcm").read_bytes() == b"of anna"
    assert [one["study"] for one in document["left_out"]] == ["other"]
    assert "values without a name are called label_200" in document["message"]
    assert document["uncoded"] == ["label_200"]
    assert document["message"].endswith(
        "segments without a code of their own have the code Tissue: label_200"
    )
    assert asked[0]["dicom"] == [{"path": str(scan / "1.dcm"), "name": "anna"}]
    assert {one["algorithm"] for one in asked[0]["labels"]} == {"", "original"}
    assert asked[0]["names"]["1"] == "liver"
    assert "below --dicom are of anna. A study's files lie in a folder of its name" in unmatched.problem.hint
    assert "killed" in early.problem.message
    assert not (tmp_path / "more").exists()


@pytest.mark.slow
async def test_a_seg_has_the_labels_voxels_on_the_slices_that_they_belong_to(tmp_path: Path) -> None:
    import highdicom
    import pydicom
    import SimpleITK

    from tests.dicom_files import write_series

    rng = np.random.default_rng(5)
    voxels = rng.integers(0, 2000, (6, 5, 7)).astype(np.int16)
    paths = {name: write_series(tmp_path / "scans" / name, voxels) for name in ("anna", "ben", "cleo")}
    uid = pydicom.dcmread(paths["cleo"][0]).SeriesInstanceUID
    mask = np.zeros(voxels.shape, dtype=np.uint8)
    mask[1, 2, 3], mask[4, 0, 6] = 1, 3

    def label(shift: float = 0.0) -> bytes:
        image = SimpleITK.GetImageFromArray(mask)
        image.SetSpacing((0.7, 0.9, 2.5))
        image.SetOrigin((10.0 + shift, -20.0, 30.0))
        SimpleITK.WriteImage(image, str(tmp_path / "label.nii.gz"))
        return (tmp_path / "label.nii.gz").read_bytes()

    async with desk(tmp_path, serves=True) as it:
        it.put_label("anna.nii.gz", label())
        it.put_label("ben.nii.gz", label(shift=1.0))
        it.put_label(f"{uid}.nii.gz", label())
        it.put_label("other.nii.gz", label())
        document = await it.run(
            "labels.export", dest=str(tmp_path / "segs"), format="dicom-seg", dicom=[str(tmp_path / "scans")],
            name={"1": "liver"},
        )  # fmt: skip
    assert sorted(one["file"] for one in document["exported"]) == [
        f"final/{uid}.seg.dcm",
        "final/anna.seg.dcm",
    ]
    assert {one["study"]: one["why"] for one in document["left_out"]} == {
        "ben": "image and label lie 1 mm apart", "other": "none of the DICOM files belongs to its study",
    }  # fmt: skip
    seg = highdicom.seg.segread(tmp_path / "segs/final/anna.seg.dcm")
    assert [seg.get_segment_description(n).segment_label for n in (1, 2)] == ["liver", "left kidney"]
    kinds = [seg.get_segment_description(n).segmented_property_type for n in (1, 2)]
    assert [(one.scheme_designator, one.value) for one in kinds] == [("SCT", "10200004"), ("SCT", "64033007")]
    assert kinds[1].SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "7771000"
    assert seg.get_segment_description(1).segmented_property_category.meaning == "Anatomical Structure"
    instances = {pydicom.dcmread(path).SOPInstanceUID: index for index, path in enumerate(paths["anna"])}
    order = sorted(instances, key=instances.__getitem__)
    read = seg.get_pixels_by_source_instance(
        order, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    assert np.array_equal(read[..., 0], mask == 1)
    assert np.array_equal(read[..., 1], mask == 3)
    assert nibabel.load(tmp_path / "label.nii.gz").shape == (7, 5, 6)
