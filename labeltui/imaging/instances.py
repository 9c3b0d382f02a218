"""Prepares DICOM files for a DICOMweb server: lists headers that identify patients, and can clean the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from labeltui.imaging.deidentify import Deidentifier, headers_of

BURNT_IN = frozenset({"US", "IVUS", "ES", "GM", "XC", "OT", "SC", "RF", "XA"})
"""Modalities whose pixels often show names and dates."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FIRST = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAddress", "AccessionNumber",
         "ReferringPhysicianName", "InstitutionName", "StudyDate")  # fmt: skip
UNREADABLE = (OSError, ValueError, KeyError, AttributeError, TypeError, NotImplementedError, EOFError)
EVERY = 500


def prepare(paths: Sequence[Path], work: Path, secret: str, say: Callable[..., None]) -> None:
    """Print one ``instance`` per file, and a ``summary`` at the end.

    With a ``secret``, write clean copies to ``work``.
    """
    cleaner = Deidentifier(secret) if secret else None
    headers: Counter[str] = Counter()
    patients: set[str] = set()
    burnt_in = 0
    for number, path in enumerate(paths):
        if number % EVERY == 0:
            say(progress=f"Reading DICOM files, {number} of {len(paths)}")
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=cleaner is None)
            found = headers_of(dataset)
            patient, burnt = str(dataset.get("PatientID", "")), _may_show_text(dataset)
            target = path
            if cleaner is not None:
                cleaner.clean(dataset)
                target = work / f"{number}.dcm"
                dataset.save_as(target, enforce_file_format=True)
            uids = {
                name: str(dataset[name].value)
                for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            }
        except (pydicom.errors.InvalidDicomError, *UNREADABLE) as error:
            say(left=str(path), why=f"it can't be read as DICOM: {type(error).__name__}")
            continue
        headers.update(found)
        patients.add(patient)
        burnt_in += burnt
        say(instance=str(target), source=str(path), size=target.stat().st_size, **_uids(uids))
    named = sorted(headers, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    removed = sorted(cleaner.removed) if cleaner is not None else []
    say(summary={"headers": named, "removed": removed, "patients": len(patients), "burnt_in": burnt_in})


def _uids(uids: dict[str, str]) -> dict[str, Any]:
    return {
        "study": uids["StudyInstanceUID"],
        "series": uids["SeriesInstanceUID"],
        "sop": uids["SOPInstanceUID"],
    }


def _may_show_text(dataset: Dataset) -> bool:
    said = str(dataset.get("BurnedInAnnotation", "")).upper()
    if said in ("YES", "NO"):
        return said == "YES"
    captured = str(dataset.get("SOPClassUID", "")).startswith(SECONDARY_CAPTURE)
    return captured or str(dataset.get("Modality", "")) in BURNT_IN
