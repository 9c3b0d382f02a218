"""DICOM series and MetaImage files become NIfTI with the same geometry, and without the headers."""

# ruff: noqa: ASYNC240 (small files, and nothing else runs meanwhile)
from __future__ import annotations

import gzip
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from labeltui.operations.studies.upload import conversion
from labeltui.operations.studies.upload.conversion import convert
from labeltui.operations.studies.upload.files import Finder, FoundFile, LeftOut
from tests.actions import RecordingReport

OBLIQUE = (0.8, 0.6, 0.0, -0.48, 0.64, 0.6)
ORIENTATIONS = [
    (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1),
    (-1, 0, 0, 0, -1, 0), (0, 1, 0, 1, 0, 0), (0, 0, 1, 0, 1, 0), OBLIQUE,
]  # fmt: skip


def volume(shape: tuple[int, int, int] = (5, 6, 7)) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


async def converted(paths: list[Path], work: Path) -> tuple[list[FoundFile], list[LeftOut]]:
    work.mkdir(exist_ok=True)
    finder = Finder(work)
    finder.find([str(path) for path in paths])
    made, left = await convert(finder.sources, work, RecordingReport())
    return made, [*finder.left, *left]


async def test_without_the_extra_the_line_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ct").mkdir()
    for name in ("a", "b"):
        (tmp_path / "ct" / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "scan.MHA").write_bytes(b"ObjectType = Image")
    monkeypatch.setattr(conversion, "missing_extra", lambda: True)
    made, left = await converted([tmp_path / "ct", tmp_path / "scan.MHA"], tmp_path / "work")
    assert made == []
    assert [(one.path.name, "pip install 'labeltui[dicom]'" in one.why) for one in left] == [
        ("ct", True),
        ("scan.MHA", True),
    ]


