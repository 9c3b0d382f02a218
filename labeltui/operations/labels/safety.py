"""Copies a pod's labels and models before an action ends the pod, and refuses the action if labels would be lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.domain.pod.pod import Pod, PodAction, PodStatus
from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.domain.rules.ended_work import work_note
from labeltui.domain.rules.label_risk import risk
from labeltui.domain.rules.pod import about_pod
from labeltui.operations.refresh import refresh_trainings

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

REACH_S = 20.0
COPY_S = 300.0
WORK_S = 30.0


async def copy_last(session: Session, pod: Pod, report: Report | None = None) -> None:
    """Copy the missing labels and then the missing models, if this is the profile's pod.

    Raises nothing: an error is stored in the labels' reading.
    """
    if not await session.account.owns(pod):
        return
    if pod.status is not PodStatus.RUNNING or pod.ssh is None:
        session.labels.failed(f"the pod is {pod.status}")
        return
    if report is not None:
        report.progress("Copying the labels that are not on this machine yet")
    try:
        async with asyncio.timeout(COPY_S):
            await session.reach(REACH_S)
            await _read_work(session)
            await session.labels.copy_all()
    except LabeltuiError as error:
        session.labels.failed(error.problem.message)
    except TimeoutError:
        session.labels.failed(f"copying the labels took longer than {COPY_S / 60:.0f} minutes")
    else:
        await _copy_models(session, report)


async def _copy_models(session: Session, report: Report | None) -> None:
    """Copy the models that the profile selects.

    Raises nothing: models that are not copied are named before the pod ends.
    """
    if report is not None:
        report.progress("Copying the trained models that are not on this machine yet")
    with suppress(LabeltuiError, TimeoutError):
        async with asyncio.timeout(COPY_S):
            await session.models.copy_due(await session.link.ready(), at_end=True)


async def _read_work(session: Session) -> None:
    """Read whether a training runs, and which models earlier ones have trained.

    Raises nothing: if it fails, both stay unknown.
    """
    with suppress(LabeltuiError, TimeoutError):
        async with asyncio.timeout(WORK_S):
            await session.readiness.settled()
            await refresh_trainings(session)
            await session.store.wait_for(
                lambda state: state.training.as_of is not None or not state.info.value
            )


async def spare_labels(
    session: Session, pod: Pod, action: PodAction, report: Report, *, lose_labels: bool
) -> None:
    """Copy the labels, and refuse the action if it would lose some. Reports the work that ends with the pod.

    Raises Refused ``labels_not_copied`` or ``labels_unknown``. With ``lose_labels``, the action is not refused.
    For a pod that is not the profile's, labels are neither copied nor checked; the question that the operator
    confirmed with its name says so.
    """
    await copy_last(session, pod, report)
    if not await session.account.owns(pod):
        return
    if work := work_note(about_pod(session.store.state, pod), action.value):
        report.progress(work)
    if lose_labels:
        return
    problem = risk(about_pod(session.store.state, pod), action.value)
    if problem is not None:
        raise Refused(problem.code, problem.message, problem.hint)
