"""Labels as DICOM SEG: they refer to the DICOM files of their series, voxel by voxel."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nibabel
import numpy as np
import pytest

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
    instances = {pydicom.dcmread(path).SOPInstanceUID: index for index, path in enumerate(paths["anna"])}
    order = sorted(instances, key=instances.__getitem__)
    read = seg.get_pixels_by_source_instance(
        order, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    assert np.array_equal(read[..., 0], mask == 1)
    assert np.array_equal(read[..., 1], mask == 3)
    assert nibabel.load(tmp_path / "label.nii.gz").shape == (7, 5, 6)
