"""Whether a guard watches the pod, as the last words of every command that ends with a running pod."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labeltui.domain.guard.rules import OFF, span
from labeltui.domain.guard.status import DEAD, UNPROVEN, GuardStatus
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.session.runtime.supervise import error_text

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

REACHED_WITHIN_S = 120.0  # sshd starts some seconds after the pod runs
TRY_S = 15.0


async def start_guard(session: Session) -> tuple[bool, str]:
    """Have the guard run on a host that can be reached: whether it will stop the pod, and that in words."""
    try:
        status = await session.guard.running()
    except LabeltuiError as error:
        return False, f"Nothing watches this pod: {error_text(error)}"
    return watched(status)


async def report_guard(session: Session, report: Report, pod: Pod | None = None) -> str | None:
    """Have the guard run on the profile's pod, and report whether it does.

    ``pod`` was just started: another pod than the profile's has no guard, and the profile's is connected to first.
    Returns the words; None where the session works on no pod.
    """
    if pod is not None and not await session.account.owns(pod):
        words = f"Nothing watches {pod.name}: it is not this profile's pod."
    elif not session.guard.applies:
        if pod is None:
            return None
        words = f"Nothing watches {pod.name}: this profile does not work on it."
    else:
        why_not = await _reached(session) if pod is not None else None
        words = why_not or (await start_guard(session))[1]
    report.progress(words)
    return words


async def _reached(session: Session) -> str | None:
    """Connect to the pod; returns what to say where that fails."""
    clock = asyncio.get_running_loop().time
    end = clock() + REACHED_WITHIN_S
    while True:
        try:
            await session.reach(TRY_S)
        except Unreachable as error:
            if clock() > end:
                return f"Nothing watches this pod: {error_text(error)}"
        except LabeltuiError as error:
            return f"Nothing watches this pod: {error_text(error)}"
        else:
            return None


def watched(status: GuardStatus) -> tuple[bool, str]:
    """Whether the guard will stop the pod, and when, in words."""
    if status.state == OFF:
        return False, "Nothing watches this pod: the guard is off. `labeltui guard set` turns it on."
    if status.cannot_stop:
        why = status.words if status.state == DEAD else f"{status.problem}."
        return False, f"Nothing watches this pod: {why} {status.hint}".rstrip()
    limits = [f"after {span(status.idle_s)} idle"] if status.idle_s else []
    limits += [f"once it has cost ${status.budget:.2f}"] if status.budget else []
    if not limits:
        return False, "Nothing watches this pod: its guard has neither an idle limit nor a budget."
    unproven = "" if status.is_proven else f" ({UNPROVEN})"
    return True, f"Guard: stops the pod {' or '.join(limits)}, by {status.way}{unproven}."
