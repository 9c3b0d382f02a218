"""``report``: labels, hours, cost and the best model of a session. An unknown value is null."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labeltui.actions.session import ReportParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import split_label
from labeltui.domain.log.filter import moment
from labeltui.domain.money import cents
from labeltui.domain.problems import LabeltuiError, Misused
from labeltui.domain.study import FINAL_TAG
from labeltui.operations.refresh import refresh_labels, refresh_money

if TYPE_CHECKING:
    from labeltui.domain.training.log import TrainRun
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

REACH_S = 15.0


async def report(session: Session, params: ReportParams, progress: Report) -> Document:
    """Report labels, hours, cost and best metric since the session began, or since a given time.

    Without a rented pod, the session counts from midnight. Values from the host are null if the host can't be
    reached. Raises Misused ``bad_time``.
    """
    progress.progress("Reading the host, the copies and the bill")
    reached = await _refresh(session)
    now = session.clock()
    since = _since(session, params.since, now)
    submitted = _submitted(session, since)
    hours = max(0.0, (now - since).total_seconds()) / 3600
    cost = _cost(session, since)
    return {
        "as_of": documents.moment(now),
        "since": documents.moment(since),
        "hours": round(hours, 2),
        **_labels(submitted, hours, cost),
        "labels_here": documents.labels_document(session.store.state.labels, now) if reached else None,
        "cost": None if cost is None else str(cents(cost)),
        "trainings": _trainings(session, since) if reached else None,
        "best": _best(session, since) if reached else None,
    }


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
    return True


def _since(session: Session, given: str | None, now: datetime) -> datetime:
    here = now.astimezone()
    if given:
        try:
            return moment(given, here.replace(tzinfo=None)).astimezone()
        except ValueError as error:
            raise Misused(Code.BAD_TIME, f"{error}.", "Times are by this machine's clock.") from None
    spend = session.store.state.spend.value
    if spend is not None and spend.session_since is not None:
        return spend.session_since
    return here.replace(hour=0, minute=0, second=0, microsecond=0)


def _cost(session: Session, since: datetime) -> Decimal | None:
    """Return the session's cost; None for a report that does not begin with the session."""
    spend = session.store.state.spend.value
    return None if spend is None or spend.session_since != since else spend.session


def _submitted(session: Session, since: datetime) -> list[tuple[str, str]]:
    """Return (study, author) of each final label since that time.

    Counts every version on this machine, and labels that are only on the host. The author is empty for labels
    that are only on the host.
    """
    index = session.labels.folder.index
    submitted = [
        (e.study, e.who) for e, _file in index.versions() if e.tag == FINAL_TAG and e.saved_at >= since
    ]
    for label in session.labels.on_host:
        late = datetime.fromtimestamp(label.mtime_ns / 1e9, UTC) >= since
        if label.tag == FINAL_TAG and late and not session.labels.is_here(label):
            submitted.append((split_label(label.name)[0], ""))
    return submitted


def _labels(submitted: list[tuple[str, str]], hours: float, cost: Decimal | None) -> dict[str, Any]:
    people = Counter(who or "unknown" for _study, who in submitted)
    each = None if cost is None or not submitted else str(cents(cost / len(submitted)))
    return {
        "labels": len(submitted),
        "studies": len({study for study, _who in submitted}),
        "labels_by": dict(people.most_common()),
        "labels_per_hour": round(len(submitted) / hours, 1) if hours > 0 else None,
        "cost_per_label": each,
    }


def _runs(session: Session, since: datetime) -> list[TrainRun]:
    zone = session.watch.zone
    return [
        run
        for run in session.watch.training.runs
        if run.started_at is None or run.started_at.replace(tzinfo=zone) >= since
    ]


def _trainings(session: Session, since: datetime) -> list[dict[str, Any]]:
    """Return the trainings in the output of the server's current run, oldest first."""
    return [
        {
            "model": run.model,
            "started_at": documents.moment(
                run.started_at and run.started_at.replace(tzinfo=session.watch.zone)
            ),
            "epochs": len(run.points),
            "ended": run.ended,
            "metric": run.best.metric if run.best else None,
            "best": run.best.value if run.best else None,
            "epoch": run.best.epoch if run.best else None,
        }
        for run in _runs(session, since)
    ]


def _best(session: Session, since: datetime) -> dict[str, Any] | None:
    scored = [(run.model, run.best) for run in _runs(session, since) if run.best is not None]
    if not scored:
        return None
    model, best = max(scored, key=lambda one: one[1].value)
    return {"model": model, "metric": best.metric, "value": best.value, "epoch": best.epoch}
