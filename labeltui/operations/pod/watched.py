"""Reports whether a guard watches the pod. Every command that leaves a pod running prints this as its last line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labeltui.domain.amounts import dollars
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
PAUSE_S = 1.0  # after an attempt, because some errors are raised at once


async def start_guard(session: Session) -> tuple[bool, str]:
    """Start the guard on a host that can be reached.

    Returns whether the guard will stop the pod, and a sentence that says so.
    """
    try:
        status = await session.guard.running()
    except LabeltuiError as error:
        return False, f"No guard will stop this pod: {error_text(error)}"
    return watched(status)


async def report_guard(session: Session, report: Report, pod: Pod | None = None) -> str | None:
    """Start the guard on the profile's pod if it does not run, and report whether the guard watches the pod.

    ``pod`` is a pod that was just started. If it is not the profile's pod, it has no guard; the profile's pod
    is connected first. Returns the reported sentence; None if the session works on no pod.
    """
    if pod is not None and not await session.account.owns(pod):
        words = f"No guard runs on {pod.name}: it is not this profile's pod."
    elif not session.guard.applies:
        if pod is None:
            return None
        words = f"No guard runs on {pod.name}: this profile uses another host."
    else:
        why_not = await _reached(session) if pod is not None else None
        words = why_not or (await start_guard(session))[1]
    report.progress(words)
    return words


async def _reached(session: Session) -> str | None:
    """Connect to the pod. Returns None, or a sentence that explains the failure."""
    clock = asyncio.get_running_loop().time
    end = clock() + REACHED_WITHIN_S
    while True:
        try:
            await session.reach(TRY_S)
        except Unreachable as error:
            if clock() > end:
                return f"No guard will stop this pod: {error_text(error)}"
            await asyncio.sleep(PAUSE_S)
        except LabeltuiError as error:
            return f"No guard will stop this pod: {error_text(error)}"
        else:
            return None


def watched(status: GuardStatus) -> tuple[bool, str]:
    """Return whether the guard will stop the pod, and a sentence that says when or why not."""
    if status.state == OFF:
        return False, "No guard will stop this pod: the guard is off. `labeltui guard set` turns it on."
    if status.cannot_stop:
        why = status.words if status.state == DEAD else f"{status.problem}."
        return False, f"No guard will stop this pod: {why} {status.hint}".rstrip()
    limits = [f"after {span(status.idle_s)} idle"] if status.idle_s else []
    limits += [f"once it has cost {dollars(status.budget)}"] if status.budget else []
    if not limits:
        return False, "No guard will stop this pod: its guard has neither an idle limit nor a budget."
    unproven = "" if status.is_proven else f" ({UNPROVEN})"
    return True, f"Guard: stops the pod {' or '.join(limits)}, with {status.method}{unproven}."
