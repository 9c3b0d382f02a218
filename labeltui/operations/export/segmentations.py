"""Writes labels as DICOM SEG files, which refer to the studies' DICOM files on this machine."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui import __version__
from labeltui.actions.exports import LabelsExportParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import split_label
from labeltui.domain.labels.nnunet import label_names
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.studies.image_files import name_on_host, split_image
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.text import one_line
from labeltui.imaging import NO_SERIES
from labeltui.operations.export.files import LeftOut, contents, write_folder
from labeltui.operations.export.names import given_names
from labeltui.operations.export.place import CONTENTS
from labeltui.operations.export.selection import Chosen
from labeltui.operations.imaging import run_program
from labeltui.operations.studies.names import model_values
from labeltui.operations.studies.upload.files import Finder
from labeltui.support.atomic import write_file

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

SHOWN = 3
NEEDED = ("SimpleITK", "pydicom", "highdicom")


def check_segmentations(params: LabelsExportParams) -> None:
    """Raise Misused without the DICOM files or the packages that read them."""
    if not params.dicom:
        raise Misused(
            Code.BAD_PARAMETER, "A DICOM SEG refers to the DICOM files of its study, and none are named.",
            "Name the folders that were uploaded: --dicom FOLDER.",
        )  # fmt: skip
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise Misused(
            Code.BAD_PARAMETER, "Writing DICOM needs an extra of labeltui, which is not installed.",
            "Install it: pip install 'labeltui[dicom]'",
        )  # fmt: skip


async def write_segmentations(
    session: Session, chosen: Sequence[Chosen], made: Path, params: LabelsExportParams, report: Report
) -> tuple[list[Chosen], list[LeftOut], dict[str, Any]]:
    """Write ``TAG/STUDY.seg.dcm`` for each label, and ``labels.json``.

    Returns the exported labels, those left out, the values without a name, and the names without a code.
    Raises OSError and Misused.
    """
    work = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="labeltui-export-"))
    try:
        finder = Finder(work)
        await asyncio.to_thread(finder.find, params.dicom)
        staged = made.with_name("labels")
        copied, left = await write_folder(session, chosen, staged, report)
        files = {str(staged / one.file): one for one in copied}
        dicom = [
            {"path": str(one.path), "name": split_image(name_on_host((f"{one.study}.nii.gz",)))[0]}
            for one in finder.sources
            if one.dicom
        ]
        return await _run(session, files, dicom, left, made, params, report)
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


async def _run(
    session: Session,
    files: Mapping[str, Chosen],
    dicom: list[dict[str, str]],
    left: list[LeftOut],
    made: Path,
    params: LabelsExportParams,
    report: Report,
) -> tuple[list[Chosen], list[LeftOut], dict[str, Any]]:
    done, values, uncoded = list[Chosen](), set[int](), dict[str, None]()

    def receive(answer: Mapping[str, Any]) -> None:
        if "made" in answer:
            one = files[answer["made"]]
            done.append(replace(one, file=_target(one)))
            values.update(answer["values"])
            uncoded.update(dict.fromkeys(answer["uncoded"]))
        else:
            why = str(answer["why"])
            left.append(LeftOut(files[answer["left"]], why, _hint(dicom) if why == NO_SERIES else ""))

    known = label_names(
        given_names(params), session.profile.server.labels, model_values(session), range(1, 256)
    ).names
    request = {
        "dicom": dicom,
        "names": known,
        "version": __version__,
        "labels": [
            {
                "file": file, "study": one.entry.study, "target": str(made / _target(one)), "who": one.entry.who,
                "algorithm": "" if one.entry.tag == FINAL_TAG else one.entry.tag,
            }
            for file, one in files.items()
        ],
    }  # fmt: skip
    why = await run_program(
        "labeltui.imaging.segmentations", json.dumps(request).encode("ascii"), receive, report
    )
    if why:
        raise Failed(
            Code.NOT_WRITTEN, f"The program that writes DICOM SEG ended early: {why}.", "Nothing was exported."
        )  # fmt: skip
    await asyncio.to_thread(made.mkdir, mode=0o700, exist_ok=True)
    await asyncio.to_thread(write_file, made / CONTENTS, contents(session, done), durable=True)
    named = label_names(given_names(params), session.profile.server.labels, model_values(session), values)
    return done, left, {"unnamed": named.unnamed, "uncoded": list(uncoded)}


def _hint(dicom: Sequence[Mapping[str, str]]) -> str:
    """Say how the DICOM files of a study are found, and of which studies the named ones are."""
    names = list(dict.fromkeys(one["name"] for one in dicom))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    found = f"are of {', '.join(map(one_line, names[:SHOWN]))}{more}" if names else "are none"
    return (
        f"The DICOM files below --dicom {found}. A study's files lie in a folder of its name (of several series there, "
        "NAME_s3 is number 3), or have its id as their SeriesInstanceUID: name the folder that was uploaded."
    )


def _target(one: Chosen) -> str:
    return split_label(one.file)[0] + ".seg.dcm"
