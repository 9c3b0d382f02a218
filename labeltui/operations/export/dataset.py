"""Writes a data set for nnU-Net v2: the cases that have an image and a label on the same grid."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.actions.exports import LabelsExportParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import file_name, split_label
from labeltui.domain.labels.nnunet import ENDING, dataset_document, is_dataset_name, label_names
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.text import one_line
from labeltui.operations.export.files import LeftOut, contents, write_folder
from labeltui.operations.export.images import fetch_images, find_images
from labeltui.operations.export.names import given_names
from labeltui.operations.export.place import CONTENTS
from labeltui.operations.export.selection import Chosen
from labeltui.operations.export.series import fetch_series
from labeltui.operations.imaging import run_program
from labeltui.operations.studies.names import model_values
from labeltui.support.atomic import write_file
from labeltui.support.locks import lock_file

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

ABSENT = "nnU-Net needs the image of each label: `labeltui studies list` lists the studies whose image the server has."
UNREAD = "`--format folder` exports it as it is."
READABLE = (".nii.gz", ".nii", ".nrrd", ".seg.nrrd")


def check_dataset(dest: Path, params: LabelsExportParams) -> None:
    """Raise Misused for parameters with which no data set can be written."""
    if not is_dataset_name(dest.name):
        raise Misused(
            Code.BAD_PARAMETER, f"nnU-Net finds no data set in a folder that is called {one_line(dest.name)}.",
            "Name it DatasetNNN_NAME with three digits, such as Dataset012_Liver.",
        )  # fmt: skip
    if not params.channel:
        raise Misused(
            Code.BAD_PARAMETER, "nnU-Net must know what the images show: it normalises CT differently.",
            "Add --channel CT, or another name such as MR.",
        )  # fmt: skip
    given_names(params)


async def write_dataset(
    session: Session,
    chosen: Sequence[Chosen],
    made: Path,
    images: Path,
    params: LabelsExportParams,
    report: Report,
) -> tuple[list[Chosen], list[LeftOut], dict[str, Any]]:
    """Write the data set to ``made``. ``images`` has the images that were fetched, and is removed at the end.

    Returns the exported labels, those left out, and ``dataset.json``. Raises Misused if a study has two of the chosen
    labels, OSError, and the errors of the connection.
    """
    twice = [study for study, count in Counter(one.entry.study for one in chosen).items() if count > 1]
    if twice:
        raise Misused(
            Code.BAD_PARAMETER, f"{one_line(twice[0])} has more than one of the chosen labels.",
            "Choose one by --tag or --version.",
        )  # fmt: skip
    await asyncio.to_thread(made.mkdir, mode=0o700)
    await asyncio.to_thread(images.mkdir, mode=0o700, exist_ok=True)
    with await lock_file(
        images / ".lock", lambda: report.progress("Another labeltui writes this data set; waiting")
    ):
        staged = made.with_name("labels")
        exported, left = await write_folder(session, chosen, staged, report)
        cases, incomplete = await _with_images(session, exported, images, staged, report)
        done, unfit, values = await _write_cases(made, cases, report)
        left += [*incomplete, *unfit]
        names, unnamed, unused = label_names(
            given_names(params), session.profile.server.labels, model_values(session), values
        )
        document = dataset_document(params.channel or "", names, len(done))
        await asyncio.to_thread(
            write_file, made / "dataset.json", json.dumps(document, indent=1), durable=True
        )
        await asyncio.to_thread(write_file, made / CONTENTS, contents(session, done), durable=True)
    return done, left, {"dataset": document, "unnamed": unnamed, "unused": unused}


async def _with_images(
    session: Session, labels: Sequence[Chosen], images: Path, staged: Path, report: Report
) -> tuple[dict[str, tuple[Chosen, Path, Path]], list[LeftOut]]:
    """Fetch the labels' images. Returns label, image file and label file of each case, by its name."""
    readable = [one for one in labels if split_label(one.entry.name)[1].lower() in READABLE]
    left = [LeftOut(one, "nnU-Net can't read its format", UNREAD) for one in labels if one not in readable]
    targets, whys = await _images(session, [one.entry.study for one in readable], images, report)
    left += [
        LeftOut(one, whys.get(one.entry.study, "its image is not on the host"), ABSENT)
        for one in readable
        if one.entry.study not in targets
    ]
    cases = {
        file_name(one.entry.study): (one, targets[one.entry.study], staged / one.file)
        for one in readable
        if one.entry.study in targets
    }
    return cases, left


async def _images(
    session: Session, studies: Sequence[str], images: Path, report: Report
) -> tuple[dict[str, Path], dict[str, str]]:
    """Fetch images, from the host's folder or the DICOMweb server. Returns their files, and why others have none."""
    if (web := session.dicomweb()) is not None:
        return await fetch_series(session, web, studies, images, report)
    found = await find_images(session, studies, images)
    await fetch_images(session, found, images, report)
    return {study: image.target for study, image in found.items()}, {}


async def _write_cases(
    made: Path, cases: Mapping[str, tuple[Chosen, Path, Path]], report: Report
) -> tuple[list[Chosen], list[LeftOut], set[int]]:
    """Run the program that writes the cases. Returns the labels that became cases, the others, and the label values."""
    done, left, values = list[Chosen](), list[LeftOut](), set[int]()

    def receive(answer: Mapping[str, Any]) -> None:
        if "case" in answer:
            done.append(replace(cases[answer["case"]][0], file=f"labelsTr/{answer['case']}{ENDING}"))
            values.update(answer["values"])
        else:
            left.append(LeftOut(cases[answer["left"]][0], str(answer["why"])))

    listed = [
        {"name": name, "image": str(image), "label": str(label)}
        for name, (_one, image, label) in cases.items()
    ]
    request = json.dumps({"target": str(made), "cases": listed}).encode("ascii")
    why = await run_program("labeltui.imaging.cases", request, receive, report)
    if why:
        raise Failed(
            Code.NOT_WRITTEN,
            f"The program that writes the cases ended early: {why}.",
            "Nothing was exported.",
        )
    return done, left, values
