"""Uploads DICOM files to the profile's DICOMweb server, after the operator has decided about identifying headers."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labeltui.actions.studies import StudiesUploadParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.domain.text import one_line
from labeltui.monailabel.stow import DicomStore, Instance
from labeltui.operations.copying import RECONNECT_S, until_copied
from labeltui.operations.studies.upload.conversion import INSTALL, missing_extra, prepare_dicom
from labeltui.operations.studies.upload.files import Finder, LeftOut
from labeltui.operations.studies.upload.progress import UploadProgress, size_text, time_text
from labeltui.session.studies.dicomweb import shown_url

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHOWN = 8
DOCUMENT = "deidentify"


@dataclass(slots=True)
class Prepared:
    """DICOM files to send. ``summary`` names their identifying headers, and what was removed."""

    instances: list[Instance] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    summary: Mapping[str, Any] = field(default_factory=dict)

    def names(self, key: str) -> list[str]:
        """Names of elements: ``headers`` that identify, or those that were ``removed``."""
        return [str(name) for name in self.summary.get(key, ())]


async def upload_dicom(
    session: Session, params: StudiesUploadParams, work: Path, url: str, report: Report
) -> Document:
    """Store the DICOM files that the server lacks.

    Raises Refused ``unconfirmed`` with the identifying headers unless ``deidentify`` or ``identified`` is set, and
    Failed ``studies_left_out`` with the document if nothing could be stored.
    """
    if params.deidentify and params.identified:
        raise Misused(
            Code.BAD_PARAMETER, "--deidentify and --identified exclude each other.", "Give one of them."
        )
    if missing_extra():
        raise Failed(
            Code.NOT_INSTALLED, f"A DICOMweb server takes DICOM, and {INSTALL}.", "Then repeat the upload."
        )
    finder = Finder(work)
    await asyncio.to_thread(finder.find, params.paths)
    prepared = await _prepare(session, params, finder, work, report)
    if params.deidentify:
        report.progress(f"Removed: {', '.join(prepared.names('removed')) or 'nothing'}")
    elif not params.identified and not params.dry_run and prepared.instances:
        raise _unconfirmed(prepared, url)
    progress = UploadProgress(report, len(prepared.instances), sum(one.size for one in prepared.instances))
    sent: list[Instance] = []
    if not params.dry_run:
        sent = await _store(session, url, prepared, progress, report)
        session.pollers.queue.wake()
    document = _document(session, params, prepared, sent, url, progress)
    if document["error"] is not None:
        raise Failed.of_document(document)
    return document


async def _prepare(
    session: Session, params: StudiesUploadParams, finder: Finder, work: Path, report: Report
) -> Prepared:
    sources = [one for one in finder.sources if one.dicom]
    others = [one.path for one in finder.found] + [one.path for one in finder.sources if not one.dicom]
    prepared = Prepared(
        left=[*finder.left, *(LeftOut(path, "a DICOMweb server takes DICOM only") for path in others)]
    )
    secret = await asyncio.to_thread(_secret, session) if params.deidentify else ""
    prepared.summary = await prepare_dicom(sources, work, secret, prepared.instances, prepared.left, report)
    prepared.left = [replace(one, path=finder.given(one.path)) for one in prepared.left]
    prepared.instances = [replace(one, source=finder.given(one.source)) for one in prepared.instances]
    return prepared


def _secret(session: Session) -> str:
    """Return this profile's secret, from which the new ids are computed. The first call creates it."""
    stored = session.state_folder.read(DOCUMENT)
    found = stored.get("secret") if isinstance(stored, Mapping) else None
    if isinstance(found, str) and found:
        return found
    made = secrets.token_hex(32)
    session.state_folder.write(DOCUMENT, {"secret": made})
    return made


def _unconfirmed(prepared: Prepared, url: str) -> Refused:
    names = prepared.names("headers")
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = ", ".join(names[:SHOWN]) + more
    burnt = prepared.summary.get("burnt_in")
    text = f" {burnt} files may show names in their pixels, which labeltui does not remove." if burnt else ""
    patients = prepared.summary.get("patients")
    return Refused(
        Code.UNCONFIRMED,
        f"{len(prepared.instances)} DICOM files of {patients} patients would go to {shown_url(url)} with headers that "
        f"identify them: {listed}.{text}",
        "Remove these headers (--deidentify), or send the files as they are (--identified).",
        offers=("upload.deidentify", "upload.identified"),
    )


