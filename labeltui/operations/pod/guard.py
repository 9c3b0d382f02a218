"""What is asked of the guard: how it is, to wait, to have other limits, to leave the pod alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeltui.actions.guard import GuardKeepParams, GuardSetParams
from labeltui.actions.params import NoParams
from labeltui.domain.documents.guard import guard_document
from labeltui.domain.failure_codes import Code
from labeltui.domain.guard.rules import span
from labeltui.domain.guard.status import DEAD, GuardStatus
from labeltui.domain.problems import LabeltuiError, Misused
from labeltui.session.pod.guard import need_guard

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


LEND = "Lend the pod your key: [profiles.NAME.guard] operator_key = true."


async def guard_status(session: Session, _params: NoParams, _report: Report) -> Document:
    """How the guard is, what it saw last, and what it will do."""
    await session.guard.fresh()
    return guard_document(session.store.state.guard, session.clock())


async def guard_keep(session: Session, params: GuardKeepParams, _report: Report) -> Document:
    """Reset the countdown; with ``minutes``, keep the pod alive at least that long."""
    minutes = params.minutes
    if minutes is not None and not 0 < minutes <= 24 * 60:
        raise Misused(
            Code.BAD_MINUTES, "The pod is kept alive for 1 minute to 24 hours.", "`guard off` has no end."
        )
    status = need_guard(await session.guard.ask("keep", seconds=60.0 * (minutes or 0)))
    wanted = max(60.0 * (minutes or 0), status.idle_s or 0.0)
    return _answer(session, f"not before {_clock(session, wanted)}, unless the budget ends first" if status.budget
                   else f"not before {_clock(session, wanted)}")  # fmt: skip


async def guard_set(session: Session, params: GuardSetParams, _report: Report) -> Document:
    """Other limits until the pod stops; turns the guard on where it was off, and starts it where it is gone."""
    changes: dict[str, Any] = {"mode": "auto"}
    if params.idle is not None:
        changes["idle_s"] = _limit(params.idle, "idle") * 60.0
    if params.budget is not None:
        changes["budget"] = _limit(params.budget, "budget") or None
    if params.copies is not None:
        changes["need_copies"] = params.copies == "wait"
    status = await session.guard.fresh()
    if status.state == DEAD:
        await session.guard.restart()
    need_guard(await session.guard.ask("set", changes=changes))
    return _answer(session, _policy_words(changes, status))


async def guard_off(session: Session, _params: NoParams, _report: Report) -> Document:
    """Leave the pod alone, until it stops or the guard is set again."""
    need_guard(await session.guard.ask("set", changes={"mode": "off"}))
    return _answer(session, "off: nothing stops this pod but you")


def _limit(value: float, name: str) -> float:
    if not 0 <= value < 1e6:
        raise Misused(Code.BAD_LIMIT, f"--{name} must be a number from 0 on.", "0 is no limit.")
    return float(value)


def _policy_words(changes: Mapping[str, Any], before: GuardStatus) -> str:
    idle = changes.get("idle_s", before.idle_s)
    budget = changes.get("budget", before.budget)
    limits = [f"stops after {span(idle)} idle" if idle else "never stops for idleness"]
    limits.append(f"or at ${budget:.2f}" if budget else "no budget")
    return ", ".join(limits)


def _clock(session: Session, seconds: float) -> str:
    from datetime import timedelta  # noqa: PLC0415 - rarely needed

    return (session.clock() + timedelta(seconds=seconds)).astimezone().strftime("%H:%M")


def _answer(session: Session, message: str) -> Document:
    return {**guard_document(session.store.state.guard, session.clock()), "message": message}


async def guard_check(session: Session) -> tuple[str, str, str] | None:
    """For the doctor: (ok, warning, wrong or unknown; words; what to do). None where there is nothing to guard."""
    if not session.guard.applies:
        return None
    try:
        status = await session.guard.fresh()
    except LabeltuiError as error:
        return "unknown", f"The guard can't be asked: {error.problem.message}", error.problem.hint
    by = f" It stops the pod by {status.way}." if status.way else ""
    if status.state in (DEAD, "stuck") or status.problem:
        return "wrong", f"{status.problem}." if status.problem else status.words, status.hint or LEND
    if status.state in ("off", "waiting"):
        return "warning", status.words, status.hint
    return "ok", f"{status.words}{by}", status.hint
