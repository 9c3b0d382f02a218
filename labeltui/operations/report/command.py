"""``report``: labels, hours, cost and the best model of a session. An unknown value is null."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labeltui.actions.session import ReportParams
from labeltui.domain.documents import documents
from labeltui.domain.documents.pod import money_text
from labeltui.domain.documents.trainings import training_line
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import split_label
from labeltui.domain.log.filter import moment
from labeltui.domain.pod.spending import SessionCost
from labeltui.domain.problems import LabeltuiError, Misused
from labeltui.domain.rules.pace import began
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.text import one_line
from labeltui.operations.refresh import refresh_labels, refresh_models, refresh_money, refresh_trainings
from labeltui.operations.report.figures import (
    LONGEST,
    UNKNOWN,
    Submitted,
    by_annotator,
    by_hour,
    study_lines,
    timed,
)
from labeltui.operations.report.gaps import not_measured
from labeltui.operations.report.place import place, write
from labeltui.session.history.studies import StudyEvent, StudyEventKind

if TYPE_CHECKING:
    from labeltui.domain.training.record import TrainingRecord
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

REACH_S = 15.0
SESSIONS = 20
LABELS = ("labels", "studies", "labels_by", "labels_per_hour", "cost_per_label", "annotators", "by_hour")
"""The names of the figures on labels. They are null if the host can't be reached and this machine has no copies."""


async def report(session: Session, params: ReportParams, progress: Report) -> Document:
    """Report labels, hours, cost and best metric since the session began, or since a given time.

    Without a rented pod, the session begins with its first server. A server that starts less than eight hours
    after the one before it continues the session. If its start is unknown, ``hours`` is null, and the labels of
    today are counted. If the host can't be reached, its values are null (but not ``labels_here`` after the end of
    the day), labels are counted from the copies on this machine (null without any), and trainings are those in the
    history. With ``file`` or ``format``, the report is written to a file too. Raises Misused ``bad_time`` and
    ``bad_parameter``, Refused ``exists`` if there is a file and no ``replace``, and Failed ``not_written``.
    """
    dest = place(params, session.name, session.clock())
    bill = "RunPod's bill, " if session.profile.host == "runpod" else ""
    progress.progress(f"Reading labels and trainings on the host, {bill}and the label copies here")
    reached = await _refresh(session)
    document = await _figures(session, params, reached=reached)
    if dest is None:
        return document
    await asyncio.to_thread(write, document, dest, replace=params.replace)
    session.day.report_written()
    return {**document, "file": str(dest.path), "message": f"Report written to {one_line(str(dest.path))}"}


async def _figures(session: Session, params: ReportParams, *, reached: bool) -> dict[str, Any]:
    """Compute the document from what was read last."""
    stored = await session.trainings.load()
    now = session.clock()
    known = _given(params.since, now) or began(session.store.state)
    since = known or now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    submitted = _submitted(session, since)
    trainings = [record for record in stored if record.started_at >= since]
    hours = None if known is None else max(0.0, (now - known).total_seconds()) / 3600
    cost = _cost(session, since)
    events = await session.study_history.load(since - LONGEST)
    measured = timed(events, since)
    labelled = reached or bool(submitted)
    document = {
        "as_of": documents.moment(now),
        "profile": session.name,
        "since": documents.moment(since),
        "hours": None if hours is None else round(hours, 2),
        **(_labels(submitted, hours, cost) if labelled else dict.fromkeys(LABELS)),
        **_people([one for one in events if one.at >= since]),
        "labels_here": _labels_here(session, now, reached=reached),
        "cost": money_text(cost),
        "sessions": [_session_line(one) for one in await session.spending.sessions()][-SESSIONS:],
        "trainings": [_training(record) for record in trainings] if reached or trainings else None,
        "best": _best(trainings),
        "minutes": study_lines(measured),
        "curves": [curve(record) for record in trainings],
        "models": await _models(session, since),
    }
    if labelled:
        document["annotators"] = by_annotator(submitted, measured, hours)
        document["by_hour"] = by_hour(submitted, since, now)
    return {**document, "not_measured": not_measured(document, rents=session.store.state.identity.rents)}


def _labels_here(session: Session, now: datetime, *, reached: bool) -> dict[str, Any] | None:
    """Return the copies of the host's labels; None if the host can't be reached, except after the end of the day.

    The end of the day reads the labels last of all, and a stopped server gets no others.
    """
    state = session.store.state
    known = reached or (state.day_ended and state.labels.value is not None)
    return documents.labels_document(state.labels, now) if known else None


async def _refresh(session: Session) -> bool:
    """Read host, copies and bill once. Returns False if the host can't be reached."""
    await refresh_money(session)
    try:
        await session.reach(REACH_S)
        await session.readiness.settled()
    except LabeltuiError:
        await asyncio.to_thread(session.labels.folder.index.refresh)
        return False
    await refresh_labels(session)
    await refresh_trainings(session)
    await refresh_models(session)
    return True


def _given(since: str | None, now: datetime) -> datetime | None:
    if not since:
        return None
    try:
        return moment(since, now.astimezone().replace(tzinfo=None)).astimezone()
    except ValueError as error:
        raise Misused(Code.BAD_TIME, f"{error}.", "Give a time of this machine's clock.") from None


