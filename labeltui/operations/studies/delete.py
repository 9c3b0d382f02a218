"""``studies delete`` and ``studies restore``. Everything is copied to this machine before it is deleted."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labeltui.actions.studies import StudiesDeleteParams, StudiesRestoreParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.problems import Failed, Refused
from labeltui.domain.studies.study import FINAL_TAG, Study
from labeltui.domain.text import one_line
from labeltui.monailabel.launch import is_dicomweb
from labeltui.operations.labels.restore import keep, restore
from labeltui.session.labels import deleted
from labeltui.session.labels.deleted import DeletedStudy
from labeltui.session.labels.folder import digest_of
from labeltui.session.labels.index import Entry

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

NOTICED_S = (
    15.0  # the server notices within a second, and with 100,000 studies within 36 s, that a file is gone
)
POLL_S = 0.25
SETTLES_S = 1.0  # a label that was just submitted can be copied after this
SERVER_WRITES = ("ts", "name", "path")


async def studies_delete(session: Session, params: StudiesDeleteParams, report: Report) -> Document:
    """Delete a study, or one of its labels, after copying it.

    Raises Failed ``not_found`` and ``not_copied``, and Refused ``not_permitted`` for objects on a DICOM server.
    """
    state = await session.readiness.need_server()
    server = state.server.value
    dicomweb = is_dicomweb((server.studies if server is not None else None) or session.profile.server.studies)
    if dicomweb and params.label in (None, FINAL_TAG):
        # DICOMweb has no request that deletes. MONAI Label answers 500, and stores the image among its labels.
        what = "image" if params.label is None else "final label"
        series = "the series" if params.label is None else "the SEG series of the label"
        raise Refused(
            Code.NOT_PERMITTED,
            f"The {what} of {one_line(params.study)} is on the DICOM server, from which MONAI Label can't delete.",
            f"Copy its labels with `labeltui labels pull`, then delete {series} with the DICOM server's own tools.",
        )
    client = session.api.client()
    queue = await client.studies(dicomweb=dicomweb)
    study = next((one for one in queue.studies if one.id == params.study), None)
    shown = one_line(params.study)
    if study is None or (params.label is not None and params.label not in study.tags):
        what = f"study {shown}" if study is None else f"label {one_line(params.label or '')} of {shown}"
        raise Failed(
            Code.NOT_FOUND, f"The server has no {what}.", "`labeltui studies list` lists what it has."
        )
    record = await _copied(session, study, params.label, report)
    if params.label is None:
        await client.delete_image(study.id)
        gone = await _until(lambda: client.image_info(study.id))
    else:
        tag = params.label
        await client.delete_label(study.id, tag)
        gone = await _until(lambda: client.label_info(study.id, tag))
    session.pollers.queue.wake()
    session.labels.wake()
    what = shown if params.label is None else f"The label {one_line(params.label)} of {shown}"
    still = "" if gone else " The server lists it until it notices that the file is gone."
    return {
        "as_of": documents.moment(session.clock()),
        "message": f"{what} is deleted. `labeltui studies restore {shown}` brings it back.{still}",
        "study": study.id,
        "label": params.label,
        "labels": dict(record.labels),
        "folder": str(deleted.folder_for(session.labels.folder.root, study.id, record.at)),
    }


async def _copied(session: Session, study: Study, label: str | None, report: Report) -> DeletedStudy:
    """Copy the image and labels that will be deleted, and store the deletion. Raises Failed ``not_copied``."""
    report.progress("Copying what will be deleted to this machine")
    tags = [label] if label is not None else sorted(study.tags)
    labels = await _settled(session, [(tag, study.id) for tag in tags])
    if len(labels) < len(tags):
        raise Failed(
            Code.NOT_COPIED,
            f"A label of {one_line(study.id)} has no file on the host.",
            "Nothing was deleted.",
        )
    await keep(session, labels)
    at = documents.moment(session.clock()) or ""
    sums = {one.tag: one.sha256 or "" for one in labels}
    record = DeletedStudy(study.id, at, sums)
    root = session.labels.folder.root
    try:
        if label is None:
            record = await _image_copied(session, record)
        await asyncio.to_thread(deleted.store, root, record)
    except OSError as error:
        raise session.labels.folder.unusable(error) from None
    return record


async def _settled(session: Session, only: list[tuple[str, str]]) -> list[HostLabel]:
    """Return the labels on the host, once a label that was just submitted is complete."""
    if not only:
        return []
    await session.labels.found(only)
    await asyncio.sleep(SETTLES_S)
    return await session.labels.found(only)


async def _image_copied(session: Session, record: DeletedStudy) -> DeletedStudy:
    """Copy an image. Raises LabeltuiError and OSError."""
    info = await session.api.client().image_info(record.study)
    path = info.get("path")
    if not isinstance(path, str) or not path:
        raise Failed(
            Code.NOT_COPIED, f"The server names no file of {one_line(record.study)}.", "Nothing was deleted."
        )
    root = session.labels.folder.root
    target = deleted.folder_for(root, record.study, record.at) / "image"
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
    server = session.store.state.server.value
    if server is not None and server.pid is None:
        # Somebody else's server: its files may be out of reach, or on another machine.
        await session.api.client().image(record.study, target)
    else:
        await session.link.host.download(path, target)
    _, digest = await asyncio.to_thread(digest_of, target)
    others = {name: value for name, value in info.items() if name not in SERVER_WRITES}
    return DeletedStudy(
        record.study, record.at, record.labels, target.relative_to(root).as_posix(), path.rpartition("/")[2], digest,
        others,
    )  # fmt: skip


async def _until(info: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
    """Wait until the server no longer lists the deleted object. Returns False if it still does."""
    loop = asyncio.get_running_loop()
    end = loop.time() + NOTICED_S
    while await info():
        if loop.time() > end:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def studies_restore(session: Session, params: StudiesRestoreParams, report: Report) -> Document:
    """Bring back the image or labels that a deletion of a study removed, by default the last deletion.

    A label that the server has again does not change. Raises Failed ``not_found`` if there was none,
    ``labels_differ`` if a label did not come back, and the errors of
    :func:`labeltui.operations.labels.restore.restore`.
    """
    record, root, client = await _deletion(session, params), session.labels.folder.root, session.api.client()
    image_back = bool(record.image) and not await client.image_info(record.study)
    if image_back:
        await _submit_image(session, record, report)
    await asyncio.to_thread(session.labels.folder.index.refresh)
    entries = _entries(session, record)
    if entries:
        document = await restore(session, entries, report, False, named=False)
    else:
        session.pollers.queue.wake()
        document = {
            "as_of": documents.moment(session.clock()), "restored": [], "same": 0, "left": [], "error": None
        }  # fmt: skip
    missing = len(record.labels) - len(entries)
    if not missing and not document["left"]:
        with suppress(OSError):  # the deletion is only listed for longer
            await asyncio.to_thread(deleted.store, root, replace(record, restored=True))
    return _outcome(record, document, image_back=image_back, missing=missing)


async def deleted_labels(session: Session, params: StudiesRestoreParams) -> list[Entry]:
    """Return the copies of the labels that the deletion removed. Raises Failed ``not_found`` if there was none."""
    record = await _deletion(session, params)
    await asyncio.to_thread(session.labels.folder.index.refresh)
    return _entries(session, record)


async def _deletion(session: Session, params: StudiesRestoreParams) -> DeletedStudy:
    await session.readiness.need_server()
    records = await asyncio.to_thread(deleted.deletions, session.labels.folder.root, params.study)
    record = next((one for one in records if params.at in (None, one.at)), None)
    if record is None:
        times = " and ".join(one.at for one in records)
        at = f" at {one_line(params.at)}" if params.at else ""
        raise Failed(
            Code.NOT_FOUND,
            f"{one_line(params.study)} was not deleted from this machine{at}.",
            f"It was deleted at {times}." if times else "`labeltui labels restore` submits copied labels.",
        )
    return record


async def _submit_image(session: Session, record: DeletedStudy, report: Report) -> None:
    """Submit the copy of an image. Raises Failed ``checksum`` if it was changed."""
    shown = one_line(record.study)
    report.progress(f"Submitting the image of {shown}")
    source = session.labels.folder.root / record.image
    try:
        _, digest = await asyncio.to_thread(digest_of, source)
        if digest != record.sha256:
            raise Failed(
                Code.CHECKSUM, f"The copy of {shown} was changed: {source}.", "Nothing was submitted."
            )
        extension = record.filename.removeprefix(record.study)
        await session.api.client().put_image(record.study, source, f"image{extension}", record.info)
    except OSError as error:
        raise session.labels.folder.unusable(error) from None


def _outcome(record: DeletedStudy, document: Document, *, image_back: bool, missing: int) -> Document:
    """Return the document with the result. Raises Failed ``labels_differ`` with it if a label was not brought back.

    ``missing`` is the number of labels without a copy.
    """
    shown, restored, same, left = (
        one_line(record.study), len(document["restored"]), document["same"], document["left"]
    )  # fmt: skip
    if image_back:
        head = f"{shown} is back"
    else:
        head = f"Labels of {shown} are back" if restored else f"Nothing of {shown} was brought back"
    parts = (
        f"{restored} labels submitted" if restored else "",
        "the server has its image" if record.image and not image_back else "",
        f"{same} labels were there already" if same else "",
        f"{len(left)} {'differs' if len(left) == 1 else 'differ'} on the server and stayed as they are"
        if left
        else "",
        f"{missing} labels have no copy on this machine" if missing else "",
    )
    details = ", ".join(part for part in parts if part)
    document = {**document, "message": f"{head}: {details}." if details else f"{head}."}
    if not left and not missing:
        return document
    hint = "`labeltui labels list` lists the copies."
    if left:
        one = left[0]
        study, tag = shlex.quote(one_line(one["study"])), shlex.quote(one["tag"])
        hint = (
            f"`labeltui labels restore {study} --tag {tag} --version {one['sha256'][:12]} --replace` submits the"
            " deleted label in the place of the server's."
        )
    error = {"code": Code.LABELS_DIFFER, "message": document["message"], "hint": hint}
    raise Failed.of_document({**document, "error": error})


def _entries(session: Session, record: DeletedStudy) -> list[Entry]:
    """The copies of the labels that were deleted."""
    wanted = {(tag, record.study, digest) for tag, digest in record.labels.items()}
    found = {
        (entry.tag, entry.study, entry.sha256): entry
        for entry, _file in session.labels.folder.index.versions()
    }
    return [found[key] for key in wanted if key in found]
