"""The program that draws slices: the right voxel at the right pixel, whatever the file."""

from __future__ import annotations

import gzip
import importlib
import io
import subprocess
import sys
from base64 import b64decode
from itertools import permutations
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from labeltui.domain.studies.preview import Plane
from labeltui.monailabel.programs import preview
from labeltui.monailabel.programs.preview import Drawing
from labeltui.monailabel.programs.volumes import Unreadable
from tests.volumes import nifti, nrrd, packed

SHAPE = (9, 7, 5)
SPACING = (1.0, 2.0, 3.0)
TURNED = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
SIGNS = ((1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, 1), (-1, -1, -1), (1, 1, -1))
ORIENTATIONS = [
    (np.eye(3)[list(order)] * signs) for order, signs in zip(permutations(range(3)), SIGNS, strict=True)
]
NOISE = np.random.default_rng(1).bytes(99 * 9 * 9 * 2)
JPEG2000 = b64decode(
    "/0//UQApAAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABDwEB/1IADAAAAAEAAQQEAAH/XAAHQICIiJD/ZAAl"
    "AAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAACAAAH/k9/4ktgSK2cWj4+hghgWXPU1TwCq06r6"
    "tDmPn6WorVqa4ZUYspOeKF1H2+4XYJJ7FkgpNyGtuXVJcmcsXIl2CmjG7EeG9ZNmV88HDxOtx0bEQZG/rzI6nArb9ZoBLz+/"
    "wAA6HAA+oIA2oYM9pjQv+VSxX//Z"
)
"""A picture of 16 x 16 pixels: 40 for each row and 3 for each column."""
library: Any = nibabel


