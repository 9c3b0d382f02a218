"""``labels pull``, ``labels verify`` and ``labels list``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions.params import NoParams
from labeltui.actions.studies import LabelsListParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Unreachable
from labeltui.operations.copying import RECONNECT_S, until_copied
from labeltui.session.labels.folder import Checked

if TYPE_CHECKING:
    from labeltui.domain.labels.copies import HostLabel, LabelCopies
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

STATES = ("same", "damaged", "missing", "differs", "only_here", "older")


async def labels_pull(session: Session, _params: NoParams, report: Report) -> Document:
    """Copy every label that is not on this machine yet. After a lost connection the rest is copied.

    Raises Failed ``labels_not_copied`` with the document if some labels can't be copied.
    """
    await session.readiness.settled()
    copied: list[str] = []

    def on_copied(label: HostLabel, done: int, of: int) -> None:
        copied.append(label.shown)
        report.progress(f"{label.shown} is copied, {done} of {of}")

    async def copy() -> LabelCopies:
        await session.link.ready(RECONNECT_S)
        return await session.labels.copy_all(on_copied, copy=True)

    def forwards_ports(_error: Unreachable) -> bool:
        tunnel = session.store.state.tunnel.value
        return tunnel is None or tunnel.problem is None

    copies = await until_copied(copy, lambda: len(copied), report, passes=forwards_ports)
    document = {
        **_document(session),
        "copied": copied,
        "message": _summary(copies, len(copied)),
        "error": None,
    }
    if copies.safe:
        return document
    why = copies.reason or "new labels arrived during the copy"
    labels = documents.labels_missing(copies)
    error = {"code": "labels_not_copied", "message": f"{labels}: {why}.", "hint": copies.hint}
    raise Failed.of_document({**document, "error": error})


def _document(session: Session) -> dict[str, Any]:
    return dict(documents.labels_document(session.store.state.labels, session.clock()))


def _summary(copies: LabelCopies, copied: int) -> str:
    all_here = f"{copies.count_text} are in {copies.folder}"
    skipped = "".join(f"; skipped, because it is not a label: {what}" for what in copies.skipped)
    return (f"{copied} copied, {all_here}" if copied else all_here) + skipped


async def labels_verify(session: Session, _params: NoParams, report: Report) -> Document:
    """Compare every copy with its label on the host by checksum. Raises Failed ``labels_differ`` with the document."""
    await session.readiness.settled()
    report.progress("Reading the labels on the host")
    on_host = {label.key: label for label in await session.labels.with_checksums(report.progress)}
    report.progress("Reading the copies on this machine")
    checked = await asyncio.to_thread(session.labels.folder.check)
    rows = _compared(session, on_host, checked)
    counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
    document = {
        "as_of": documents.moment(session.clock()),
        "folder": str(session.labels.folder.root),
        **counts,
        "labels": [row for row in rows if row["state"] != "same"],
        "message": ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items()),
        "error": None,
    }
    if not counts["missing"] and not counts["differs"] and not counts["damaged"]:
        return document
    damaged = f" {counts['damaged']} labels are damaged on the host too." if counts["damaged"] else ""
    differ = f"{counts['missing']} labels are missing on this machine, and {counts['differs']} differ from the host's."
    error = {
        "code": Code.LABELS_DIFFER,
        "message": differ + damaged,
        "hint": "`labeltui labels pull` copies missing and changed labels, and keeps older copies as versions.",
    }
    raise Failed.of_document({**document, "error": error})


def _compared(
    session: Session, on_host: Mapping[tuple[str, str], HostLabel], checked: list[Checked]
) -> list[dict[str, Any]]:
    index = session.labels.folder.index
    newest = {one.entry.key: one for one in checked if index.newest(one.entry.key) is one.entry}
    rows = []
    for key, label in on_host.items():
        copy = newest.get(key)
        if copy is None or copy.state == "missing":
            state = "missing"
        else:
            same = copy.state == "same" and copy.entry.sha256 == label.sha256
            state = "differs" if not same else "damaged" if copy.entry.damage else "same"
        rows.append({"tag": key[0], "file": key[1], "state": state, "here": copy.file if copy else None})
    for one in checked:
        if one is newest.get(one.entry.key) and one.entry.key in on_host:
            continue
        intact = "only_here" if one is newest.get(one.entry.key) else "older"
        state = {"same": intact, "changed": "differs", "missing": "missing"}[one.state]
        rows.append({"tag": one.entry.tag, "file": one.entry.name, "state": state, "here": one.file})
    return rows


async def labels_list(session: Session, params: LabelsListParams, _report: Report) -> Document:
    """List every label with a copy on this machine: its newest version, and its number of versions.

    With a study, list every version of its labels, oldest first.
    """
    folder = session.labels.folder
    index = folder.index
    await asyncio.to_thread(index.refresh)
    versions = index.versions()
    counts = Counter(entry.key for entry, _file in versions)
    rows = [
        {
            "study": entry.study,
            "tag": entry.tag,
            "who": entry.who or None,
            "saved_at": documents.moment(entry.saved_at),
            "copied_at": entry.copied_at,
            "versions": counts[entry.key],
            "size": entry.size,
            "sha256": entry.sha256,
            "damage": entry.damage or None,
            "file": file,
            "present": folder.has_newest(entry) if file == entry.file else (folder.root / file).exists(),
        }
        for entry, file in versions
        if entry.study == params.study or (params.study is None and file == entry.file)
    ]
    at = documents.moment(session.clock())
    return {"as_of": at, "folder": str(folder.root), "total": len(rows), "labels": rows}
