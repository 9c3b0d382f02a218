"""Pictures of a study, drawn over sshd in the server's own environment, compared with SimpleITK's there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK

from labeltui.domain.problems import Failed
from labeltui.domain.studies.preview import Plane, SliceRequest, colour_of
from labeltui.imaging.segmentations import write_segmentation
from labeltui.imaging.series import read_series
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_profile
from labeltui.operations.studies.preview import open_preview
from labeltui.session.session import Session
from tests.actions import FailingPrompter
from tests.dicom_files import write_series
from tests.real.conftest import PROFILE, Bench
from tests.real.orthanc import Orthanc
from tests.real.test_orthanc import desk_for
from tests.sshd import free_port
from tests.unit.monailabel.programs.test_preview import JPEG2000
from tests.unit.operations.studies.test_preview import pixels_of

STUDY = "oblique case's"
SIZE, PIXELS = 32, 16  # voxels, and the pixels of each
TURNED = np.array([[0.0, -0.96, 0.28], [-1.0, 0.0, 0.0], [0.0, 0.28, 0.96]])
SLICE = 11
RESAMPLED = """
import json, sys, SimpleITK as itk
image, label, index = itk.ReadImage(sys.argv[1]), itk.ReadImage(sys.argv[2]), int(sys.argv[3])
grid = itk.DICOMOrient(image, "LPS")
placed = itk.Resample(label, grid, itk.Transform(), itk.sitkNearestNeighbor)
planes = lambda one: [one[:, :, index], one[:, index, ::-1], one[index, :, ::-1]]
print(json.dumps([[itk.GetArrayFromImage(one).tolist() for one in planes(whole)] for whole in (grid, placed)]))
"""


@pytest.fixture
def files(bench: Bench) -> Iterator[tuple[Path, Path]]:
    """An image of noise that is turned in two ways, and a label on another grid."""
    assert bench.run("setup", timeout=1200).code == 0
    folder = bench.home / "my studies"
    image, label = folder / f"{STUDY}.nii.gz", folder / f"labels/final/{STUDY}.nii.gz"
    label.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = TURNED * 2, (-30, 12, 400)
    library: Any = nibabel
    library.save(library.Nifti1Image(rng.integers(0, 200, (SIZE,) * 3).astype(np.int16), affine), image)
    mask = np.kron(rng.integers(0, 2, (10,) * 3), np.ones((4,) * 3)).astype(np.uint8)
    middle = affine @ [SIZE / 2, SIZE / 2, SIZE / 2, 1]
    affine[:3, :3] = np.diag([-1.8, 1.8, 1.8])
    affine[:3, 3] += (middle - affine @ [20, 20, 20, 1])[:3]
    library.save(library.Nifti1Image(mask, affine), label)
    yield image, label
    image.unlink()
    label.unlink()


def test_every_voxel_and_the_label_are_where_simpleitk_has_them(
    bench: Bench, files: tuple[Path, Path], tmp_path: Path
) -> None:
    greys, segments = json.loads(bench.python(RESAMPLED, *map(str, files), str(SLICE)))
    assert min(np.sum(one) for one in segments) > 20
    for number, plane in enumerate(("axial", "coronal", "sagittal")):
        out = tmp_path / f"{plane}.png"
        ran = bench.run(
            "studies", "preview", STUDY, "--out", str(out), "--plane", plane, "--slice", str(SLICE + 1),
            "--window", "0,255", "--opacity", "100",
        )  # fmt: skip
        assert ran.code == 0, ran.stdout + ran.stderr
        width, height, data = pixels_of(out)
        assert (width, height) == (SIZE * PIXELS, SIZE * PIXELS)
        centres = np.frombuffer(data, np.uint8).reshape(height, width, 3)[8::PIXELS, 8::PIXELS].astype(int)
        inside = (centres == colour_of(1)).all(axis=2)
        expected, grey = np.asarray(segments[number]) == 1, np.asarray(greys[number])
        assert np.mean(inside == expected) > 0.995  # halves of a voxel may round either way
        seen = ~inside & ~expected
        assert np.abs(centres[..., 0] - grey)[seen].max() < 17  # beside the middle, neighbours count a little
        assert np.mean(np.fliplr(inside) == expected) < 0.95
        assert np.abs(np.fliplr(centres[..., 0]) - grey)[seen].max() > 100
    document = ran.document
    assert document["oblique_degrees"] == pytest.approx(16.3, abs=0.1)
    assert (document["labels"][0]["resampled"], document["labels"][0]["error"]) == (True, None)


PICTURE = np.arange(16)[:, None] * 40 + np.arange(16) * 3
"""The pixels of ``JPEG2000``. The files' intercept is -1000."""