@pytest.fixture(autouse=True)
def own_memory(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The limit is for the program's process, not for the tests'."""
    asked: list[int] = []
    monkeypatch.setattr(preview, "limit_memory", asked.append)
    return asked


def affine_of(cosines: Any, spacing: tuple[float, float, float] = SPACING) -> Any:
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(cosines) * spacing
    affine[:3, 3] = (-11.0, 5.0, 40.0)
    return affine


def save(path: Path, data: Any, affine: Any) -> str:
    library.save(library.Nifti1Image(data, affine), path)
    return str(path)


def opened(image: str, *labels: str, contents: list[bytes] | None = None, suffix: str = ".nii") -> Drawing:
    sent = [{"bytes": len(one), "suffix": suffix} for one in contents or []]
    request = {"image": image, "labels": [*({"path": label} for label in labels), *sent]}
    return Drawing(request, list(contents or []))


def pixels(
    drawing: Drawing, plane: Plane, index: int, window: tuple[float, float] = (0, 255)
) -> tuple[Any, list[Any]]:
    """The slice with one pixel for each voxel along its finest axis, and the labels' pictures."""
    request = {
        "plane": plane,
        "index": index,
        "low": window[0],
        "high": window[1],
        "width": 900,
        "height": 900,
    }
    answer, data = drawing.draw(request)
    parts = np.frombuffer(data, np.uint8).reshape(-1, answer["height"], answer["width"])
    return parts[0], list(parts[1:])


def place(drawing: Drawing, point: Any) -> tuple[int, ...]:
    """The slice of each plane at a point, in DICOM's millimetres, by the image's own corner and spacing."""
    index = np.linalg.solve(drawing.image.affine, [*point, 1.0])[:3]
    return tuple(round(float(one)) for one in index)


@pytest.mark.parametrize("cosines", [*ORIENTATIONS, TURNED])
@pytest.mark.parametrize("voxel", [(0, 0, 0), (7, 2, 1), (8, 6, 4)])
def test_a_known_voxel_and_its_label_are_at_their_place_in_the_patient(
    cosines: Any, voxel: tuple[int, int, int], tmp_path: Path
) -> None:
    data, mask = np.zeros(SHAPE, np.int16), np.zeros(SHAPE, np.uint8)
    data[voxel], mask[voxel] = 255, 3
    affine = affine_of(cosines)
    image, label = save(tmp_path / "i.nii", data, affine), save(tmp_path / "l.nii.gz", mask, affine)
    right_front_foot = affine @ [*voxel, 1] * [-1, -1, 1, 1]
    corners = np.array([affine @ [x, y, z, 1] for x in (0, 8) for y in (0, 6) for z in (0, 4)]) * [
        -1,
        -1,
        1,
        1,
    ]
    if cosines is not TURNED:  # millimetres from the patient's right, front and feet
        offset = (right_front_foot - corners.min(axis=0))[:3]
        spacing = [SPACING[int(np.abs(cosines[axis]).argmax())] for axis in range(3)]
        expected = [round(float(one)) for one in offset / spacing]
    else:
        expected = [SHAPE[0] - 1 - voxel[0], SHAPE[1] - 1 - voxel[1], voxel[2]]
    drawing = opened(image, label)
    size = drawing.facts()["size"]
    for axis, plane in enumerate((Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)):
        grey, (segment,) = pixels(drawing, plane, expected[axis])
        across, down = [other for other in range(3) if other != axis]
        row = expected[down] if plane is Plane.AXIAL else size[down] - 1 - expected[down]
        rows, columns = np.nonzero(segment == 3)
        box = [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1]
        height, width = segment.shape
        wanted = [
            row * height / size[down], (row + 1) * height / size[down],
            expected[across] * width / size[across], (expected[across] + 1) * width / size[across],
        ]  # fmt: skip
        assert np.allclose(box, wanted, atol=1)
        middle = (rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2
        assert grey[middle] >= 250
        assert grey[segment == 0].max() <= 130  # it is half as bright where it ends
    assert drawing.facts()["oblique"] == (pytest.approx(36.9) if cosines is TURNED else 0.0)
    assert drawing.facts()["labels"][0]["fullest"] == dict(
        zip(("sagittal", "coronal", "axial"), expected, strict=True)
    )


def test_the_picture_keeps_the_proportions_in_millimetres(tmp_path: Path) -> None:
    drawing = opened(save(tmp_path / "i.nii", np.zeros(SHAPE, np.int16), affine_of(np.eye(3))))
    for plane, proportion in ((Plane.AXIAL, 9 / 14), (Plane.CORONAL, 9 / 15), (Plane.SAGITTAL, 14 / 15)):
        grey, _ = pixels(drawing, plane, 0)
        assert grey.shape[1] / grey.shape[0] == pytest.approx(proportion, abs=0.01)
        assert max(grey.shape) == 900


@pytest.mark.parametrize(
    "kind", ["<i1", "<u1", "<i2", ">i2", "<u2", ">i4", "<u4", "<i8", "<f4", ">f4", "<f8", ">f8"]
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_every_type_of_voxel_is_read_with_its_scale(kind: str, suffix: str, tmp_path: Path) -> None:
    data = np.arange(27).reshape(3, 3, 3).astype(np.dtype(kind))
    image = library.Nifti1Image(data, np.eye(4), library.Nifti1Header(endianness=kind[0]), dtype=data.dtype)
    image.header.set_data_dtype(data.dtype)
    image.to_filename(tmp_path / f"plain{suffix}")
    image = library.load(tmp_path / f"plain{suffix}")
    content = (gzip.decompress if suffix == ".nii.gz" else bytes)((tmp_path / f"plain{suffix}").read_bytes())
    head = library.Nifti1Header.from_fileobj(io.BytesIO(content))
    head["scl_slope"], head["scl_inter"] = 2, -30
    scaled = head.binaryblock + content[348:]
    path = tmp_path / f"scaled{suffix}"
    path.write_bytes(gzip.compress(scaled) if suffix == ".nii.gz" else scaled)
    drawing = opened(str(path))
    assert drawing.image.intensities(drawing.image.voxels[2, 2, 0]) == -30  # the first voxel is left and back
    assert drawing.image.intensities(drawing.image.voxels[0, 0, 2]) == 22
    grey, _ = pixels(drawing, Plane.AXIAL, 0, (-30, 22))
    assert grey[-1, -1] == 0


def test_a_window_has_its_edges_at_black_and_white(tmp_path: Path) -> None:
    data = np.array([-1000.0, -160, 40, 240, 3000, np.nan, np.inf, -np.inf]).reshape(8, 1, 1)
    drawing = opened(save(tmp_path / "i.nii", data, np.diag([-1.0, -1, 1, 1])))
    request = {"plane": "axial", "index": 0, "low": -160, "high": 240, "width": 8, "height": 8}
    _, grey = drawing.draw(request)  # one pixel for each voxel
    assert list(grey) == [0, 0, 127, 255, 255, 0, 255, 0]
    assert drawing.facts()["percentiles"] == pytest.approx([-966.4, 2889.6], abs=1)


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (nifti((4, 4, 3, 2)), "a.nii", "4 dimensions (4 x 4 x 3 x 2)"),
        (nifti(kind=128, voxels=bytes(4 * 4 * 3 * 3)), "a.nii", "colours"),
        (nifti()[:-20], "a.nii", "its file"),
        (nifti()[:100], "a.nii", "its file"),
        (packed(nifti())[:-12], "a.nii.gz", "no NIfTI file, or damaged"),
        (packed(nifti((99, 9, 9), voxels=NOISE))[:-900], "a.nii.gz", "its file is damaged or not complete"),
        (b"\x1b]0;title\x07[red]", "a.nii", "no NIfTI file"),
        (b"", "a.nii.gz", "its file"),
        (nifti(spacing=(float("nan"), 1, 1)), "a.nii", "orientation"),
    ],
)
def test_a_file_that_cannot_be_shown_is_refused_with_the_reason(
    content: bytes, name: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        opened(str(tmp_path / name))
    assert why in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no longer has its file"):
        opened(str(tmp_path / "a\x1b[31m'; rm -rf ~.nii"))


def test_a_file_whose_header_claims_more_than_the_memory_is_refused(
    tmp_path: Path, own_memory: list[int]
) -> None:
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(nifti((30000, 30000, 30000), voxels=bytes(100))))
    with pytest.raises((Unreadable, MemoryError)):
        opened(str(tmp_path / "bomb.nii.gz"))
    assert own_memory == [2 * 30000**3]
    (tmp_path / "mapped.nii").write_bytes(nifti())
    opened(str(tmp_path / "mapped.nii"), str(tmp_path / "mapped.nii"))
    assert own_memory[1] == 4 * 4 * 3  # the file is mapped; only the label is in memory


def test_more_memory_than_the_host_has_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(Unreadable, match=r"it needs 1000\.\d GB of memory, and the host has \d+\.\d GB free"):
        preview.limit_memory(10**12)


def test_labels_that_cannot_be_shown_have_reasons_and_the_others_are_shown(tmp_path: Path) -> None:
    affine = affine_of(np.eye(3))
    image = save(tmp_path / "i.nii", np.zeros(SHAPE, np.int16), affine)
    half = save(tmp_path / "half.nii", np.full(SHAPE, 0.5, np.float32), affine)
    negative = save(tmp_path / "negative.nii", np.full(SHAPE, -1, np.int16), affine)
    many = save(tmp_path / "many.nii", np.arange(315, dtype=np.int16).reshape(SHAPE), affine)
    large = np.zeros(SHAPE, np.int32)
    large[0], large[1] = 254, 1000
    drawing = opened(image, half, negative, many, contents=[library.Nifti1Image(large, affine).to_bytes()])
    labels = drawing.facts()["labels"]
    assert [one.get("problem") for one in labels] == [
        "its values are not whole numbers",
        "its values are not between 0 and 65535",
        "it has 314 different values",
        None,
    ]
    assert labels[3]["segments"] == [[254, 35], [1000, 35]]
    _, pictures = pixels(drawing, Plane.CORONAL, 0)
    assert [set(np.unique(one)) for one in pictures] == [{0}, {0}, {0}, {0, 254, 255}]


def test_a_label_on_another_grid_is_placed_by_its_position(tmp_path: Path) -> None:
    affine = affine_of(np.eye(3))
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:4, 1:3, 1] = 1
    moved = affine.copy()
    moved[:3, 3] += affine[:3, 0] * 3  # its voxel 2 is the image's voxel 5
    image = save(tmp_path / "i.nii", np.zeros(SHAPE, np.int16), affine)
    drawing = opened(image, save(tmp_path / "same.nii", mask, affine), save(tmp_path / "m.nii", mask, moved))
    same, other = (label for label in drawing.labels)
    assert (same.resampled, other.resampled) == (False, True)
    left_back = np.flip(np.flip(mask, 0), 1)
    assert (same.voxels == left_back).all()
    assert (other.voxels == np.roll(left_back, -3, axis=0)).all()
    assert drawing.dice() == {"1": 0.0}


