"""Waits while a rented pod pulls its image and starts, until the pod runs or has failed for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.problems import Failed
from labeltui.domain.state import SessionState
from labeltui.operations.deploy.system_log import SystemLog
from labeltui.operations.pod.address import AddressWait
from labeltui.runpod.lifecycle import pod_problem

if TYPE_CHECKING:
    from labeltui.session.session import Session

UP_WITHIN_S = 40 * 60.0  # official images are many GB; a slow host takes half an hour
CHECK_S = 5.0  # between two checks of the pod and of its system log
COMING_UP = (PodStatus.PROVISIONING, PodStatus.STARTING)


async def pull_image(session: Session, pod_id: str, show_line: Callable[[str], None]) -> Pod:
    """Wait until the pod runs and has an address. ``show_line`` gets each line of its system log.

    Raises Failed if the pod has stopped, is gone, runs without its GPU, prints that it will never start, runs for
    three minutes without an SSH address, or takes longer than 40 minutes.
    """
    log = SystemLog(await session.account.client(), pod_id, show_line)
    following = asyncio.create_task(log.run())
    try:
        return await _until_up(session, log, AddressWait(session, show_line))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _until_up(session: Session, log: SystemLog, address: AddressWait) -> Pod:
    session.watch_pod()
    session.account.wake()
    clock = asyncio.get_running_loop().time
    end = clock() + UP_WITHIN_S
    while clock() < end:
        with suppress(TimeoutError):
            pod = _settled(await session.store.wait_for(_is_settled, CHECK_S))
            if pod is not None:
                return _running(session, pod, log)
        reading = session.store.state.pod
        _raise_if_lost(session, reading.value, log)
        if reading.value is not None and reading.error is None:
            await address.check(reading.value)
    raise Failed(
        Code.POD_SLOW, f"The pod is still not running after {UP_WITHIN_S / 60:.0f} minutes.",
        "Its system log says whether the image is still being pulled.", log.text,
    )  # fmt: skip


def _settled(state: SessionState) -> Pod | None:
    """Return the pod if it runs and has an address, or if it has ended.

    None while it is starting, or if it could not be read.
    """
    pod = state.pod.value
    if pod is None or state.pod.error is not None or pod.status in COMING_UP:
        return None
    return None if pod.status is PodStatus.RUNNING and pod.ssh is None else pod


def _is_settled(state: SessionState) -> bool:
    return _settled(state) is not None


def _raise_if_lost(session: Session, pod: Pod | None, log: SystemLog) -> None:
    """Raise Failed if the pod's state or its log shows that the pod will never run."""
    problem = pod_problem(pod, session.clock(), log.lines) if pod is not None else None
    if problem is not None and problem.code.pod_is_lost:
        raise Failed(problem.code, problem.message, problem.hint, problem.detail)


def _running(session: Session, pod: Pod, log: SystemLog) -> Pod:
    """Return the settled pod. Raises Failed if the pod has ended, or runs without its GPU."""
    if pod.status is PodStatus.RUNNING:
        if pod.lost_its_gpu:
            raise Failed(
                Code.RUNPOD_NO_GPU,
                "The pod runs and costs money, but has no GPU.",
                "Terminate it and rent another pod.",
            )
        return pod
    if pod.status is PodStatus.TERMINATED:
        raise Failed(
            Code.RUNPOD_POD_GONE,
            "The pod no longer exists: it was terminated by labeltui or by others.",
            "Rent another pod.",
        )
    _raise_if_lost(session, pod, log)
    raise Failed(
        Code.POD_STOPPED_EARLY, f"The pod was stopped while it started; it is {pod.status}.",
        "The image may be refused, or the credit used up: see the pod's system log, then start or terminate the pod.",
        log.text,
    )  # fmt: skip
