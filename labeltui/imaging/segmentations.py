"""The program that writes DICOM SEG files: one JSON request on stdin, JSON lines on stdout.

Request  ``{"dicom": [{path, name}], "labels": [{file, study, target, algorithm, who}], "names": {value: name}}``
  ``dicom`` are DICOM files with the name of their folder, as for ``program.py``. A label belongs to the series
  that its study was converted from, or whose SeriesInstanceUID is its study's id. ``algorithm`` is empty for a
  label that a person has made.
Answers  ``{"progress": text}``; ``{"made": file, "values": [...], "uncoded": [...]}``; ``{"left": file, "why": text}``
  ``uncoded`` are the names of segments that say no organ or abnormality, so that their code is ``Tissue``.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import SimpleITK
from pydicom.sr.codedict import codes

from labeltui.imaging import NO_SERIES
from labeltui.imaging.codes import TISSUE, concept_of
from labeltui.imaging.series import NotAVolume, Slice, named, read_series, volume_of

NEAR_MM = 1e-2  # formats round positions; a label of another image is farther away
MOST = 255
SERIES_NUMBER = 900
MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


def say(**message: Any) -> None:
    """Print one answer."""
    print(json.dumps(message), flush=True)


def series_by_study(files: Sequence[Mapping[str, str]]) -> dict[str, Sequence[Slice]]:
    """Return the series of DICOM files by the study's id and by the SeriesInstanceUID."""
    names = {Path(one["path"]): one["name"] for one in files}
    series, _left = read_series(list(names))
    return {**dict(named(series.values(), names)), **series}


def write_segmentation(
    label: Path, slices: Sequence[Slice], target: Path, request: Mapping[str, Any]
) -> dict[int, str]:
    """Write a SEG and return the names of the label's values except 0. Raises NotAVolume with the reason."""
    files = volume_of(slices)
    if len(files) == 1:
        raise NotAVolume("its series is one file with several frames, for which no SEG is written")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files])
    image, mask = reader.Execute(), SimpleITK.ReadImage(str(label))
    _compare(image, mask)
    voxels = SimpleITK.GetArrayFromImage(mask)
    found = np.unique(voxels)
    if not np.array_equal(found, np.round(found)) or found[0] < 0 or found[-1] > MOST:
        raise NotAVolume(f"it has values that are no whole numbers from 0 to {MOST}")
    values = [int(value) for value in found if value]
    if not values:
        raise NotAVolume("it has no segment")
    segments = np.zeros(voxels.shape, dtype=np.uint8)
    for number, value in enumerate(values, 1):
        segments[voxels == value] = number
    names = {value: request["names"].get(str(value), f"label_{value}") for value in values}
    described = [
        _segment(number, name, request["algorithm"]) for number, name in enumerate(names.values(), 1)
    ]
    made = highdicom.seg.Segmentation(
        _sources(files, image.GetSpacing()[2]),
        segments,
        highdicom.seg.SegmentationTypeValues.BINARY,
        described,
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="labeltui",
        manufacturer_model_name="labeltui",
        software_versions=request["version"],
        device_serial_number="0",
        content_creator_name=request["who"] or None,
        content_label="LABEL",
    )
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made.save_as(target)
    return names


def _sources(files: Sequence[Path], apart: float) -> list[Any]:
    """Read the series. Elements that a SEG must have, and that de-identified files may lack, become empty.

    ``apart`` are the mm between slices, for files without a thickness.
    """
    sources: list[Any] = [pydicom.dcmread(path) for path in files]
    frame = sources[0].get("FrameOfReferenceUID") or highdicom.UID()
    for source in sources:
        source.FrameOfReferenceUID = frame
        source.SliceThickness = source.get("SliceThickness") or f"{apart:.6g}"
        for name in MAY_BE_EMPTY:
            if name not in source:
                setattr(source, name, None)
    return sources


def _segment(number: int, name: str, algorithm: str) -> Any:
    """Describe a segment. Its codes are those that its name says."""
    kinds, concept = highdicom.seg.SegmentAlgorithmTypeValues, concept_of(name)
    by = algorithm and highdicom.AlgorithmIdentificationSequence(
        name=algorithm[:64], family=codes.DCM.ArtificialIntelligence, version="unknown"
    )
    segment = highdicom.seg.SegmentDescription(
        number,
        name[:64],
        getattr(codes.SCT, concept.category),
        getattr(codes.SCT, concept.kind),
        kinds.AUTOMATIC if algorithm else kinds.MANUAL,
        by or None,
        anatomic_regions=[getattr(codes.SCT, concept.region)] if concept.region else None,
    )
    if concept.side:
        side = highdicom.sr.CodedConcept.from_code(getattr(codes.SCT, concept.side))
        segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [side]
    return segment


def _compare(image: Any, mask: Any) -> None:
    """Raise NotAVolume unless both are on the same grid."""
    if mask.GetDimension() != 3 or mask.GetNumberOfComponentsPerPixel() != 1:
        raise NotAVolume("it is no volume of single values")
    if image.GetSize() != mask.GetSize():
        sizes = " and ".join("x".join(map(str, one.GetSize())) for one in (image, mask))
        raise NotAVolume(f"image and label have different sizes ({sizes})")
    corners = list(itertools.product(*((0, size - 1) for size in image.GetSize())))
    here, there = (
        np.array([one.TransformIndexToPhysicalPoint(at) for at in corners]) for one in (image, mask)
    )
    apart = float(np.linalg.norm(here - there, axis=1).max())
    if not apart <= NEAR_MM:
        raise NotAVolume(f"image and label lie {apart:.3g} mm apart")


def main() -> None:
    """Write a SEG for each label that the request names."""
    request = json.load(sys.stdin)
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    labels = request["labels"]
    say(progress=f"Reading the headers of {len(request['dicom'])} DICOM files")
    series = series_by_study(request["dicom"])
    for number, one in enumerate(labels, 1):
        say(progress=f"Writing SEG {number} of {len(labels)}")
        slices = series.get(one["study"])
        if slices is None:
            say(left=one["file"], why=NO_SERIES)
            continue
        try:
            names = write_segmentation(Path(one["file"]), slices, Path(one["target"]), {**request, **one})
        except NotAVolume as error:
            say(left=one["file"], why=str(error))
        except (RuntimeError, ValueError, TypeError, AttributeError, KeyError) as error:
            lines = str(error).splitlines() or [type(error).__name__]
            say(left=one["file"], why=f"no SEG can be made: {lines[-1][:200]}")
        else:
            uncoded = [name for name in names.values() if concept_of(name).kind == TISSUE]
            say(made=one["file"], values=list(names), uncoded=uncoded)


if __name__ == "__main__":
    main()