def _cost(session: Session, since: datetime) -> Decimal | None:
    """Return the session's cost; None for a report that does not begin with the session."""
    spend = session.store.state.spend.value
    return None if spend is None or spend.session_since != since else spend.session


def _submitted(session: Session, since: datetime) -> list[Submitted]:
    """Return each final label since that time.

    Counts every version on this machine, and labels that are only on the host. The author is empty for labels
    that are only on the host. A label without an author in the server's list does not count: the server found
    its file, and nobody submitted it. A label that was brought back has a newer file, but the list has the time at
    which it was submitted, by which the queue counts too.
    """
    index, queue = session.labels.folder.index, session.store.state.queue.value
    versions = [e for e, _file in index.versions() if e.tag == FINAL_TAG]
    # A reading that was chosen later is the same file once more: it counts when it came first.
    first = {(e.study, e.sha256): e for e in reversed(versions)}
    studies = queue.studies if queue is not None else ()
    listed = {one.id: at for one in studies if (at := one.tags.get(FINAL_TAG)) is not None}
    submitted = []
    for entry in versions:
        at = entry.saved_at
        if index.newest(entry.key) is entry:
            at = min(at, listed.get(entry.study, at))
        if at >= since and first[entry.study, entry.sha256] is entry:
            submitted.append(Submitted(entry.study, entry.who, at))
    found = {one.id for one in studies if FINAL_TAG in one.tags and FINAL_TAG not in one.authors}
    for label in session.labels.on_host:
        study, at = split_label(label.name)[0], datetime.fromtimestamp(label.mtime_ns / 1e9, UTC)
        at = min(at, listed.get(study, at))
        if label.tag == FINAL_TAG and at >= since and not session.labels.is_here(label):
            submitted.append(Submitted(study, "", at))
    return [one for one in submitted if one.who or one.study not in found]


def _labels(submitted: list[Submitted], hours: float | None, cost: Decimal | None) -> dict[str, Any]:
    people = Counter(one.who or UNKNOWN for one in submitted)
    each = None if cost is None or not submitted else money_text(cost / len(submitted))
    return {
        "labels": len(submitted),
        "studies": len({one.study for one in submitted}),
        "labels_by": dict(people.most_common()),
        "labels_per_hour": round(len(submitted) / hours, 1) if hours else None,
        "cost_per_label": each,
    }


def _people(events: Sequence[StudyEvent]) -> dict[str, Any]:
    """Count the studies that each client fetched, and the final labels that each has submitted."""
    fetches = Counter(one.client for one in events if one.kind is StudyEventKind.FETCH)
    finals = Counter(
        one.client for one in events if one.kind is StudyEventKind.LABEL and one.detail == FINAL_TAG
    )
    return {"fetches_by": dict(fetches.most_common()), "submissions_by": dict(finals.most_common())}


def _session_line(cost: SessionCost) -> dict[str, Any]:
    """One session on a rented pod; ``cost`` is null if the pod was stopped at a time that is not known."""
    return {
        "pod": cost.pod_id,
        "began": documents.moment(cost.began),
        "until": documents.moment(cost.at),
        "cost": money_text(cost.spent) if cost.unseen_from is None else None,
    }


TRAINING = ("model", "started_at", "epochs", "ended", "metric", "best", "epoch")


def _training(record: TrainingRecord) -> dict[str, Any]:
    line = training_line(record)
    return {key: line[key] for key in TRAINING}


def _best(trainings: Sequence[TrainingRecord]) -> dict[str, Any] | None:
    scored = [
        (record.model, record.best)
        for record in trainings
        if record.best is not None and math.isfinite(record.best.value)
    ]
    if not scored:
        return None
    model, best = max(scored, key=lambda one: one[1].value)
    return {"model": model, "metric": best.metric, "value": best.value, "epoch": best.epoch}


def curve(record: TrainingRecord) -> dict[str, Any]:
    """Return the finished epochs of a training, each with its loss and validation Dice; null if not measured."""
    points = [
        {"epoch": point.epoch, "loss": point.loss, "validation_dice": point.validation_dice}
        for point in record.points
    ]
    return {"model": record.model, "started_at": documents.moment(record.started_at), "points": points}


async def _models(session: Session, since: datetime) -> list[dict[str, Any]]:
    """The versions of models since that time: the copies here, and published files that are only on the host."""
    copies = await asyncio.to_thread(session.models.folder.copies)
    home = session.store.state.models.value
    absent = [(model, model.published) for model in home.absent] if home is not None else []
    lines = [
        {
            "model": copy.model, "version": copy.version, "at": documents.moment(copy.saved_at), "here": True,
            "metric": copy.best.metric if copy.best is not None else None,
            "best": copy.best.value if copy.best is not None else None,
        }
        for copy in copies
        if copy.saved_at >= since
    ]  # fmt: skip
    for model, file in absent:
        at = None if file is None else datetime.fromtimestamp(file.mtime_ns / 1e9, UTC)
        if file is not None and at is not None and at >= since:
            version = None if file.sha256 is None else file.sha256[:12]
            lines.append(
                {"model": model.name, "version": version, "at": documents.moment(at), "here": False,
                 "metric": None, "best": None}
            )  # fmt: skip
    return lines
