"""``guard status``, ``keep``, ``set`` and ``off``, and the doctor's check of the guard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from labeltui.actions.guard import GuardKeepParams, GuardSetParams
from labeltui.actions.params import NoParams
from labeltui.domain.amounts import dollars
from labeltui.domain.documents.guard import guard_document
from labeltui.domain.failure_codes import Code
from labeltui.domain.guard.rules import span
from labeltui.domain.guard.status import DEAD, GuardStatus
from labeltui.domain.problems import Failed, LabeltuiError, Misused
from labeltui.session.pod.guard import by_method, need_guard

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


OPERATOR_KEY_HINT = "Give the pod your API key: [profiles.NAME.guard] operator_key = true."


async def guard_status(session: Session, _params: NoParams, _report: Report) -> Document:
    """Report the state of the guard, its last measurements, and when it stops the pod.

    Raises Failed ``guard_dead`` or ``guard_stuck``, with the same document, if the guard can't stop the pod.
    """
    status = await session.guard.refresh()
    document = guard_document(session.store.state.guard, session.clock())
    if not status.cannot_stop:
        return document
    code = Code.GUARD_DEAD if status.state == DEAD else Code.GUARD_STUCK
    error = {"code": code, "message": status.words, "hint": status.hint}
    raise Failed.of_document({**document, "error": error})


async def guard_keep(session: Session, params: GuardKeepParams, _report: Report) -> Document:
    """Reset the countdown; with ``minutes``, keep the pod alive at least that long.

    Raises Misused ``bad_minutes``, and Failed if no guard runs.
    """
    minutes = params.minutes
    if minutes is not None and not 0 < minutes <= 24 * 60:
        raise Misused(
            Code.BAD_MINUTES,
            "The pod can be kept alive for up to 24 hours.",
            "`labeltui guard off` keeps the pod alive without a limit.",
        )
    status = need_guard(await session.guard.ask("keep", seconds=60.0 * (minutes or 0)))
    wanted = max(60.0 * (minutes or 0), status.idle_s or 0.0)
    return _answer(session, f"no stop before {_clock(session, wanted)}, unless the budget ends" if status.budget
                   else f"no stop before {_clock(session, wanted)}")  # fmt: skip


async def guard_set(session: Session, params: GuardSetParams, _report: Report) -> Document:
    """Set limits that apply until the pod stops. Turns on a guard that is off, and restarts one that has died.

    Raises Misused ``bad_limit``, and Failed if no guard runs.
    """
    changes: dict[str, Any] = {"mode": "auto"}
    if params.idle is not None:
        changes["idle_s"] = _limit(params.idle, "idle") * 60.0
    if params.budget is not None:
        changes["budget"] = _limit(params.budget, "budget") or None
    if params.copies is not None:
        changes["need_copies"] = params.copies == "wait"
    status = await session.guard.refresh()
    if status.state == DEAD:
        await session.guard.restart()
    need_guard(await session.guard.ask("set", changes=changes))
    return _answer(session, _policy_text(changes, status))


async def guard_off(session: Session, _params: NoParams, _report: Report) -> Document:
    """Turn the guard off until the pod stops or ``guard set`` turns it on. Raises Failed if no guard runs."""
    need_guard(await session.guard.ask("set", changes={"mode": "off"}))
    return _answer(session, "off: only you can stop this pod now")


def _limit(value: float, name: str) -> float:
    if not 0 <= value < 1e6:
        raise Misused(Code.BAD_LIMIT, f"--{name} must be a number from 0 on.", "Give 0 for no limit.")
    return float(value)


def _policy_text(changes: Mapping[str, Any], before: GuardStatus) -> str:
    idle = changes.get("idle_s", before.idle_s)
    budget = changes.get("budget", before.budget)
    limits = [f"stops after {span(idle)} idle" if idle else "no stop when idle"]
    limits.append(f"or at {dollars(budget)}" if budget else "no budget")
    return ", ".join(limits)


def _clock(session: Session, seconds: float) -> str:
    return (session.clock() + timedelta(seconds=seconds)).astimezone().strftime("%H:%M")


def _answer(session: Session, message: str) -> Document:
    return {**guard_document(session.store.state.guard, session.clock()), "message": message}


async def guard_check(session: Session) -> tuple[str, str, str] | None:
    """Return the doctor's check as (verdict, message, hint). None for a session without a pod to guard."""
    if not session.guard.applies:
        return None
    try:
        status = await session.guard.refresh()
    except LabeltuiError as error:
        return "unknown", f"The guard does not answer: {error.problem.message}", error.problem.hint
    if status.cannot_stop:
        return "wrong", status.words, OPERATOR_KEY_HINT if status.problem else status.hint
    by = f" {by_method(status)}." if status.method else ""
    if status.state in ("off", "waiting"):
        return "warning", status.words, status.hint
    return "ok", f"{status.words}{by}", status.hint
