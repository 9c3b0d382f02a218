"""Runs the program that converts DICOM and MetaImage files to NIfTI on this desk."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.domain.studies.headers import why_misread
from labeltui.domain.studies.image_files import name_on_host
from labeltui.monailabel.stow import Instance
from labeltui.operations.imaging import run_program
from labeltui.operations.studies.upload.files import FoundFile, LeftOut, Source, unfit
from labeltui.operations.studies.upload.progress import files_text

if TYPE_CHECKING:
    from labeltui.operations.progress import Report

NEEDED = ("SimpleITK", "pydicom")
INSTALL = "converting it needs an extra: pip install 'labeltui[dicom]'"


def missing_extra() -> bool:
    """Whether the extra for DICOM is not installed."""
    return any(importlib.util.find_spec(name) is None for name in NEEDED)


async def convert(
    sources: Sequence[Source], work: Path, report: Report
) -> tuple[list[FoundFile], list[LeftOut]]:
    """Convert files into ``work``.

    Returns the NIfTI files, and the files that could not be converted. A damaged file may crash the program;
    then the sources without an answer are left out. Cancelling kills the program.
    """
    if not sources:
        return [], []
    if missing_extra():
        places = dict.fromkeys(one.path.parent if one.dicom else one.path for one in sources)
        return [], [LeftOut(place, INSTALL) for place in places]
    report.progress(f"Converting {files_text(len(sources))} to NIfTI on this machine")
    made: list[FoundFile] = []
    left: list[LeftOut] = []
    await _run(_request(sources, work), lambda answer: _receive(answer, made, left), left, report)
    return made, left


async def prepare_dicom(
    sources: Sequence[Source],
    work: Path,
    secret: str,
    instances: list[Instance],
    left: list[LeftOut],
    report: Report,
) -> Mapping[str, Any]:
    """Append the DICOM files to send, and the files that can't be sent with the reason.

    With a ``secret``, the files are cleaned copies. Returns a summary of identifying headers, which
    ``imaging/instances.py`` describes.
    """
    summary: dict[str, Any] = {}

    def receive(answer: Mapping[str, Any]) -> None:
        if "instance" in answer:
            path, source, size = Path(answer["instance"]), Path(answer["source"]), int(answer["size"])
            instances.append(Instance(path, source, size, answer["study"], answer["series"], answer["sop"]))
        elif "summary" in answer:
            summary.update(answer["summary"])
        else:
            left.append(LeftOut(Path(answer["left"]), str(answer["why"])))

    if sources:
        request = _request(sources, work, instances=True, secret=secret)
        await _run(request, receive, left, report)
    return summary


async def _run(
    request: bytes, receive: Callable[[dict[str, Any]], None], left: list[LeftOut], report: Report
) -> None:
    """Run the program on a request. ``receive`` gets each answer that is no progress."""
    why = await run_program("labeltui.imaging.program", request, receive, report)
    if why:
        left.append(LeftOut(Path("conversion"), f"the program that converts ended early: {why}"))


def _request(sources: Sequence[Source], work: Path, **more: Any) -> bytes:
    def listed(*, dicom: bool) -> list[dict[str, str]]:
        return [{"path": str(one.path), "name": one.study} for one in sources if one.dicom is dicom]

    request = {"work": str(work), "images": listed(dicom=False), "dicom": listed(dicom=True), **more}
    return json.dumps(request).encode("ascii")


def _receive(answer: dict[str, Any], made: list[FoundFile], left: list[LeftOut]) -> None:
    if "left" in answer:
        left.append(LeftOut(Path(answer["left"]), str(answer["why"])))
        return
    path, name = Path(answer["made"]), name_on_host((f"{answer['name']}.nii.gz",))
    if why := unfit(name):
        left.append(LeftOut(Path(answer["source"]), why))
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        why = why_misread(".nii.gz", file, size)
    made.append(FoundFile(path, name, size, int(answer["mtime_ns"]), why, source=Path(answer["source"])))
