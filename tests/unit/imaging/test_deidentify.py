"""Nothing that PS3.15's basic profile names leaves with its value, and files of one patient stay together."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.paths import DICOM

pytestmark = pytest.mark.slow
MARK = "IDENTIFY"
VALUES: dict[str, Any] = {
    "DA": "19990203", "TM": "030405", "DT": "19990203030405", "UI": "1.2.3.99", "IS": "99", "DS": "99.5", "AS": "077Y",
    "OB": b"IDENTIFY", "OW": b"IDENTIFY", "UN": b"IDENTIFY", "US": 9999, "FL": 99.5, "FD": 99.5, "UL": 9999, "SL": 9999,
    "SS": 9999, "OF": b"IDENTIFY", "OD": b"IDENTIFY", "OL": b"IDENTIFY", "OV": b"IDENTIFY", "AT": 0x00100010,
    "UV": 9999, "SV": 9999, "UR": "http://identify",
}  # fmt: skip


def profile_tags() -> list[tuple[int, int]]:
    lines = (DICOM / "basic_profile.txt").read_text().splitlines()
    rows = [[int(word, 16) for word in line.split()] for line in lines if line[0] != "#"]
    # A row with masks stands for repeating groups: take one of them.
    return [
        (row[0], row[1]) if len(row) == 2 else (row[0] & ~1 or 0x5000, row[1 if len(row) < 4 else 2])
        for row in rows
    ]


def image(**fields: Any) -> Any:
    """A CT slice with a few identifying elements."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = (
        CTImageStorage,
        "1.2.3.1",
    )
    one.file_meta.SourceApplicationEntityTitle = MARK
    one.SOPClassUID, one.SOPInstanceUID, one.Modality = CTImageStorage, "1.2.3.1", "CT"
    one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = "1.2.3.2", "1.2.3.3", "1.2.3.4"
    one.PatientName, one.PatientID, one.StudyDate, one.StudyTime = "Doe^Jane", "4711", "20200301", "101112"
    one.Rows = one.Columns = 2
    one.PixelSpacing = [1, 1]
    for name, value in fields.items():
        setattr(one, name, value)
    return one


def cleaned(*images: Any, secret: str = "s") -> Any:
    from labeltui.imaging.deidentify import Deidentifier

    cleaner = Deidentifier(secret)
    for one in images:
        cleaner.clean(one)
    return cleaner


def test_each_tag_of_the_basic_profile_is_gone_or_replaced() -> None:
    from pydicom.datadict import dictionary_VR
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence
    from pydicom.tag import Tag

    one, put = image(), {}
    inner = image()
    del inner.file_meta
    for group, element in profile_tags():
        tag = Tag(group, element)
        try:
            vr = dictionary_VR(tag).split(" ")[0]
        except KeyError:
            vr = "LO"
        if tag.is_private or group == 2 or vr == "SQ":
            continue
        put[tag] = VALUES.get(vr, MARK)
        one.add_new(tag, vr, put[tag])
        inner.add_new(tag, vr, put[tag])
    holder = Dataset()
    holder.FrameContentSequence = Sequence([inner])
    one.PerFrameFunctionalGroupsSequence = Sequence([holder])
    one.ReferencedStudySequence = Sequence([image()])
    one.private_block(0x0099, "LABELTUI", create=True).add_new(0x01, "LO", MARK)
    one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    assert len(put) > 500
    cleaner = cleaned(one)
    frame = one.PerFrameFunctionalGroupsSequence[0].FrameContentSequence[0]
    for where in (one, frame):
        left = [tag for tag, value in put.items() if tag in where and where[tag].value == value]
        assert left == []
    assert MARK not in str(one)
    assert MARK not in str(one.file_meta)
    assert "ReferencedStudySequence" not in one
    assert {"private elements", "PatientBirthDate", "InstitutionName"} <= set(cleaner.removed)
    assert (one.Rows, list(one.PixelSpacing), one.Modality) == (2, [1, 1], "CT")
    assert "DICOGNITO" in str(one.DeidentificationMethod)


def test_files_of_a_patient_stay_together_and_are_the_same_again() -> None:
    first, second, other = (
        image(),
        image(SOPInstanceUID="1.2.3.9", StudyDate="20200311"),
        image(PatientID="5"),
    )
    cleaned(first, second, other)
    again = image()
    cleaned(again)
    foreign = image()
    cleaned(foreign, secret="another")
    assert first.SeriesInstanceUID == second.SeriesInstanceUID == again.SeriesInstanceUID
    assert first.SeriesInstanceUID not in ("1.2.3.3", foreign.SeriesInstanceUID, other.SeriesInstanceUID)
    assert first.SOPInstanceUID not in (second.SOPInstanceUID, "1.2.3.1")
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert (first.PatientID, first.PatientName) == (second.PatientID, second.PatientName)
    assert "Doe" not in str(first.PatientName)

    def day(one: Any) -> date:
        return datetime.strptime(one.StudyDate, "%Y%m%d").date()

    assert (day(second) - day(first)).days == 10  # the time between two studies stays
    assert day(first) != date(2020, 3, 1)
    assert day(first) != day(other)


def test_files_are_cleaned_into_another_folder_with_a_list_of_what_went(tmp_path: Path) -> None:
    import numpy as np
    import pydicom

    from labeltui.imaging.instances import prepare
    from tests.dicom_files import write_series

    paths = write_series(
        tmp_path / "ct", np.zeros((2, 3, 4), np.int16), BurnedInAnnotation="YES", InstitutionName=MARK
    )
    (tmp_path / "noise").write_bytes(bytes(128) + b"DICMnoise")
    said: list[dict[str, Any]] = []
    work = tmp_path / "work"
    work.mkdir()
    prepare([*paths, tmp_path / "noise"], work, "secret", lambda **message: said.append(message))
    instances = [one for one in said if "instance" in one]
    summary = said[-1]["summary"]
    assert len(instances) == 2
    assert {one["left"] for one in said if "left" in one} == {str(tmp_path / "noise")}
    assert summary["headers"][:2] == ["PatientName", "PatientID"]
    assert "InstitutionName" in summary["removed"]
    assert (summary["patients"], summary["burnt_in"]) == (1, 2)
    for one in instances:
        back = pydicom.dcmread(one["instance"])
        assert (back.SOPInstanceUID, back.pixel_array.shape) == (one["sop"], (3, 4))
        data = Path(one["instance"]).read_bytes()
        assert b"Doe" not in data
        assert MARK.encode() not in data
    assert all(b"Doe" in path.read_bytes() for path in paths)