def test_dice_is_by_value(tmp_path: Path) -> None:
    one, two = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    one[:4], two[2:4], two[8] = 1, 1, 7
    affine = affine_of(np.eye(3))
    image = save(tmp_path / "i.nii", one, affine)
    drawing = opened(image, save(tmp_path / "a.nii", one, affine), save(tmp_path / "b.nii", two, affine))
    assert drawing.dice() == pytest.approx({"1": 4 / 6, "7": 0.0})
    with pytest.raises(Unreadable, match="two labels"):
        opened(image).dice()


@pytest.mark.slow  # needs labeltui[dicom]
@pytest.mark.parametrize("cosines", [*ORIENTATIONS, TURNED, TURNED[[1, 2, 0]]])
def test_slices_are_those_of_simpleitk(cosines: Any, tmp_path: Path) -> None:
    itk: Any = importlib.import_module("SimpleITK")
    rng = np.random.default_rng(5)
    data, mask = rng.integers(0, 255, SHAPE).astype(np.int16), rng.integers(0, 4, SHAPE).astype(np.uint8)
    affine = affine_of(cosines)
    label_affine = affine.copy()
    label_affine[:3, :3] *= 0.7
    image = save(tmp_path / "i.nii.gz", data, affine)
    label = save(tmp_path / "l.nii.gz", mask, label_affine)
    grid = itk.DICOMOrient(itk.ReadImage(image), "LPS")
    expected = itk.GetArrayFromImage(grid)  # head, back, left
    segments = itk.GetArrayFromImage(
        itk.Resample(itk.ReadImage(label), grid, itk.Transform(), itk.sitkNearestNeighbor)
    )
    drawing = opened(image, label)
    assert (drawing.image.voxels.transpose() == expected).all()
    assert np.mean(drawing.labels[0].voxels.transpose() == segments) > 0.99  # halves may round either way
    assert np.allclose(drawing.image.affine[:3, 3], grid.GetOrigin(), atol=1e-4)


