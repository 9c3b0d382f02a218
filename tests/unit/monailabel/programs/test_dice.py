"""The program that compares two labels."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest

from labeltui.monailabel.programs import dice, source_of

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


def save(path: Path, data: Any, affine: Any = AFFINE) -> str:
    nibabel.save(nibabel.Nifti1Image(data, affine), path)  # type: ignore[attr-defined,no-untyped-call]
    return str(path)


def blocks(*slices: tuple[slice, int], shape: tuple[int, int, int] = (8, 8, 4)) -> Any:
    data = np.zeros(shape, np.uint8)
    for rows, value in slices:
        data[rows] = value
    return data


def test_each_label_has_its_dice_and_the_background_has_none(tmp_path: Path) -> None:
    one = save(tmp_path / "a.nii.gz", blocks((slice(0, 4), 1), (slice(6, 8), 6)))
    two = save(tmp_path / "b.nii", blocks((slice(2, 6), 1)).astype(np.float32))
    answer = dice.main({"files": [one, two]})
    assert answer == {
        "labels": [
            {"value": 1, "dice": 0.5, "voxels": [128, 128]},
            {"value": 6, "dice": 0.0, "voxels": [64, 0]},
        ],
        "shifted": False,
    }
    assert dice.main({"files": [one, one]})["labels"][0]["dice"] == 1.0


def test_files_that_lie_elsewhere_are_named_and_other_sizes_are_an_error(tmp_path: Path) -> None:
    one = save(tmp_path / "a.nii.gz", blocks((slice(0, 4), 1)))
    moved = AFFINE.copy()
    moved[0, 3] = 5.0
    assert dice.main({"files": [one, save(tmp_path / "b.nii.gz", blocks((slice(0, 4), 1)), moved)]})[
        "shifted"
    ]
    other = save(tmp_path / "c.nii.gz", blocks((slice(0, 4), 1), shape=(8, 8, 5)))
    assert dice.main({"files": [one, other]}) == {
        "error": "the labels have other sizes: 8 x 8 x 4 and 8 x 8 x 5 voxels"
    }
    assert dice.main({"files": [save(tmp_path / "d.nii.gz", blocks()), save(tmp_path / "e.nii.gz", blocks())]}) == {
        "labels": [], "shifted": False,
    }  # fmt: skip
    noise = np.arange(8 * 8 * 4, dtype=np.int16).reshape(8, 8, 4)
    assert "so they are no labels" in dice.main({"files": [save(tmp_path / "f.nii", noise), one]})["error"]


def test_other_formats_are_read_with_simpleitk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = SimpleNamespace(
        GetOrigin=lambda: (0.0, 0.0, 0.0), GetSpacing=lambda: (2.0, 2.0, 3.0), GetDirection=lambda: (1.0,) * 9
    )
    data = blocks((slice(0, 4), 1))
    library = SimpleNamespace(
        ReadImage=lambda _path: image, GetArrayFromImage=lambda _image: data.transpose()
    )
    monkeypatch.setitem(sys.modules, "SimpleITK", library)
    one = save(tmp_path / "a.nii.gz", data)
    answer = dice.main({"files": [one, str(tmp_path / "b.seg.nrrd")]})
    assert (answer["labels"][0]["dice"], answer["shifted"]) == (1.0, False)


def test_the_source_that_is_sent_is_whole() -> None:
    assert "def main(" in source_of("dice")
