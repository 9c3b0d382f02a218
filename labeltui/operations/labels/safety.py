"""Before something ends that holds labels: copy them, and refuse while they would be lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labeltui.domain.pod.pod import Pod, PodAction, PodStatus
from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.domain.rules.label_risk import risk
from labeltui.domain.rules.pod import about_pod

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

REACH_S = 20.0
COPY_S = 300.0


async def copy_last(session: Session, pod: Pod, report: Report | None = None) -> None:
    """Copy what is not here yet, where the pod can be reached; what stands in the way is in the reading."""
    if not await session.rental.owns(pod):
        return
    if pod.status is not PodStatus.RUNNING or pod.ssh is None:
        session.labels.gone(f"the pod is {pod.status}")
        return
    if report is not None:
        report.progress("Copying the labels that are not here yet")
    try:
        async with asyncio.timeout(COPY_S):
            await session.reach(REACH_S)
            await session.labels.settle()
    except LabeltuiError as error:
        session.labels.gone(error.problem.message)
    except TimeoutError:
        session.labels.gone(f"they were not here within {COPY_S / 60:.0f} minutes")


async def spare_labels(
    session: Session, pod: Pod, action: PodAction, report: Report, *, lose_labels: bool
) -> None:
    """Raise Refused (``labels_not_copied``, ``labels_unknown``) while the action would lose labels.

    With ``lose_labels`` they are given up. Of a pod that is not the profile's nothing is known here: its name was
    typed after a question that says so.
    """
    await copy_last(session, pod, report)
    if lose_labels or not await session.rental.owns(pod):
        return
    problem = risk(about_pod(session.store.state, pod), action.value)
    if problem is not None:
        raise Refused(problem.code, problem.message, problem.hint)
