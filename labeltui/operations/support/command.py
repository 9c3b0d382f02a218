"""``support``: list what a support bundle would have, or save it as a zip file on this desk."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labeltui.actions.session import SupportParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Misused, Refused
from labeltui.domain.text import one_line, plural, size
from labeltui.operations.support.collect import as_bytes, collect, known_names, known_secrets
from labeltui.operations.support.redaction import Redaction
from labeltui.support.atomic import write_file
from labeltui.support.file_errors import advice, reason

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

REACH_S = 15.0
SUFFIX = ".zip"
WITHOUT_NAMES = (
    "Keys, tokens and passwords are removed; hosts, studies and people have numbers instead of names."
)
WITH_NAMES = "Keys, tokens and passwords are removed; names of hosts, studies and people are in it."


class Part(NamedTuple):
    """One redacted file."""

    name: str
    about: str
    data: bytes


def default_name(now: datetime) -> str:
    """Return the name of a bundle's file. It has no profile, because a profile may be named for a host."""
    return f"labeltui-support-{now.astimezone():%Y-%m-%d-%H%M}{SUFFIX}"


async def support(session: Session, params: SupportParams, report: Report) -> Document:
    """List the files that a bundle would have; with ``file``, save them as a zip file too.

    If the host can't be reached, the bundle has what this desk knows. Raises Misused ``bad_parameter`` for another
    suffix, Refused ``exists`` if there is a file and no ``replace``, and Failed ``not_written``.
    """
    dest = None if params.file is None else _place(params.file, replace=params.replace)
    if not session.started:
        report.progress("Reading the server's state and log on the host")
        try:
            await session.reach(REACH_S)
            await session.readiness.settled()
        except LabeltuiError as error:
            report.progress(f"The host can't be reached: {error.problem.message}")
    parts = await _redacted(session, names=params.names)
    listed = [{"file": one.name, "bytes": len(one.data), "about": one.about} for one in parts]
    whole = f"{plural(len(parts), 'file')}, {size(sum(len(one.data) for one in parts))}"
    document = {
        "as_of": moment(session.clock()), "files": listed,
        "redacted": WITH_NAMES if params.names else WITHOUT_NAMES, "saved": None,
    }  # fmt: skip
    if dest is None:
        return {
            **document,
            "next": f"Nothing is saved yet. labeltui support FILE{SUFFIX} saves these {whole}.",
        }
    await asyncio.to_thread(_write, dest, parts, replace=params.replace)
    return {**document, "saved": str(dest), "message": f"{whole} saved in {one_line(str(dest))}"}


async def _redacted(session: Session, *, names: bool) -> list[Part]:
    with suppress(OSError):
        await asyncio.to_thread(session.labels.folder.index.refresh)
    files = await collect(session)
    known = None if names else await known_names(session)
    secrets = known_secrets(session)

    def redact() -> list[Part]:
        redaction = Redaction(secrets, known)
        return [
            Part(
                one.name, one.about,
                as_bytes(redaction.text(one.content) if isinstance(one.content, str) else redaction.value(one.content)),
            )
            for one in files
        ]  # fmt: skip

    return await asyncio.to_thread(redact)


def _place(file: str, *, replace: bool) -> Path:
    path = Path(file).expanduser().absolute()
    if path.suffix.lower() != SUFFIX:
        raise Misused(
            Code.BAD_PARAMETER, f"{one_line(path.name)} is no zip file.", f"End the name in {SUFFIX}."
        )
    if not path.parent.is_dir():
        raise Failed(
            Code.NOT_WRITTEN, f"There is no folder {one_line(str(path.parent))}.", "Create it first."
        )
    if path.is_dir():
        raise Failed(Code.NOT_WRITTEN, f"{one_line(str(path))} is a folder.", "Name a file.")
    if path.exists() and not replace:
        raise Refused(Code.EXISTS, f"{one_line(str(path))} exists.", "Name another file, or add --replace.")
    return path


def _write(path: Path, parts: Sequence[Part], *, replace: bool) -> None:
    """Write the zip file, completely or not at all, readable by its owner only."""
    _place(str(path), replace=replace)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for part in parts:
            bundle.writestr(part.name, part.data)
    try:
        write_file(path, packed.getvalue())
    except OSError as error:
        message = f"{one_line(str(path))} can't be written: {reason(error, path)}."
        raise Failed(Code.NOT_WRITTEN, message, advice(error, path)) from None
