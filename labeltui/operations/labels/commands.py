"""The copies of the labels from the command line: copy now, compare, list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions.params import NoParams
from labeltui.domain.documents import documents
from labeltui.domain.problems import Failed
from labeltui.session.labels.folder import Checked

if TYPE_CHECKING:
    from labeltui.domain.labels.copies import HostLabel, LabelCopies
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

STATES = ("same", "missing", "differs", "only_here", "older")


async def labels_pull(session: Session, _params: NoParams, report: Report) -> Document:
    """Copy every label that is not here yet. Broken off, it goes on where it was.

    Raises Failed ``labels_not_copied`` with the document when some can't be copied.
    """
    await session.readiness.settled()
    came: list[str] = []

    def copied(label: HostLabel, done: int, of: int) -> None:
        came.append(label.shown)
        report.progress(f"{label.shown} is here, {done} of {of}")

    copies = await session.labels.settle(copied, copy=True)
    document = {**_document(session), "copied": came, "message": _said(copies, len(came)), "error": None}
    if copies.safe:
        return document
    why = copies.reason or "they change all the time"
    labels = documents.labels_absent(copies)
    error = {"code": "labels_not_copied", "message": f"{labels}: {why}.", "hint": copies.hint}
    raise Failed.of_document({**document, "error": error})


def _document(session: Session) -> dict[str, Any]:
    return dict(documents.labels_document(session.store.state.labels, session.clock()))


def _said(copies: LabelCopies, came: int) -> str:
    all_here = f"{copies.here} of {copies.total} labels are in {copies.folder}"
    return f"{came} copied, {all_here}" if came else all_here


async def labels_verify(session: Session, _params: NoParams, report: Report) -> Document:
    """Read every copy and every label on the host, and compare. Raises Failed ``labels_differ`` with the document."""
    await session.readiness.settled()
    report.progress("Reading the labels on the host")
    there = {label.key: label for label in await session.labels.with_sums(report.progress)}
    report.progress("Reading the copies here")
    checked = await asyncio.to_thread(session.labels.folder.check)
    rows = _compared(session, there, checked)
    counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
    document = {
        "as_of": documents.moment(session.clock()),
        "folder": str(session.labels.folder.root),
        **counts,
        "labels": [row for row in rows if row["state"] != "same"],
        "message": ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items()),
        "error": None,
    }
    if not counts["missing"] and not counts["differs"]:
        return document
    error = {
        "code": "labels_differ",
        "message": f"{counts['missing']} labels are not here, and {counts['differs']} differ from those on the host.",
        "hint": "`labeltui labels pull` copies what is missing or new; what is here is kept as an older version.",
    }
    raise Failed.of_document({**document, "error": error})


def _compared(
    session: Session, there: Mapping[tuple[str, str], HostLabel], checked: list[Checked]
) -> list[dict[str, Any]]:
    index = session.labels.folder.index
    newest = {one.entry.key: one for one in checked if index.newest(one.entry.key) is one.entry}
    rows = []
    for key, label in there.items():
        copy = newest.get(key)
        if copy is None or copy.state == "missing":
            state = "missing"
        else:
            state = "same" if copy.state == "same" and copy.entry.sha256 == label.sha256 else "differs"
        rows.append({"tag": key[0], "file": key[1], "state": state, "here": copy.file if copy else None})
    for one in checked:
        if one is newest.get(one.entry.key) and one.entry.key in there:
            continue
        kept = "only_here" if one is newest.get(one.entry.key) else "older"
        state = {"same": kept, "changed": "differs", "missing": "missing"}[one.state]
        rows.append({"tag": one.entry.tag, "file": one.entry.name, "state": state, "here": one.file})
    return rows


async def labels_list(session: Session, _params: NoParams, _report: Report) -> Document:
    """Every label there is a copy of here, with the number of its versions."""
    index = session.labels.folder.index
    await asyncio.to_thread(index.refresh)
    versions: dict[tuple[str, str], int] = {}
    for entry, _file in index.versions():
        versions[entry.key] = versions.get(entry.key, 0) + 1
    newest = [index.newest(key) for key in versions]
    rows = [
        {
            "study": entry.study,
            "tag": entry.tag,
            "who": entry.who or None,
            "saved_at": documents.moment(entry.saved_at),
            "copied_at": entry.copied_at,
            "versions": versions[entry.key],
            "size": entry.size,
            "sha256": entry.sha256,
            "file": entry.file,
            "present": session.labels.folder.holds(entry),
        }
        for entry in newest
        if entry is not None
    ]
    folder = str(session.labels.folder.root)
    return {"as_of": documents.moment(session.clock()), "folder": folder, "total": len(rows), "labels": rows}
