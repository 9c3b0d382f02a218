"""``studies upload``: sends the files, and continues by itself after a lost connection."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.actions.studies import StudiesUploadParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Misused, Problem, Refused
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.studies.image_files import split_image
from labeltui.domain.text import one_line
from labeltui.hosts.uploading import Outgoing, Uploader
from labeltui.monailabel.launch import is_dicomweb
from labeltui.operations.copying import RECONNECT_S, until_copied
from labeltui.operations.studies.upload.dicomweb import upload_dicom
from labeltui.operations.studies.upload.plan import NS, Plan, equal_files, plan_upload, served_studies
from labeltui.operations.studies.upload.progress import UploadProgress, files_text, size_text, time_text

if TYPE_CHECKING:
    from labeltui.hosts.agent.client import AgentClient
    from labeltui.hosts.agent.studies import Version
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

LISTED_S = 20.0  # the server notices files within a second, and with 10,000 studies within some seconds
SHOWN = 3


async def studies_upload(session: Session, params: StudiesUploadParams, report: Report) -> Document:
    """Send the studies that the host does not have. Equal ones are not sent again.

    Raises Refused ``exists`` if a study differs from the host's and neither ``replace`` nor ``skip`` is set, Failed
    ``disk_full``, and Failed ``studies_left_out`` with the document if nothing could be sent.
    """
    work = await asyncio.to_thread(tempfile.mkdtemp, prefix="labeltui-upload-")
    try:
        return await _upload(session, params, Path(work), report)
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


async def _upload(session: Session, params: StudiesUploadParams, work: Path, report: Report) -> Document:
    if not params.paths:
        raise Misused(
            Code.BAD_PARAMETER, "No file or folder is named.", "Name the files or folders to upload."
        )
    if params.replace and params.skip:
        raise Misused(Code.BAD_PARAMETER, "--replace and --skip exclude each other.", "Give one of them.")
    await session.readiness.settled()
    if is_dicomweb(url := served_studies(session)):
        return await upload_dicom(session, params, work, url, report)
    report.emit(_step("compare", "Compare with the host", "running"))
    plan = await plan_upload(session, params, work, report)
    report.emit(_step("compare", "Compare with the host", "done"))
    files = plan.outgoing(replace=params.replace)
    if plan.differs and not (params.replace or params.skip or params.dry_run):
        raise _differ(plan)
    plan.check_space(files)
    if params.dry_run:
        return _document(session, plan, files, params, {}, None)
    await _delete_parts(await session.link.ready(), plan.folder, plan.leftovers)
    failed: dict[str, Problem] = {}
    progress = UploadProgress(report, len(files), sum(file.size for file in files))
    if files:
        title = f"Send {files_text(len(files))}, {size_text(sum(file.size for file in files))}"
        report.emit(_step("send", title, "running"))
        await _send(session, plan.folder, files, progress, failed, report)
        report.emit(_step("send", title, "done"))
        plan = await _with_meanwhile(session, plan, failed)
    here = {file.name for file in plan.same}
    sent = [file for file in files if file.name not in failed and file.name not in here]
    unlisted = await _unlisted(session, [split_image(file.name)[0] for file in sent], report)
    document = _document(session, plan, sent, params, failed, progress, unlisted)
    if document["error"] is not None:
        raise Failed.of_document(document)
    return document


def _step(step: str, title: str, state: str) -> dict[str, str]:
    return {"step": step, "title": title, "state": state}


def _differ(plan: Plan) -> Refused:
    names = ", ".join(one_line(file.name) for file in plan.differs[:SHOWN])
    more = f" and {len(plan.differs) - SHOWN} more" if len(plan.differs) > SHOWN else ""
    return Refused(
        Code.EXISTS,
        f"The host has other versions of {names}{more}.",
        "Replace them (--replace), or leave them as they are (--skip). Labels of the old images stay.",
        offers=("upload.replace", "upload.skip"),
    )


async def _send(
    session: Session,
    folder: str,
    files: Sequence[Outgoing],
    progress: UploadProgress,
    failed: dict[str, Problem],
    report: Report,
) -> None:
    """Send all files. After a lost connection, send the rest. Raises LabeltuiError if that does not help."""
    pending = {file.name: file for file in files}
    size = sum(file.size for file in files)

    def on_file(file: Outgoing, problem: Problem | None) -> None:
        del pending[file.name]
        progress.files += 1
        if problem is not None:
            failed[file.name] = problem

    async def attempt() -> None:
        agent = await session.link.ready(RECONNECT_S)
        left = await _still_missing(agent, folder, pending)
        progress.again(len(files) - len(left), size - sum(file.size for file in left))
        await Uploader(session.link.host, agent.program, folder, left, progress.on_bytes, on_file).run()
        with suppress(LabeltuiError):
            await agent.tidy_upload(folder)

    while pending:
        await until_copied(attempt, lambda: progress.sent, report, "connects again and sends the rest")


async def _with_meanwhile(session: Session, plan: Plan, failed: dict[str, Problem]) -> Plan:
    """Return the plan with the studies that another upload has stored meanwhile, if they are equal to those here."""
    stored = [file for file in plan.new if file.name in failed and failed[file.name].code == Code.EXISTS]
    if not stored:
        return plan
    agent = await session.link.ready(RECONNECT_S)
    host = await agent.compare_upload(plan.folder, [one.name for one in stored], [])
    equal = await equal_files(agent, plan.folder, stored, host, checksum=True)
    for file in equal:
        del failed[file.name]
    return replace(plan, same=(*plan.same, *equal))


async def _still_missing(agent: AgentClient, folder: str, pending: dict[str, Outgoing]) -> list[Outgoing]:
    """Return the files that the host still lacks, each with the bytes that it has.

    Files that arrived without an answer are dropped.
    """
    files = list(pending.values())
    host = await agent.compare_upload(folder, [file.name for file in files], [file.version for file in files])
    arrived: list[Version] = []
    for file, part in zip(files, host.parts, strict=True):
        size, mtime_ns = host.there.get(file.name, (-1, 0))
        if size == file.size and mtime_ns // NS == file.mtime_ns // NS:
            del pending[file.name]
            arrived += [file.version] if part else []
    await _delete_parts(agent, folder, arrived)
    return [
        replace(file, part=part) for file, part in zip(files, host.parts, strict=True) if file.name in pending
    ]


async def _delete_parts(agent: AgentClient, folder: str, versions: Sequence[Version]) -> None:
    """Delete the parts of studies that the host has meanwhile, for example from another upload. Raises nothing."""
    if versions:
        with suppress(LabeltuiError):
            await agent.tidy_upload(folder, versions)


async def _unlisted(session: Session, studies: Sequence[str], report: Report) -> int | None:
    """Return how many of the studies the server still does not list after some seconds. None if no server runs."""
    server = session.store.state.server.value
    if server is None or server.state is not ServerState.RUNNING or not studies:
        return None
    report.progress("Waiting until the server lists the studies")

    def missing(state: SessionState) -> int:
        listed = {study.id for study in state.queue.value.studies} if state.queue.value is not None else set()
        return sum(study not in listed for study in studies)

    session.pollers.queue.wake()
    with suppress(TimeoutError):
        await session.store.wait_for(lambda state: not missing(state), LISTED_S)
    return missing(session.store.state)


def _document(
    session: Session,
    plan: Plan,
    sent: Sequence[Outgoing],
    params: StudiesUploadParams,
    failed: dict[str, Problem],
    progress: UploadProgress | None,
    unlisted: int | None = None,
) -> dict[str, Any]:
    skipped = [] if params.replace else plan.differs
    shown = {file.name: file.shown for file in (*plan.new, *plan.differs)}
    rows = [
        {
            "study": split_image(file.name)[0],
            "file": str(shown[file.name]),
            "bytes": file.size,
            "replaced": file.replace,
        }
        for file in sent
    ]
    return {
        "as_of": moment(session.clock()),
        "folder": plan.folder,
        "dry_run": params.dry_run,
        "sent": rows,
        "same": len(plan.same),
        "skipped": [{"study": file.study, "file": str(file.shown)} for file in skipped],
        "left_out": [{"file": str(one.path), "why": one.why} for one in plan.left],
        "failed": [{"file": name, "why": problem.message} for name, problem in failed.items()],
        "bytes": sum(file.size for file in sent),
        "seconds": None if progress is None else round(progress.seconds, 3),
        "unlisted": unlisted,
        "message": _message(plan, sent, params, progress, unlisted),
        "error": _error(plan, sent, failed),
    }


def _error(plan: Plan, sent: Sequence[Outgoing], failed: dict[str, Problem]) -> dict[str, str] | None:
    """Return the document's error: some files failed or changed while they were sent, or no file could be sent."""
    if failed:
        name, problem = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        why = problem.message if problem.code == Code.EXISTS else "It changed while it was sent."
        message = f"{one_line(name)} was not uploaded{more}. {why}"
        return {"code": problem.code, "message": message, "hint": "Repeat the upload."}
    if sent or plan.same or plan.differs:
        return None
    if not plan.left:
        return {
            "code": Code.STUDIES_LEFT_OUT,
            "message": "There is no study in these paths.",
            "hint": "Studies are .nii.gz, .nii, .nrrd, .mha, DICOM, and zip files of them. Hidden files are not sent.",
        }
    first = plan.left[0]
    return {
        "code": Code.STUDIES_LEFT_OUT,
        "message": f"Nothing can be uploaded. {one_line(str(first.path))}: {first.why}.",
        "hint": "--anyway sends also what MONAI Label would misread." if first.misread else "",
    }


def _message(
    plan: Plan,
    sent: Sequence[Outgoing],
    params: StudiesUploadParams,
    progress: UploadProgress | None,
    unlisted: int | None,
) -> str:
    size = sum(file.size for file in sent)
    verb = "would be sent" if params.dry_run else "sent"
    parts = [f"{len(sent)} {'study' if len(sent) == 1 else 'studies'} {verb}, {size_text(size)}"]
    if progress is not None and progress.seconds >= 1:
        parts[0] += f" in {time_text(progress.seconds)}"
    parts.append(f"{len(plan.same)} are there already" if plan.same else "")
    unsent = len(plan.differs) if not params.replace else 0
    parts.append(
        f"{unsent} differ from the host's and stay as they are" if unsent and not params.dry_run else ""
    )
    parts.append(f"{unsent} differ from the host's" if unsent and params.dry_run else "")
    parts.append(f"{len(plan.left)} left out" if plan.left else "")
    parts.append(f"the server does not list {unlisted} of them yet" if unlisted else "")
    why = "".join(f"; {one_line(str(one.path))}: {one.why}" for one in plan.left[:SHOWN])
    return ", ".join(part for part in parts if part) + why + "."
