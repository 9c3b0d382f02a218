"""Removes elements that identify a patient from DICOM files.

An element stays only if it is listed here, because geometry or pixels need it. So unknown elements are removed
too, such as private ones, overlays and texts. dicognito replaces the values of elements that must stay: UIDs,
dates, name and ids. It does so in the same way for every file of a patient, with one shift of the dates for
each patient. dicognito is used instead of deid, because one seed gives a patient's values and dates the same
replacements, without a recipe.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from dicognito.anonymizer import Anonymizer
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset

REPLACED = """
SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID DimensionOrganizationUID PatientName PatientID
AccessionNumber StudyID StudyDate StudyTime SeriesDate SeriesTime AcquisitionDate AcquisitionTime AcquisitionDateTime
ContentDate ContentTime
"""
"""Elements that stay with new values. Names and ids are replaced by random ones; dates and times are shifted."""
KEPT = """
SOPClassUID SpecificCharacterSet Modality SeriesNumber InstanceNumber AcquisitionNumber ImageType BodyPartExamined
Laterality PatientPosition Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation PlanarConfiguration
BitsAllocated BitsStored HighBit PixelRepresentation PixelAspectRatio SmallestImagePixelValue LargestImagePixelValue
PixelPaddingValue PixelPaddingRangeLimit RescaleSlope RescaleIntercept RescaleType WindowCenter WindowWidth
VOILUTFunction LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod PresentationLUTShape
PixelData FloatPixelData DoubleFloatPixelData RedPaletteColorLookupTableDescriptor
GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
GreenPaletteColorLookupTableData BluePaletteColorLookupTableData PixelSpacing ImagerPixelSpacing SliceThickness
SpacingBetweenSlices SliceLocation ImagePositionPatient ImageOrientationPatient GantryDetectorTilt KVP
ScanningSequence SequenceVariant ScanOptions MRAcquisitionType RepetitionTime EchoTime InversionTime FlipAngle
MagneticFieldStrength EchoNumbers EchoTrainLength NumberOfAverages TemporalPositionIdentifier
NumberOfTemporalPositions SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence PixelMeasuresSequence
PlanePositionSequence PlaneOrientationSequence FrameContentSequence InStackPositionNumber DimensionIndexValues
DimensionOrganizationSequence DimensionIndexSequence DimensionIndexPointer FunctionalGroupPointer FrameVOILUTSequence
PixelValueTransformationSequence FrameAcquisitionNumber TemporalPositionIndex FrameType CTImageFrameTypeSequence
MRImageFrameTypeSequence VolumetricProperties VolumeBasedCalculationTechnique
"""
REQUIRED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
            "AccessionNumber", "ReferringPhysicianName")  # fmt: skip
"""Elements that every image must have, even if they are empty."""
_REPLACED = frozenset(map(tag_for_keyword, REPLACED.split()))
_ALLOWED = _REPLACED | frozenset(map(tag_for_keyword, KEPT.split()))


def headers_of(dataset: Dataset) -> list[str]:
    """Return the names of the elements with a value that :meth:`Deidentifier.clean` removes or replaces."""
    return [
        _name(element)
        for element in dataset
        if (element.tag not in _ALLOWED or element.tag in _REPLACED) and element.value not in (None, "", b"")
    ]


class Deidentifier:
    """Cleans files. The new values are computed from ``secret``: the same secret gives the same values."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._patients: dict[str, Anonymizer] = {}
        self.removed: Counter[str] = Counter()

    def clean(self, dataset: Dataset) -> None:
        """Remove and replace elements in place, also in the file's meta information."""
        patient = str(dataset.get("PatientID") or dataset.get("StudyInstanceUID") or "")
        self._strip(dataset)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
        dataset.file_meta, dataset.preamble = meta, b"\0" * 128
        anonymizer = self._patients.get(patient)
        if anonymizer is None:
            anonymizer = self._patients[patient] = Anonymizer(seed=f"{self._secret}/{patient}")
        anonymizer.anonymize(dataset)
        for name in REQUIRED:
            if name not in dataset:
                setattr(dataset, name, "")

    def _strip(self, dataset: Dataset) -> None:
        for tag in list(dataset.keys()):
            if tag not in _ALLOWED:
                self.removed[_name(dataset[tag])] += 1
                del dataset[tag]
            elif dataset[tag].VR == "SQ":
                for item in dataset[tag].value:
                    self._strip(item)
            elif dataset[tag].VR == "UN":
                self.removed[_name(dataset[tag])] += 1
                del dataset[tag]


def _name(element: Any) -> str:
    if element.tag.is_private:
        return "private elements"
    return keyword_for_tag(element.tag) or str(element.tag)