def compressed_series(folder: Path, name: str) -> str:
    """Write a series of five slices in a transfer syntax, and return its UID."""
    voxels = np.stack([PICTURE.astype(np.int16)] * 5)
    uid = str(pydicom.uid.generate_uid())
    for path in write_series(folder, voxels, series_uid=uid, PixelRepresentation=0):
        one = pydicom.dcmread(path)
        one.compress(pydicom.uid.RLELossless)
        if name != "RLE":
            one.PixelData = pydicom.encaps.encapsulate([JPEG2000])
            syntaxes = {"JPEG 2000": pydicom.uid.JPEG2000Lossless, "HTJ2K": pydicom.uid.HTJ2KLossless}
            one.file_meta.TransferSyntaxUID = syntaxes[name]
        path.unlink()
        one.save_as(path.with_suffix(".dcm"))
    return uid


def write_seg(folder: Path) -> Any:
    """Write a SEG of the series in this folder. Returns the voxels of its label, in the picture's order."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    mask = np.zeros((5, 16, 16), np.uint8)
    mask[1, 2:5, 3:9], mask[3, 12, 1] = 1, 2
    label = SimpleITK.GetImageFromArray(mask)
    label.CopyInformation(image)
    SimpleITK.WriteImage(label, str(folder / "label.nii.gz"))
    (slices,) = read_series(folder.glob("*.dcm"))[0].values()
    names = {"names": {"1": "liver", "2": "left kidney"}, "algorithm": "", "version": "1", "who": ""}
    write_segmentation(folder / "label.nii.gz", slices, folder / "seg.dcm", names)
    return mask


async def shown(session: Session, uid: str, *labels: tuple[str, str]) -> tuple[Any, ...]:
    """Open a series that only the DICOM server has. Returns its volume, and a pixel of each voxel of slice 2."""
    preview = await open_preview(session, uid, labels)
    try:
        drawn = await preview.slice(SliceRequest(Plane.AXIAL, 1, -1000, 1550, 16 * 7, 16 * 9))
        assert (drawn.width, drawn.height) == (16 * 7, 16 * 9)
        pictures = [np.frombuffer(one, np.uint8).reshape(16 * 9, -1) for one in (drawn.grey, *drawn.segments)]
        return preview.volume, *(one[4::9, 3::7].astype(int) for one in pictures)
    finally:
        await preview.close()


async def test_compressed_series_and_their_segs_straight_from_orthanc(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.run("setup", timeout=1200).code == 0
    names = ("RLE", "JPEG 2000", "HTJ2K")
    uids = {name: compressed_series(tmp_path / "dicom" / name, name) for name in names}
    mask = write_seg(tmp_path / "dicom/RLE")
    with Orthanc(tmp_path / "orthanc") as orthanc:
        orthanc.store(tmp_path / "dicom")
        desk = desk_for(bench, orthanc, free_port(), tmp_path)
        monkeypatch.setenv("LABELTUI_STATE", desk.environment["LABELTUI_STATE"])
        session = open_profile(Launch(str(desk.config), PROFILE), FailingPrompter())
        await session.start(hold=False)
        try:
            _volume, grey = await shown(session, uids["JPEG 2000"])
            assert np.abs(grey - PICTURE / 10).max() < 2
            volume, grey, segments = await shown(session, uids["RLE"], ("final", ""))
            assert np.abs(grey - PICTURE / 10).max() < 2
            assert (segments == mask[1]).all()
            (label,) = volume.labels
            assert (label.tag, label.problem, label.resampled) == ("dicom-seg", "", False)
            assert [(one.name, one.voxels) for one in label.segments] == [("liver", 18), ("left kidney", 1)]
            with pytest.raises(Failed, match="High-Throughput JPEG 2000"):
                await shown(session, uids["HTJ2K"])
        finally:
            await session.close()