@pytest.mark.slow  # needs labeltui[dicom]
@pytest.mark.parametrize("encoding", [False, True])
def test_nrrd_is_read_as_nifti_is(encoding: bool, tmp_path: Path) -> None:
    itk: Any = importlib.import_module("SimpleITK")
    data = np.arange(315, dtype=np.int16).reshape(SHAPE)
    nifti_file = save(tmp_path / "i.nii", data, affine_of(TURNED))
    itk.WriteImage(itk.ReadImage(nifti_file), str(tmp_path / "i.nrrd"), encoding)
    one, two = opened(nifti_file), opened(str(tmp_path / "i.nrrd"))
    assert (one.image.voxels == two.image.voxels).all()
    assert one.facts() == two.facts()
    (tmp_path / "short.nrrd").write_bytes(nrrd()[:-40])
    with pytest.raises(Unreadable, match="its file"):
        opened(str(tmp_path / "short.nrrd"))


@pytest.mark.slow  # needs labeltui[dicom]
@pytest.mark.parametrize("compressor", ["", "JPEG2000", "RLE"])
@pytest.mark.parametrize(
    "orientation", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (0.8, 0.6, 0, -0.6, 0.8, 0)]
)
def test_a_dicom_series_is_read_whatever_its_compression(
    compressor: str, orientation: tuple[float, ...], tmp_path: Path
) -> None:
    itk: Any = importlib.import_module("SimpleITK")
    pydicom: Any = importlib.import_module("pydicom")
    series = importlib.import_module("tests.dicom_files")
    rows, columns = np.ogrid[:16, :16]
    data = np.stack([(rows * 40 + columns * 3).astype(np.int16)] * 5)
    paths = series.write_series(tmp_path / "s", data, orientation=orientation)
    for path in paths if compressor else ():
        one = pydicom.dcmread(path)
        one.compress(pydicom.uid.RLELossless)
        if compressor == "JPEG2000":
            one.PixelData = pydicom.encaps.encapsulate([JPEG2000])
            one.PixelRepresentation = 0
            one.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        one.save_as(path)
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "s")))
    grid = itk.DICOMOrient(reader.Execute(), "LPS")
    drawing = opened(str(tmp_path / "s"))
    assert sorted(drawing.image.intensities(drawing.image.voxels).ravel()) == sorted(
        data.ravel() - 1000
    )  # the files' intercept
    assert (drawing.image.voxels.transpose() == itk.GetArrayFromImage(grid)).all()
    assert np.allclose(drawing.image.affine[:3, 3], grid.GetOrigin(), atol=1e-3)
    assert np.allclose(drawing.image.spacing, grid.GetSpacing(), atol=1e-3)
    paths[2].unlink()
    with pytest.raises(Unreadable, match="not evenly spaced"):
        opened(str(tmp_path / "s"))
    (tmp_path / "none").mkdir()
    with pytest.raises(Unreadable, match="0 DICOM series"):
        opened(str(tmp_path / "none"))


@pytest.mark.slow  # needs labeltui[dicom]
def test_the_headers_of_a_series_take_no_memory_for_its_pixels(tmp_path: Path) -> None:
    series = importlib.import_module("tests.dicom_files")
    series.write_series(tmp_path, np.ones((120, 512, 512), np.int16))
    program = """
import re, sys
from labeltui.monailabel.programs.volumes import open_file
def private():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1000
import SimpleITK
before = private()
source = open_file(sys.argv[1])
print(private() - before, source.held / 1e6)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    grown, held = map(float, ran.stdout.split())
    assert grown < held / 10
