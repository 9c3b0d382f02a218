"""Runs the program that converts DICOM and MetaImage files to NIfTI on this desk."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from labeltui.domain.studies.headers import HEAD, why_misread
from labeltui.domain.studies.image_files import name_on_host
from labeltui.operations.studies.upload.files import FoundFile, LeftOut, Source

if TYPE_CHECKING:
    from labeltui.operations.progress import Report

NEEDED = ("SimpleITK", "pydicom")
INSTALL = "converting it needs an extra: pip install 'labeltui[dicom]'"
LONGEST_LINE = 1 << 20
SHOWN_ERROR = 200


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
    report.progress(f"Converting {len(sources)} files to NIfTI on this machine")
    made: list[FoundFile] = []
    left: list[LeftOut] = []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "labeltui.imaging.program", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
    )  # fmt: skip
    try:
        await _converse(process, _request(sources, work), made, left, report)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return made, left


def _request(sources: Sequence[Source], work: Path) -> bytes:
    def listed(*, dicom: bool) -> list[dict[str, str]]:
        return [{"path": str(one.path), "name": one.study} for one in sources if one.dicom is dicom]

    request = {"work": str(work), "images": listed(dicom=False), "dicom": listed(dicom=True)}
    return json.dumps(request).encode("ascii")


async def _converse(
    process: asyncio.subprocess.Process,
    request: bytes,
    made: list[FoundFile],
    left: list[LeftOut],
    report: Report,
) -> None:
    stdin = cast(asyncio.StreamWriter, process.stdin)
    errors = asyncio.create_task(cast(asyncio.StreamReader, process.stderr).read())
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(request)
        await stdin.drain()
    stdin.close()
    async for line in cast(asyncio.StreamReader, process.stdout):
        _receive(json.loads(line), made, left, report)
    said = (await errors).decode("utf-8", "replace").strip().splitlines()
    code = await process.wait()
    if code:
        why = said[-1][:SHOWN_ERROR] if said else f"exit code {code}"
        left.append(LeftOut(Path("conversion"), f"the program that converts ended early: {why}"))


def _receive(answer: dict[str, Any], made: list[FoundFile], left: list[LeftOut], report: Report) -> None:
    if "progress" in answer:
        report.progress(str(answer["progress"]))
    elif "left" in answer:
        left.append(LeftOut(Path(answer["left"]), str(answer["why"])))
    else:
        path, name = Path(answer["made"]), name_on_host((f"{answer['name']}.nii.gz",))
        size = path.stat().st_size
        with path.open("rb") as file:
            why = why_misread(".nii.gz", file.read(HEAD), size)
        made.append(FoundFile(path, name, size, int(answer["mtime_ns"]), why, source=Path(answer["source"])))
