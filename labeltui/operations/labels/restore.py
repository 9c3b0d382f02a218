"""``labels restore``: submits copied labels to a server that does not have them, such as a new pod's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.actions.studies import LabelsRestoreParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.labels.names import SEG_TAG, split_label
from labeltui.domain.problems import Failed, LabeltuiError, Misused, Refused
from labeltui.domain.studies.datastore import SUBMITTED
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.text import one_line
from labeltui.monailabel.launch import is_dicomweb
from labeltui.operations.labels.offer import RESTORABLE
from labeltui.session.labels.folder import digest_of
from labeltui.session.labels.index import Entry
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

SHOWN = 5
SERVER_WRITES = ("ts", "name")  # MONAI Label sets these itself


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan for one copy.

    ``there`` is the server's label of that tag and study; None if it has none. ``why`` says why the copy can't
    be submitted. ``unknown`` is True if the server has a label that can't be compared with the copy.
    """

    entry: Entry
    there: HostLabel | None = None
    why: str = ""
    unknown: bool = False

    @property
    def shown(self) -> str:
        """``TAG/FILE``, as messages name it."""
        return one_line(f"{self.entry.tag}/{self.entry.name}")

    @property
    def same(self) -> bool:
        """Whether the server's label has the same content."""
        return self.there is not None and self.there.sha256 == self.entry.sha256

    @property
    def replaces(self) -> bool:
        """Whether submitting the copy replaces another version."""
        return not self.why and not self.same and (self.there is not None or self.unknown)


async def labels_restore(session: Session, params: LabelsRestoreParams, report: Report) -> Document:
    """Submit the copies that the server lacks, each with its stored author, time and review.

    Raises Failed ``not_found`` if no copy matches, Refused ``labels_differ`` if a named study has another version on
    the server and ``--replace`` is missing, and Failed ``labels_differ`` with the document if a label was not taken.
    """
    entries = await chosen(session, params)
    return await restore(session, entries, report, params.replace, named=bool(params.studies))


async def chosen(session: Session, params: LabelsRestoreParams) -> list[Entry]:
    """Return the copies that the parameters name, once the server answers.

    Of each label, that is the newest version or the version that is named. Raises Failed ``not_found`` if there are
    none, and Misused for a version without its study.
    """
    if params.version and len(params.studies) != 1:
        raise Misused(Code.BAD_PARAMETER, "--version needs the one study that it belongs to.")
    await session.readiness.need_server()
    index = session.labels.folder.index
    await asyncio.to_thread(index.refresh)
    entries = [
        entry
        for entry, _file in index.versions()
        if entry.tag != SEG_TAG  # the server makes it again from the final label
        and (not params.studies or entry.study in params.studies)
        and params.tag in (None, entry.tag)
        and (entry.sha256.startswith(params.version) if params.version else index.newest(entry.key) is entry)
    ]
    if not entries:
        raise Failed(
            Code.NOT_FOUND,
            "No copied label on this machine matches.",
            "`labeltui labels list` lists the copies.",
        )
    return sorted(entries, key=lambda entry: (entry.study, entry.tag))


async def restore(
    session: Session, entries: Sequence[Entry], report: Report, replace: bool, *, named: bool
) -> Document:
    """Submit these copies as :func:`labels_restore` does.

    With ``named``, none is submitted if one would replace another version.
    """
    plan = await _planned(session, entries, report)
    replacing = [one for one in plan if one.replaces]
    if replacing and named and not replace:
        raise Refused(
            Code.LABELS_DIFFER,
            f"The server has another version of {_named(replacing)}.",
            "Add --replace to replace it. labeltui copies the server's version to this machine first.",
        )
    done: list[Planned] = []
    failed = [one for one in plan if one.why]
    wanted = [one for one in plan if not one.why and not one.same and (replace or not one.replaces)]
    for number, one in enumerate(wanted, 1):
        report.progress(f"Submitting {one.shown}, {number} of {len(wanted)}")
        try:
            await _submit(session, one)
        except (LabeltuiError, OSError) as error:
            why = error.problem.message if isinstance(error, LabeltuiError) else str(error)
            failed.append(Planned(one.entry, why=why))
        else:
            done.append(one)
    failed += await _not_taken(session, done)
    session.pollers.queue.wake()
    session.labels.wake()
    session.store.dismiss(RESTORABLE)
    left = [] if replace else replacing
    return _document(
        session, plan, [one for one in done if one.entry not in {f.entry for f in failed}], left, failed
    )


