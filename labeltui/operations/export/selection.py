"""Selects the label versions of an export."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeltui.actions.exports import LabelsExportParams
from labeltui.domain.documents.documents import labels_missing, moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Misused
from labeltui.domain.states import ServerState
from labeltui.domain.studies.review import NO_STATUS, STATUSES, stored_review
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.text import one_line, plural
from labeltui.session.labels.index import Entry

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

REACH_S = 15.0
ALL = "all"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version of a label. ``file`` is its path below the folder of copies; ``review`` is the reviewer's status."""

    entry: Entry
    file: str
    review: str

    @property
    def row(self) -> dict[str, Any]:
        """The label as a row of the export's document and of its ``labels.json``."""
        entry = self.entry
        return {
            "study": entry.study,
            "tag": entry.tag,
            "who": entry.who or None,
            "saved_at": moment(entry.saved_at),
            "review": self.review,
            "size": entry.size,
            "sha256": entry.sha256,
            "file": self.file,
        }


async def copy_missing(session: Session, report: Report) -> str:
    """Copy labels that are only on the host. Returns why some may be missing; empty if every label is here."""
    try:
        await session.reach(REACH_S)
        await session.readiness.settled()
        report.progress("Copying the labels that are not on this machine yet")
        copies = await session.labels.copy_all(copy=True)
    except LabeltuiError as error:
        with suppress(OSError):
            await asyncio.to_thread(session.labels.folder.index.refresh)
        why = error.problem.message.rstrip(".")
        return f"the host's labels are unknown ({why}), so only copies on this machine are exported"
    return "" if copies.safe else f"{labels_missing(copies)}: {copies.reason or copies.unlisted}"


async def choose(session: Session, params: LabelsExportParams) -> tuple[list[Chosen], str]:
    """Return the versions that the parameters select, by study and tag, and why some may be missing.

    Raises Misused for an unknown review state, and Failed ``not_found`` if no label matches.
    """
    unknown = [state for state in params.review if state not in STATUSES]
    if unknown:
        raise Misused(
            Code.BAD_PARAMETER, f"There is no review state {unknown[0]!r}.", f"There are: {', '.join(STATUSES)}."
        )  # fmt: skip
    folder, chosen = session.labels.folder, list[Chosen]()
    unknown_who, others = 0, set[str]()
    for entry, file in folder.index.versions():
        newest = folder.index.newest(entry.key) is entry
        if not _matches(params, entry, newest=newest):
            continue
        has_tag = _has_tag(params, entry)
        if params.annotator and entry.who not in params.annotator:
            is_unknown = has_tag and not entry.who
            unknown_who += is_unknown and not await asyncio.to_thread(folder.is_described, entry)
            continue
        review = await _review(session, entry, newest=newest) if has_tag or params.review else ""
        if params.review and review not in params.review:
            continue
        if has_tag:
            chosen.append(Chosen(entry, file, review))
        else:
            others.add(entry.tag)
    if not chosen:
        raise _none(session, unknown_who, others)
    missing = f"{_unknown_who(unknown_who)}, so these are left out" if unknown_who else ""
    without = sorted(set(params.study) - {one.entry.study for one in chosen})
    absent = f"no label of {', '.join(map(one_line, without))} matches" if without else ""
    ordered = sorted(chosen, key=lambda one: (one.entry.study, one.entry.tag, one.entry.saved_at))
    return ordered, "; ".join(filter(None, (missing, absent)))


def _unknown_who(count: int) -> str:
    return f"this machine does not know who submitted {plural(count, 'label')}"


def _none(session: Session, unknown_who: int, others: set[str]) -> Failed:
    """Return why no label matches.

    ``unknown_who`` is the number of labels that match but for their unknown annotator; ``others`` are the tags of
    labels that match but for their tag.
    """
    if unknown_who:
        server = session.store.state.server.value
        runs = server is not None and server.state is ServerState.RUNNING
        how = (
            "The server does not say it either."
            if runs
            else "The server says it: start it with `labeltui server start`, then export again."
        )
        return Failed(
            Code.NOT_FOUND, f"No label is known to match: {_unknown_who(unknown_who)}.",
            f"{how} Without --annotator, these labels are exported too.",
        )  # fmt: skip
    if others:
        tags = ", ".join(sorted(map(one_line, others)))
        return Failed(
            Code.NOT_FOUND, f"No label on this machine with the chosen tag matches; the tags of others are: {tags}.",
            f"Choose tags with --tag; `--tag {ALL}` takes every tag.",
        )  # fmt: skip
    return Failed(
        Code.NOT_FOUND, "No label on this machine matches.", "`labeltui labels list` lists the labels."
    )


def _has_tag(params: LabelsExportParams, entry: Entry) -> bool:
    tags = params.tag or (FINAL_TAG,)
    return ALL in tags or entry.tag in tags


def _matches(params: LabelsExportParams, entry: Entry, *, newest: bool) -> bool:
    versions = [one.lower() for one in params.version]
    """Whether the version matches all parameters but tag, annotator and review."""
    is_chosen = newest if not versions else ALL in versions or entry.sha256.startswith(tuple(versions))
    return is_chosen and (not params.study or entry.study in params.study)


async def _review(session: Session, entry: Entry, *, newest: bool) -> str:
    """Return the status of a version's review.

    For the newest version the server is asked, because it may change after the copy.
    """
    info = await asyncio.to_thread(session.labels.folder.info, entry)
    server = session.store.state.server.value
    if newest and server is not None and server.state is ServerState.RUNNING:
        with suppress(LabeltuiError):
            info = dict(await session.api.client().label_info(entry.study, entry.tag)) or info
    return str(stored_review(info).get("status") or NO_STATUS)