def test_a_zip_is_unpacked_inside_its_folder_only(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with zipfile.ZipFile(tmp_path / "case.zip", "w") as archive:
        archive.writestr("../../evil.nii", b"x")
        archive.writestr("sub/a.mha", b"x")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04nothing")
    finder = Finder(work)
    finder.find([str(tmp_path / "case.zip"), str(tmp_path / "broken.zip")])
    assert not (tmp_path / "evil.nii").exists()
    assert [file.name for file in finder.found] == ["case_evil.nii"]
    assert [source.study for source in finder.sources] == ["case_sub_a"]
    assert "can't be unpacked" in finder.left[0].why


@pytest.mark.slow
@pytest.mark.parametrize("orientation", ORIENTATIONS)
async def test_a_voxel_stays_where_it_was(tmp_path: Path, orientation: tuple[float, ...]) -> None:
    import SimpleITK

    from tests.dicom_files import write_series

    voxels, origin, spacing = volume(), (10.0, -20.0, 30.0), (0.7, 0.9, 2.5)
    write_series(tmp_path / "ct", voxels, orientation=orientation, origin=origin, spacing=spacing)
    (made,), left = await converted([tmp_path / "ct"], tmp_path / "work")
    assert (left, made.name, made.misread) == ([], "ct.nii.gz", "")
    image, nifti = SimpleITK.ReadImage(str(made.path)), nibabel.load(made.path)
    assert sorted(image.GetSpacing()) == pytest.approx(sorted(spacing), abs=1e-4)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    for at in ((0, 0, 0), (4, 1, 6), (2, 5, 3)):
        place = np.array(origin) + row * at[2] * spacing[0] + column * at[1] * spacing[1]
        place = place + np.cross(row, column) * at[0] * spacing[2]
        expected = int(voxels[at]) - 1000
        assert image[image.TransformPhysicalPointToIndex(place.tolist())] == expected
        index = np.linalg.inv(nifti.affine) @ [-place[0], -place[1], place[2], 1]
        assert index[:3] == pytest.approx(np.rint(index[:3]), abs=1e-2)
        assert nifti.dataobj[tuple(np.rint(index[:3]).astype(int))] == expected
    assert b"Doe" not in gzip.decompress(made.path.read_bytes())


@pytest.mark.slow
async def test_series_are_told_apart_and_come_out_the_same_again(tmp_path: Path) -> None:
    from tests.dicom_files import write_series

    scans = tmp_path / "scans"
    write_series(scans / "one", volume(), number=2)
    write_series(scans / "one", volume((4, 6, 7)), number=7)
    write_series(scans / "two" / "deep", volume())
    one = sorted((scans / "one").iterdir())[0]
    (scans / "one" / "zz_copy").write_bytes(one.read_bytes())
    first, left = await converted([scans], tmp_path / "work")
    again, _ = await converted([scans], tmp_path / "again")
    assert [(each.path.name, each.why) for each in left] == [
        ("zz_copy", f"it is the same image as {one.name}")
    ]
    assert sorted(one.name for one in first) == ["one_s2.nii.gz", "one_s7.nii.gz", "two_deep.nii.gz"]
    assert [(one.name, one.mtime_ns, one.path.read_bytes()) for one in first] == [
        (one.name, one.mtime_ns, one.path.read_bytes()) for one in again
    ]
    assert {one.source for one in first} == {scans / "one", scans / "two" / "deep"}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("gap", {"positions": [0, 2.5, 5, 10, 12.5]}, "slices are missing"),
    ("4D", {"positions": [0, 0, 2.5, 2.5, 5]}, "several volumes"),
    ("tilted", {"shift": 0.5}, "tilted gantry"),
    ("colour", {"SamplesPerPixel": 3}, "colours"),
    ("SEG", {"Modality": "SEG"}, "segmentation"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("_name", "fields", "why"), BAD, ids=[one[0] for one in BAD])
async def test_what_is_no_sound_volume_is_named(
    tmp_path: Path, _name: str, fields: dict[str, Any], why: str
) -> None:
    from tests.dicom_files import write_series

    write_series(tmp_path / "ct", volume(), **fields)
    made, left = await converted([tmp_path / "ct"], tmp_path / "work")
    assert made == []
    assert [why in one.why for one in left] == [True]


@pytest.mark.slow
async def test_meta_images_and_damaged_files(tmp_path: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(volume())
    image.SetSpacing((0.5, 0.6, 3.0))
    image.SetOrigin((1.0, 2.0, 3.0))
    SimpleITK.WriteImage(image, str(tmp_path / "good.mha"))
    SimpleITK.WriteImage(image, str(tmp_path / "pair.mhd"))
    text = (tmp_path / "good.mha").read_bytes()
    (tmp_path / "bare.mha").write_bytes(re.sub(rb"ElementSpacing = .*\n", b"", text))
    (tmp_path / "cut.mha").write_bytes(text[:300])
    (tmp_path / "far.mhd").write_bytes(
        (tmp_path / "pair.mhd").read_bytes().replace(b"pair.raw", b"/etc/passwd")
    )
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "noise").write_bytes(bytes(128) + b"DICM" + b"\xff" * 500)
    made, left = await converted([tmp_path], tmp_path.with_name("work"))
    assert sorted(one.name for one in made) == ["good.nii.gz", "pair.nii.gz"]
    back = SimpleITK.ReadImage(str(made[0].path))
    assert back.GetSpacing() == pytest.approx((0.5, 0.6, 3.0))
    assert back.GetOrigin() == pytest.approx((1.0, 2.0, 3.0))
    assert (SimpleITK.GetArrayFromImage(back) == volume()).all()
    why = {one.path.name: one.why for one in left}
    assert set(why) == {"bare.mha", "cut.mha", "far.mhd", "noise"}
    assert "no spacing" in why["bare.mha"]
    assert "another folder" in why["far.mhd"]


@pytest.mark.slow
async def test_a_program_that_dies_leaves_the_rest_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mha").write_bytes(b"ObjectType = Image\nNDims = 3\n")
    monkeypatch.setattr(conversion, "_request", lambda *_: json.dumps({"work": "x"}).encode())
    made, left = await converted([tmp_path / "a.mha"], tmp_path / "work")
    assert made == []
    assert "ended early: KeyError" in left[0].why
