"""DICOM SEG over an image: the same voxels as the label that it was made of, whatever frames it has."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labeltui.monailabel.programs import preview, segmentation
from labeltui.monailabel.programs.preview import Drawing
from labeltui.monailabel.programs.segmentation import Frame, grid_of, rgb_of
from labeltui.monailabel.programs.volumes import Unreadable

SHAPE = (12, 7, 9)  # slices, rows, columns
AXIAL, OBLIQUE = (1.0, 0, 0, 0, 1, 0), (0.8, 0.6, 0, 0, 0, -1)


@pytest.fixture(autouse=True)
def own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for the program's process, not for the tests'."""
    monkeypatch.setattr(preview, "limit_memory", lambda _needed: None)


def frames_at(
    *places: float, declared: tuple[float, float] = (0, 0), across: float = 0, cosines: Any = AXIAL
) -> list[Frame]:
    return [
        Frame(
            1,
            np.array([5 + across * place, 6, place]),
            np.array(cosines, float),
            np.array([0.9, 0.7]),
            declared,
        )
        for place in places
    ]


@pytest.mark.parametrize(
    ("frames", "step", "slots"),
    [
        (frames_at(12.5, 2.5, 5), [0, 0, 2.5], [4, 0, 1]),  # in any order, with gaps
        (frames_at(10, 0, 5, declared=(2.5, 5)), [0, 0, 2.5], [4, 0, 2]),
        (frames_at(0, 5, 7.5), [0, 0, 2.5], [0, 2, 3]),
        (frames_at(0, 5, 12.5), [0, 0, 2.5], [0, 2, 5]),  # no gap is a single step
        (frames_at(7, 7, 7, declared=(0, 4)), [0, 0, 4], [0, 0, 0]),
        (frames_at(0, 3, 9, across=0.2), [0.6, 0, 3], [0, 1, 3]),  # a tilted gantry
        (frames_at(0, 2.5003, 4.9996), [0, 0, 2.4998], [0, 1, 2]),
    ],
)
def test_frames_are_placed_by_their_positions(frames: list[Frame], step: Any, slots: Any) -> None:
    affine, found = grid_of(frames)
    assert found.tolist() == slots
    assert np.allclose(affine[:3, 2], step, atol=1e-3)
    assert np.allclose(np.diag(affine)[:2], (0.7, 0.9))
    lowest = min(frames, key=lambda one: one.position[2])
    assert np.allclose(affine[:3, 3], lowest.position)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (frames_at(0, 5, 7, 8.3), "not evenly spaced"),
        ([*frames_at(0), *frames_at(2, cosines=OBLIQUE)], "different orientations"),
    ],
)
def test_frames_that_are_on_no_grid_are_refused(frames: list[Frame], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        grid_of(frames)


@pytest.mark.parametrize(
    ("lab", "rgb"),
    [
        ((100, 0, 0), (255, 255, 255)), ((0, 0, 0), (0, 0, 0)), ((54.29, 80.81, 69.89), (255, 0, 0)),
        ((87.82, -79.29, 80.99), (0, 255, 0)), ((29.57, 68.30, -112.03), (0, 0, 255)),
    ],
)  # fmt: skip
def test_a_colour_is_the_one_that_was_stored(lab: tuple[float, ...], rgb: tuple[int, ...]) -> None:
    light, red, yellow = lab
    stored = light * 65535 / 100, (red + 128) * 65535 / 255, (yellow + 128) * 65535 / 255
    assert np.abs(np.array(rgb_of(*stored)) - rgb).max() <= 3


def seg_of(paths: list[Path], mask: Any, kind: str, target: Path) -> Any:
    """Write a mask of two values as SEG, and return its data set."""
    highdicom: Any = importlib.import_module("highdicom")
    codes = importlib.import_module("pydicom.sr.codedict").codes
    own: Any = importlib.import_module("labeltui.imaging.segmentations")
    described = [
        highdicom.seg.SegmentDescription(
            number, name, codes.SCT.Organ, codes.SCT.Liver, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
            display_color=highdicom.color.CIELabColor.from_rgb(*rgb) if rgb else None,
        )
        for number, name, rgb in ((1, "liver", (221, 130, 101)), (2, "a [red]cyst", None))
    ]  # fmt: skip
    pixels = np.stack([mask == 1, mask == 2], axis=-1).astype(np.float32) if kind == "FRACTIONAL" else mask
    seg = highdicom.seg.Segmentation(
        own._sources(paths, 2.5), pixels, highdicom.seg.SegmentationTypeValues[kind], described,
        series_instance_uid=highdicom.UID(), series_number=1, sop_instance_uid=highdicom.UID(), instance_number=1,
        manufacturer="m", manufacturer_model_name="m", software_versions="1", device_serial_number="1",
    )  # fmt: skip
    seg.save_as(target)
    return seg


def shuffled(path: Path) -> int:
    """Put a SEG's frames in another order, and return their number."""
    pydicom: Any = importlib.import_module("pydicom")
    seg = pydicom.dcmread(path)
    pictures = seg.pixel_array
    order = np.random.default_rng(2).permutation(len(pictures))
    packed = pictures[order].ravel()
    data = np.packbits(packed, bitorder="little") if seg.BitsAllocated == 1 else packed
    seg.PixelData = data.tobytes() + b"\0" * (data.nbytes % 2)
    groups = seg.PerFrameFunctionalGroupsSequence
    seg.PerFrameFunctionalGroupsSequence = [groups[int(index)] for index in order]
    seg.save_as(path)
    return len(pictures)


@pytest.mark.slow  # needs labeltui[dicom]
@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_seg_is_over_the_voxels_of_the_label_that_it_was_made_of(
    kind: str, orientation: tuple[float, ...], tmp_path: Path
) -> None:
    itk: Any = importlib.import_module("SimpleITK")
    series: Any = importlib.import_module("tests.dicom_files")
    paths = series.write_series(tmp_path / "s", np.zeros(SHAPE, np.int16), orientation=orientation)
    mask = np.zeros(SHAPE, np.uint8)
    mask[3, 2:4, 1:5], mask[7:9, 5, 8], mask[9, 1, 1] = 1, 2, 1  # most slices are empty
    seg_of(paths, mask, kind, tmp_path / "seg.dcm")
    assert shuffled(tmp_path / "seg.dcm") < 6
    reader = itk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    label = itk.GetImageFromArray(mask)
    label.CopyInformation(reader.Execute())
    itk.WriteImage(label, str(tmp_path / "label.nii.gz"))

    content = (tmp_path / "seg.dcm").read_bytes()
    for seg in ({"path": str(tmp_path / "seg.dcm")}, {"bytes": len(content), "suffix": ".seg.1.2.dcm"}):
        request = {"image": str(tmp_path / "s"), "labels": [seg, {"path": str(tmp_path / "label.nii.gz")}]}
        drawing = Drawing(request, [content])
        one, other = drawing.facts()["labels"]
        assert (drawing.labels[0].voxels == drawing.labels[1].voxels).all()
        assert drawing.dice() == {"1": 1.0, "2": 1.0}
        assert (one["segments"], one["fullest"], one["resampled"]) == (
            other["segments"], other["fullest"], False,
        )  # fmt: skip
        assert one["names"] == {1: "liver", 2: "a [red]cyst"}
        assert np.abs(np.array(one["colours"][1]) - (221, 130, 101)).max() <= 5
        assert list(one["colours"]) == [1]


@pytest.mark.slow  # needs labeltui[dicom]
def test_a_file_that_is_no_seg_is_refused_in_words(tmp_path: Path) -> None:
    series: Any = importlib.import_module("tests.dicom_files")
    (ct,) = series.write_series(tmp_path / "s", np.zeros((1, 7, 9), np.int16))
    (tmp_path / "bytes.dcm").write_bytes(b"\x1b]0;title\x07" * 99)
    for path, why in ((ct, "no segmentation"), (tmp_path / "bytes.dcm", "no DICOM file")):
        with pytest.raises(Unreadable, match=why):
            preview.open_file(str(path), segmentation.open_seg)
