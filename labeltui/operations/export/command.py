"""``labels export``."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.actions.exports import DICOM_SEG, FOLDER, NNUNET, ZIP, LabelsExportParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.text import one_line
from labeltui.operations.export.dataset import check_dataset, write_dataset
from labeltui.operations.export.files import LeftOut, write_folder, write_zip
from labeltui.operations.export.names import given_names
from labeltui.operations.export.place import beside, check_place, put
from labeltui.operations.export.segmentations import check_segmentations, write_segmentations
from labeltui.operations.export.selection import Chosen, choose, copy_missing

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

SHOWN = 3


async def labels_export(session: Session, params: LabelsExportParams, report: Report) -> Document:
    """Write the chosen labels to a new folder or file, completely or not at all.

    Labels that are only on the host are copied first; without a connection, only the copies on this machine are
    exported. Damaged and changed copies are left out and named. Raises Refused ``exists`` for an earlier export
    without ``replace``, Failed ``not_written``, ``not_found`` if no label matches, and ``studies_left_out``
    with the document if no label could be exported.
    """
    dest, kind = _place(params)
    if kind == NNUNET:
        check_dataset(dest, params)
    if kind == DICOM_SEG:
        given_names(params)
        check_segmentations(params)
    await asyncio.to_thread(check_place, dest, replace=params.replace)
    report.emit(_step("copy", "Copy the labels to this machine", "running"))
    missing = await copy_missing(session, report)
    chosen, unknown_who = await choose(session, params)
    missing = "; ".join(filter(None, (missing, unknown_who)))
    report.emit(_step("copy", "Copy the labels to this machine", "done"))
    title = f"Write {len(chosen)} labels"
    report.emit(_step("write", title, "running"))
    images = dest.with_name(f".{dest.name}.labeltui-images")
    with beside(dest) as folder:
        made, more = folder / "export", dict[str, Any]()
        if kind == NNUNET:
            exported, left, more = await write_dataset(session, chosen, made, images, params, report)
        elif kind == DICOM_SEG:
            exported, left, more = await write_segmentations(session, chosen, made, params, report)
        else:
            write = write_zip if kind == ZIP else write_folder
            exported, left = await write(session, chosen, made, report)
        if exported:
            await asyncio.to_thread(put, made, dest, replace=params.replace)
    if kind == NNUNET:
        await asyncio.to_thread(shutil.rmtree, images, ignore_errors=True)
    document = {**_document(session, dest, kind, exported, left, missing, more), **more}
    if document["error"] is not None:
        raise Failed.of_document(document)
    report.emit(_step("write", title, "done"))
    return document


def _place(params: LabelsExportParams) -> tuple[Path, str]:
    dest = Path(params.dest).expanduser().absolute()
    kind = params.format or (ZIP if dest.suffix.lower() == ".zip" else FOLDER)
    if not dest.name:
        raise Misused(Code.BAD_PARAMETER, "The destination has no name.", "Name a folder or file to create.")
    if kind == ZIP and dest.suffix.lower() != ".zip":
        raise Misused(Code.BAD_PARAMETER, "The name of a zip file must end in .zip.")
    return dest, kind


def _step(step: str, title: str, state: str) -> dict[str, str]:
    return {"step": step, "title": title, "state": state}


def _document(
    session: Session,
    dest: Path,
    kind: str,
    exported: list[Chosen],
    left: list[LeftOut],
    missing: str,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    why = "".join(f"; {one_line(one.shown)}: {one.why}" for one in left[:SHOWN])
    parts = [
        f"{len(exported)} {'label' if len(exported) == 1 else 'labels'} exported to {one_line(str(dest))}"
    ]
    parts += [f"{len(left)} left out"] if left else []
    why += _nameless(more)
    if uncoded := more.get("uncoded"):
        listed = ", ".join(map(one_line, uncoded[:SHOWN])) + (", ..." if len(uncoded) > SHOWN else "")
        why += f"; segments without a code of their own have the code Tissue: {listed}"
    document: dict[str, Any] = {
        "as_of": moment(session.clock()),
        "format": kind,
        "dest": str(dest),
        "exported": [one.row for one in exported],
        "left_out": [one.row for one in left],
        "missing": missing or None,
        "message": ", ".join(parts) + why + (f"; {missing}" if missing else ""),
        "error": None,
    }
    if not exported:
        first = next((one for one in left if one.hint), left[0])
        document["error"] = {
            "code": Code.STUDIES_LEFT_OUT,
            "message": f"No label can be exported. {one_line(first.shown)}: {first.why}.",
            "hint": first.hint or "`labeltui studies preview STUDY` shows the label on its image.",
        }
    return document


def _nameless(more: Mapping[str, Any]) -> str:
    """Return clauses on the values without a name, those included that only nnU-Net's consecutive numbers need."""
    unnamed, unused = more.get("unnamed") or (), more.get("unused") or ()
    clauses = [f"; values without a name are called {_called(unnamed)}"] if unnamed else []
    if unused:
        clauses.append(
            f"; nnU-Net needs consecutive values, so those that no label has are called {_called(unused)}"
        )
    return "".join(clauses) + ("; --name names them" if clauses else "")


def _called(values: Sequence[int]) -> str:
    return ", ".join(f"label_{value}" for value in values)