def _document(
    session: Session, plan: list[Planned], done: list[Planned], left: list[Planned], failed: list[Planned]
) -> Document:
    same = sum(one.same for one in plan)
    parts = [f"{len(done)} labels submitted", f"{same} were there already" if same else ""]
    parts.append(f"{len(left)} differ on the server and were not changed: {_named(left)}" if left else "")
    document = {
        "as_of": documents.moment(session.clock()),
        "restored": [_row(one) for one in done],
        "same": same,
        "left": [_row(one) for one in left],
        "failed": [{**_row(one), "why": one.why} for one in failed],
        "message": ", ".join(part for part in parts if part),
        "error": None,
    }
    if not failed:
        return document
    first = failed[0]
    error = {
        "code": Code.LABELS_DIFFER,
        "message": f"{len(failed)} labels were not restored. {first.shown}: {first.why.rstrip('.')}.",
        "hint": "Correct this, then repeat the command; labels that the server already has do not change.",
    }
    raise Failed.of_document({**document, "error": error})


def _row(one: Planned) -> dict[str, Any]:
    entry = one.entry
    return {"study": entry.study, "tag": entry.tag, "who": entry.who or None, "sha256": entry.sha256}


def _named(plan: Sequence[Planned]) -> str:
    more = f" and {len(plan) - SHOWN} more" if len(plan) > SHOWN else ""
    return ", ".join(one.shown for one in plan[:SHOWN]) + more


async def _planned(session: Session, entries: Sequence[Entry], report: Report) -> list[Planned]:
    report.progress("Comparing the copies with the server's labels")
    state = await session.readiness.first_readings(Fields.queue)
    server = state.server.value
    dicomweb = is_dicomweb((server.studies if server is not None else None) or session.profile.server.studies)
    queue = state.queue.value if dicomweb else await session.api.client().studies()
    there = {
        (one.tag, split_label(one.name)[0]): one
        for one in await session.labels.found([(entry.tag, entry.study) for entry in entries])
    }
    folder = session.labels.folder
    planned = []
    for entry in entries:
        why = await asyncio.to_thread(_unusable, folder.root / folder.index.file_of(entry), entry)
        label = there.get((entry.tag, entry.study))
        known = None if queue is None else next((one for one in queue.studies if one.id == entry.study), None)
        if not why and known is None and not dicomweb:
            why = "the server has no such study"
        # On DICOMweb, a SEG that the cache does not have counts as the study's final label.
        unknown = label is None and known is not None and entry.tag in known.tags and dicomweb
        planned.append(Planned(entry, label, why, unknown and entry.tag == FINAL_TAG))
    return planned


def _unusable(path: Path, entry: Entry) -> str:
    """Why a copy can't be submitted. Empty if it can."""
    if entry.damage:
        return f"the label is damaged: {entry.damage}"
    try:
        _, digest = digest_of(path)
    except OSError:
        return "its copy is missing on this machine"
    return "" if digest == entry.sha256 else "its copy was changed on this machine"


async def _submit(session: Session, one: Planned) -> None:
    """Submit one copy. A label that it replaces is copied first. Raises LabeltuiError and OSError."""
    folder, entry = session.labels.folder, one.entry
    if one.there is not None:
        await keep(session, [one.there])
    stored = folder.info(entry) or ({"client_id": entry.who} if entry.who else {})
    info = {name: value for name, value in stored.items() if name not in SERVER_WRITES}
    info.setdefault(SUBMITTED, stored.get("ts") or int(entry.saved_at.timestamp()))
    name = "label" + split_label(entry.name)[1]
    source = folder.root / folder.index.file_of(entry)
    await session.api.client().put_label(entry.study, entry.tag, source, name, info)


async def keep(session: Session, labels: Iterable[HostLabel]) -> None:
    """Copy these labels of the host to this machine if they are not there.

    Raises Failed ``not_copied`` if that fails.
    """
    wanted = list(labels)
    only = [(one.tag, split_label(one.name)[0]) for one in wanted]
    await session.labels.refresh(only, copy=True)
    await session.labels.describe()
    index = session.labels.folder.index
    for label in wanted:
        copies = [entry.sha256 for entry, _file in index.versions() if entry.key == label.key]
        if label.sha256 is None or label.sha256 not in copies:
            reason = session.store.state.labels.value.reason if session.store.state.labels.value else ""
            raise Failed(
                Code.NOT_COPIED,
                f"{one_line(label.shown)} is not on this machine{f': {reason}' if reason else ''}.",
                "Nothing was changed. Copy it with `labeltui labels pull`, then try again.",
            )


async def _not_taken(session: Session, done: Sequence[Planned]) -> list[Planned]:
    """Return the submitted labels that are not on the host as they were sent."""
    if not done:
        return []
    found = await session.labels.found([(one.entry.tag, one.entry.study) for one in done])
    there = {(one.tag, split_label(one.name)[0]): one.sha256 for one in found}
    why = "the label on the host is missing, or differs from the copy that was sent"
    return [
        Planned(one.entry, why=why)
        for one in done
        if there.get((one.entry.tag, one.entry.study), "") not in (one.entry.sha256, None)
    ]
