"""``doctor``: checks every part at once, each within a deadline, and shows how to fix each problem."""

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
from labeltui.operations.doctor.disks import disk_checks
from labeltui.operations.doctor.host import host_checks, labels_check
from labeltui.operations.pod.guard import guard_check
from labeltui.operations.refresh import refresh_labels
from labeltui.operations.server.options import setup_options
from labeltui.operations.server.setup import Setup
from labeltui.session.connection.link import SEE_DOCTOR
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

HOST_S = 20.0  # for the connection
PART_S = 15.0  # for each part after it
PARTS = (
    *("profile", "key", "scope", "balance", "pod", "public", "ssh key", "ssh", "host key"),
    *(
        "host",
        "agent",
        "monailabel",
        "disk",
        "studies",
        "copies",
        "gpu",
        "server",
        "tunnel",
        "training",
        "guard",
        "labels",
    ),
)
"""The names of all checks; each part needs those before it."""

Add = Callable[[Check], None]


async def doctor(session: Session, _params: NoParams, report: Report) -> Document:
    """Check RunPod and the host at the same time. Emits each check as a record as soon as it is done.

    Raises Failed, with all checks as its document, if a check fails. A warning is not a failure.
    """
    checks: list[Check] = []

    def add(check: Check) -> None:
        checks.append(check)
        _emit(report, check)

    has_host: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    parts: list[Awaitable[None]] = [_check_host(session, report, add, has_host)]
    if session.profile.host == "runpod":
        parts.append(pod_checks(session, add, has_host))
    else:
        has_host.set_result(True)
    await asyncio.gather(*parts)
    return verdict_of(checks, session.clock())


async def without_session(problem: Problem, report: Report) -> None:
    """Report why no session opens, and whether there is an API key of RunPod. Always raises Failed."""
    checks = [Check("profile", Verdict.WRONG, problem.message, problem.hint), await key_check()]
    for check in checks:
        _emit(report, check)
    verdict_of(checks, datetime.now(UTC))


def _emit(report: Report, check: Check) -> None:
    record = {"check": check.part, "verdict": check.verdict.value, "message": check.message}
    report.emit({**record, "hint": check.hint or None})


def verdict_of(checks: list[Check], now: datetime) -> Document:
    """Return the document of all checks. Raises Failed with the document if a check failed."""
    ordered = sorted(checks, key=lambda check: PARTS.index(check.part))
    wrong = next((c for c in ordered if c.verdict is Verdict.WRONG), None)
    error = {"code": wrong.part, "message": wrong.message, "hint": wrong.hint} if wrong else None
    counts = {verdict.value: sum(c.verdict is verdict for c in checks) for verdict in Verdict}
    summary = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    document = {
        "as_of": moment(now),
        "message": summary,
        "checks": [asdict(check) for check in ordered],
        "error": error,
    }
    if wrong is not None:
        raise Failed.of_document(document)
    return document


async def _check_host(session: Session, report: Report, add: Add, has_host: Awaitable[bool]) -> None:
    if not await has_host:
        add(Check("host", Verdict.UNKNOWN, "Not checked: no pod is running."))
        return
    if not await _reach(session, add):
        return
    await asyncio.gather(_install(session, report, add), refresh_labels(session))
    state = await session.readiness.first_readings(Fields.metrics, Fields.training, deadline_s=PART_S)
    for check in (*host_checks(state), *await disk_checks(session)):
        add(check)
    guard = await guard_check(session)
    if guard is not None:
        add(Check("guard", Verdict(guard[0]), *guard[1:]))
    add(labels_check(session.store.state))


async def _reach(session: Session, add: Add) -> bool:
    try:
        await session.reach(HOST_S)
        add(Check("host", Verdict.OK, f"{session.link.host.address} is connected."))
        await session.readiness.settled()
        add(Check("agent", Verdict.OK, "The agent runs on the host."))
    except LabeltuiError as error:
        part = "agent" if session.link.is_connected else "host"
        add(Check(part, Verdict.WRONG, error.problem.message, error.problem.hint.removesuffix(SEE_DOCTOR)))
        return False
    return True


async def _install(session: Session, report: Report, add: Add) -> None:
    try:
        async with asyncio.timeout(PART_S):
            found = await Setup(session, setup_options(session.profile), report).check()
    except TimeoutError:
        late = f"The host did not report within {PART_S:.0f} s what is installed."
        add(Check("monailabel", Verdict.UNKNOWN, late, "Try again when the host is less busy."))
        return
    except LabeltuiError as error:
        add(Check("monailabel", Verdict.WRONG, error.problem.message, error.problem.hint))
        return
    if found["error"] is not None:
        add(Check("monailabel", Verdict.WRONG, found["error"]["message"], found["error"]["hint"]))
    elif found["stand_in"]:
        add(Check("monailabel", Verdict.OK, "The demo's stand-in for MONAI Label is installed."))
    else:
        add(Check("monailabel", Verdict.OK, "MONAI Label is installed."))