async def _store(
    session: Session, url: str, prepared: Prepared, progress: UploadProgress, report: Report
) -> list[Instance]:
    """Store the files that the server lacks.

    After a lost connection, store the rest. Returns the files that were sent.
    """
    pending = {one.sop: one for one in prepared.instances}
    sent: list[Instance] = []

    def stored(one: Instance, refused: str) -> None:
        if pending.pop(one.sop, None) is None:
            return
        progress.files += 1
        progress.on_bytes(one.size)
        if refused:
            prepared.left.append(LeftOut(one.source, refused))
        else:
            sent.append(one)

    async def attempt() -> None:
        await _attempt(session, url, pending, stored)

    while pending:
        await until_copied(attempt, lambda: len(sent), report, "tries again and sends the rest")
    return sent


def _login(session: Session, url: str) -> tuple[str, str] | None:
    """Return user and password from the profile, or from the URL. None if both have none."""
    settings, parts = session.profile.server, urlsplit(url)
    user = settings.dicomweb_user or parts.username
    password = os.environ.get(settings.dicomweb_password_env or "") or parts.password
    return (user, password) if user and password is not None else None


@asynccontextmanager
async def opened_store(session: Session, url: str) -> AsyncIterator[DicomStore]:
    """Connect to a DICOMweb server, through the tunnel if it is on the host itself."""
    host = await session.link.connected(RECONNECT_S)
    parts = urlsplit(url)
    forward = None
    if parts.hostname in LOOPBACK:  # of the host
        forward = await host.forward(parts.port or (443 if parts.scheme == "https" else 80))
        parts = parts._replace(netloc=f"127.0.0.1:{forward.local_port}")
    store = DicomStore(parts.geturl(), shown_url(url), _login(session, url))
    try:
        yield store
    finally:
        await store.close()
        if forward is not None:
            await forward.close()


async def _attempt(session: Session, url: str, pending: dict[str, Instance], stored: Any) -> None:
    async with opened_store(session, url) as store:
        for study, series in sorted({(one.study, one.series) for one in pending.values()}):
            for sop in await store.instances(study, series):
                pending.pop(sop, None)
        await store.store(list(pending.values()), stored)


def _document(
    session: Session,
    params: StudiesUploadParams,
    prepared: Prepared,
    sent: Sequence[Instance],
    url: str,
    progress: UploadProgress,
) -> dict[str, Any]:
    chosen = prepared.instances if params.dry_run else sent
    size, series = sum(one.size for one in chosen), {one.series for one in chosen}
    refused = [one for one in prepared.left if one.why.startswith("the server refused")]
    same = 0 if params.dry_run else len(prepared.instances) - len(sent) - len(refused)
    verb = "would be sent" if params.dry_run else "sent"
    parts = [
        f"{len(chosen)} DICOM files of {len(series)} series {verb} to {shown_url(url)}, {size_text(size)}"
    ]
    if sent:
        parts[0] += f" in {time_text(progress.seconds)}"
    parts.append(f"{same} are there already" if same else "")
    parts.append("without identifying headers" if params.deidentify and chosen else "")
    parts.append(f"{len(prepared.left)} left out" if prepared.left else "")
    error = None
    if prepared.left and (refused or not (sent or same or params.dry_run)):
        first = (refused or prepared.left)[0]
        message = f"{len(prepared.left)} files were not stored. {one_line(str(first.path))}: {first.why}."
        error = {
            "code": Code.STUDIES_LEFT_OUT,
            "message": message,
            "hint": "Correct this, then repeat the upload.",
        }
    return {
        "as_of": moment(session.clock()),
        "folder": shown_url(url),
        "dry_run": params.dry_run,
        "sent": [{"series": one.series, "file": str(one.source), "bytes": one.size} for one in chosen],
        "same": same,
        "left_out": [{"file": str(one.path), "why": one.why} for one in prepared.left],
        "bytes": size,
        "seconds": None if params.dry_run else round(progress.seconds, 3),
        "patients": prepared.summary.get("patients"),
        "identifying": [] if params.deidentify else prepared.names("headers"),
        "removed": prepared.names("removed"),
        "burnt_in": prepared.summary.get("burnt_in"),
        "message": ", ".join(part for part in parts if part) + ".",
        "error": error,
    }
