"""The report of a session: labels, hours, cost, the best model. Only what was seen; what is not known is null."""

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
from labeltui.operations.refresh import look_at_labels, look_at_money

if TYPE_CHECKING:
    from labeltui.domain.training.log import TrainRun
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

REACH_S = 15.0


async def report(session: Session, params: ReportParams, told: Report) -> Document:
    """Labels, hours, cost and best metric since the session began, or since a time as `server logs` takes it.

    Without a rented pod a session is this day. What the host would tell is null where it can't be reached.
    """
    told.progress("Looking at the host, the copies and the bill")
    reached = await _look(session)
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


async def _look(session: Session) -> bool:
    """Let host, copies and bill be looked at; False where the host can't be reached."""
    await look_at_money(session)
    try:
        await session.reach(REACH_S)
        await session.readiness.settled()
    except LabeltuiError:
        await asyncio.to_thread(session.labels.folder.index.refresh)
        return False
    await look_at_labels(session)
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
    """The session's cost, where the report is about the session; of another time it is not known."""
    spend = session.store.state.spend.value
    return None if spend is None or spend.session_since != since else spend.session


def _submitted(session: Session, since: datetime) -> list[tuple[str, str]]:
    """(study, who) of each final label since then: every version that is here, and what is on the host alone."""
    index = session.labels.folder.index
    told = [(e.study, e.who) for e, _file in index.versions() if e.tag == FINAL_TAG and e.saved_at >= since]
    for label in session.labels.on_host:
        late = datetime.fromtimestamp(label.mtime_ns / 1e9, UTC) >= since
        if label.tag == FINAL_TAG and late and not session.labels.is_here(label):
            told.append((split_label(label.name)[0], ""))
    return told


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
    """Those in the output of the server's run of now, oldest first."""
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
    scored = [run for run in _runs(session, since) if run.best is not None]
    if not scored:
        return None
    run = max(scored, key=lambda one: one.best.value if one.best else 0.0)
    assert run.best is not None  # noqa: S101 - those without were left out
    return {"model": run.model, "metric": run.best.metric, "value": run.best.value, "epoch": run.best.epoch}
