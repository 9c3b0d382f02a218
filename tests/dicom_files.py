"""DICOM series, written file by file with pydicom, which the extra ``labeltui[dicom]`` brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def write_series(
    folder: Path,
    voxels: np.ndarray,
    *,
    orientation: Sequence[float] = AXIAL,
    origin: Sequence[float] = (10.0, -20.0, 30.0),
    spacing: Sequence[float] = (0.7, 0.9, 2.5),
    number: int = 3,
    positions: Sequence[float] | None = None,
    shift: float = 0.0,
    **fields: Any,
) -> list[Path]:
    """Write ``voxels`` (slice, row, column) as CT, in files whose names are not in the order of their positions.

    ``spacing`` is that of columns, rows and slices in mm; ``positions`` of the slices along the normal replace the
    last. ``shift`` moves each slice along its rows, as a tilted gantry does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    uids = fields.pop("series_uid", generate_uid()), generate_uid()
    paths = []
    for index, picture in enumerate(voxels):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"IM{number}_{(index * 7) % 101:03}_{index}"
        one = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        one.SeriesInstanceUID, one.StudyInstanceUID = uids
        one.PatientName, one.PatientID, one.Modality = "Doe^Jane", "4711", "CT"
        one.SeriesNumber, one.InstanceNumber = number, len(voxels) - index
        away = positions[index] if positions is not None else index * spacing[2]
        place = np.array(origin) + normal * away + row * shift * index
        one.ImagePositionPatient = [f"{value:.6f}" for value in place]
        one.ImageOrientationPatient = [f"{value:.9f}" for value in orientation]
        one.PixelSpacing = [spacing[1], spacing[0]]
        one.Rows, one.Columns = picture.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleSlope, one.RescaleIntercept = 1, -1000
        one.PixelData = picture.astype("<i2").tobytes()
        for name, value in fields.items():
            setattr(one, name, value)
        one.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
