"""Looks at each part, side by side and within seconds, and says what to do about what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labeltui.actions.params import NoParams
from labeltui.domain.checks import Check, Verdict
from labeltui.domain.documents.documents import moment
from labeltui.domain.problems import Failed, LabeltuiError, Problem
from labeltui.operations.doctor.account import key_check, pod_checks
from labeltui.operations.doctor.host import _disk, _gpu, _labels, _server, _training, _tunnel
from labeltui.operations.pod.guard import guard_check
from labeltui.operations.refresh import look_at_labels
from labeltui.operations.server.options import setup_options
from labeltui.operations.server.setup import Setup
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

HOST_S = 20.0  # for the connection
PART_S = 15.0  # for each part after it
PARTS = (
    *("profile", "key", "scope", "balance", "pod", "public", "ssh key", "door", "host key"),
    *("host", "agent", "monailabel", "disk", "gpu", "server", "tunnel", "training", "guard", "labels"),
)
"""Every part there may be, in the order in which they need each other."""

Add = Callable[[Check], None]


async def doctor(session: Session, _params: NoParams, report: Report) -> Document:
    """What is wrong, and what to do. Fails (exit 1) when a part is wrong; warnings don't count.

    RunPod and the host are looked at side by side, each part within its deadline.
    """
    checks: list[Check] = []

    def add(check: Check) -> None:
        checks.append(check)
        _tell(report, check)

    can_be_there: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    looks: list[Awaitable[None]] = [_host_checks(session, report, add, can_be_there)]
    if session.profile.host == "runpod":
        looks.append(pod_checks(session, add, can_be_there))
    else:
        can_be_there.set_result(True)
    await asyncio.gather(*looks)
    return verdict_of(checks, session.clock())


async def without_session(problem: Problem, report: Report) -> None:
    """Where there is no profile to work with: say that, and whether RunPod's key is there. Always raises Failed."""
    checks = [Check("profile", Verdict.WRONG, problem.message, problem.hint), await key_check(None)]
    for check in checks:
        _tell(report, check)
    verdict_of(checks, datetime.now(UTC))


def _tell(report: Report, check: Check) -> None:
    told = {"check": check.part, "verdict": check.verdict.value, "message": check.message}
    report.emit({**told, "hint": check.hint or None})


def verdict_of(checks: list[Check], now: datetime) -> Document:
    """The document; raised as a failure when a part is wrong."""
    ordered = sorted(checks, key=lambda check: PARTS.index(check.part))
    wrong = next((c for c in ordered if c.verdict is Verdict.WRONG), None)
    error = {"code": wrong.part, "message": wrong.message, "hint": wrong.hint} if wrong else None
    counts = {verdict.value: sum(c.verdict is verdict for c in checks) for verdict in Verdict}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    document = {
        "as_of": moment(now),
        "message": said,
        "checks": [asdict(check) for check in ordered],
        "error": error,
    }
    if wrong is not None:
        raise Failed.of_document(document)
    return document


async def _host_checks(session: Session, report: Report, add: Add, can_be_there: Awaitable[bool]) -> None:
    if not await can_be_there:
        add(Check("host", Verdict.UNKNOWN, "It was not tried: there is no pod that runs."))
        return
    if not await _reach(session, add):
        return
    await asyncio.gather(_install(session, report, add), look_at_labels(session))
    state = await session.readiness.first_readings(Fields.metrics, Fields.training, deadline_s=PART_S)
    for check in (_disk(state), _gpu(state), _server(state), _tunnel(state), _training(state)):
        add(check)
    guard = await guard_check(session)
    if guard is not None:
        add(Check("guard", Verdict(guard[0]), *guard[1:]))
    add(_labels(session.store.state))


async def _reach(session: Session, add: Add) -> bool:
    try:
        await session.reach(HOST_S)
        add(Check("host", Verdict.OK, f"{session.link.host.address} is connected."))
        await session.readiness.settled()
        add(Check("agent", Verdict.OK, "The agent runs on the host."))
    except LabeltuiError as error:
        part = "agent" if session.link.is_connected else "host"
        add(Check(part, Verdict.WRONG, error.problem.message, error.problem.hint))
        return False
    return True


async def _install(session: Session, report: Report, add: Add) -> None:
    try:
        async with asyncio.timeout(PART_S):
            found = await Setup(session, setup_options(session.profile), report).check()
    except TimeoutError:
        late = f"The host did not say within {PART_S:.0f} s what is installed."
        add(Check("monailabel", Verdict.UNKNOWN, late, "Try again when it is less busy."))
        return
    except LabeltuiError as error:
        add(Check("monailabel", Verdict.WRONG, error.problem.message, error.problem.hint))
        return
    if found["error"] is not None:
        add(Check("monailabel", Verdict.WRONG, found["error"]["message"], found["error"]["hint"]))
    elif found["stand_in"]:
        add(Check("monailabel", Verdict.OK, "The demo's stand-in for MONAI Label is there."))
    else:
        add(Check("monailabel", Verdict.OK, "MONAI Label is installed."))
