"""Starts a stopped pod: waits, tries again, and offers other actions if the pod does not start as before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from labeltui.actions.pods import PodStartParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod, PodAction, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.operations.labels.safety import spare_labels
from labeltui.operations.pod.address import AddressWait
from labeltui.operations.pod.target import legal, refuse_unnamed, target
from labeltui.runpod.lifecycle import pod_problem
from labeltui.support.backoff import jittered

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

STARTS_WITHIN_S = 20 * 60.0  # official images are many GB
STOPS_WITHIN_S = 5 * 60.0
FIRST_POLLS_S = 1.0
LATER_POLLS_S = 3.0
FIRST_POLLS_FOR_S = 20.0
EVERY_MIN = 3.0  # minutes between tries
GO_ON = " Wait longer with `labeltui pod start`, or end the pod with `labeltui pod terminate`."

CHOICES = ("pod.start", "pod.retry", "pod.data", "pod.volume", "pod.stop")
"""Actions that may help when a stopped pod does not start again, best first."""


async def startable(session: Session, params: PodStartParams, report: Report) -> Pod:
    """Return the stopped pod, or a pod that is up but has no SSH address yet.

    A pod that runs without its GPU is stopped first, once its labels are copied.
    """
    pod = await target(session, params.pod)
    if pod.awaits_address:
        await refuse_unnamed(session, params, pod, PodAction.START)
        return pod
    if not pod.lost_its_gpu:
        return await legal(session, params, PodAction.START)
    pod = await legal(session, params, PodAction.STOP)
    await spare_labels(session, pod, PodAction.STOP, report, lose_labels=params.lose_labels)
    report.progress(f"Stopping {pod.name}, which has no GPU")
    return await stop_and_wait(session, pod, report)


def can_be_reached(pod: Pod) -> bool:
    """Whether the container runs and RunPod lists the address of its sshd."""
    return pod.status is PodStatus.RUNNING and pod.ssh is not None


async def start_once(session: Session, pod: Pod, report: Report) -> Pod:
    """Start the pod once, and wait until it can be reached.

    Raises Failed with the actions that may help. If the pod is up already, only wait.
    """
    if pod.awaits_address:
        report.progress(f"{pod.name} is {pod.status} and has no SSH address yet")
    else:
        report.progress(f"Starting {pod.name}")
        await (await session.account.client()).start(pod.id)
    now = await wait_until(session, pod, can_be_reached, report)
    if now.lost_its_gpu:
        raise Failed(
            Code.RUNPOD_NO_GPU, f"{now.name} started without a GPU: others have rented the GPUs of its machine.",
            "Stop the pod and try later (`labeltui pod start --retry` does both), copy its data, or rent a new pod.",
        )  # fmt: skip
    return now


async def start_until_it_works(session: Session, pod: Pod, report: Report, every: float | None) -> Pod:
    """Start the pod every ``every`` minutes (None: 3) until it runs with its GPU, or until cancelled.

    Raises an error that another try can't fix.
    """
    wait = max(0.0, EVERY_MIN if every is None else every) * 60
    tries = 0
    while True:
        tries += 1
        try:
            return await start_once(session, pod, report)
        except LabeltuiError as error:
            if not error.problem.code.worth_retry:
                raise
            if error.problem.code == Code.RUNPOD_NO_GPU:
                pod = await stop_and_wait(
                    session, pod, report
                )  # a pod without a GPU costs money but can't work
            why = error.problem.message
        pause = jittered(wait, (0.9, 1.1))
        report.progress(
            f"Try {tries}: {why} The next try is in {max(1, round(pause / 60))} min; ctrl+c cancels."
        )
        await asyncio.sleep(pause)


async def start_for_data(session: Session, params: PodStartParams, report: Report) -> Pod:
    """Start the pod without a GPU, to copy data from it.

    A pod that already runs without its GPU is returned unchanged.
    """
    pod = await target(session, params.pod)
    if pod.lost_its_gpu:
        await refuse_unnamed(session, params, pod, PodAction.START)
        return pod
    pod = await legal(session, params, PodAction.START)
    report.progress(f"Starting {pod.name} without a GPU")
    client = await session.account.client()
    await client.start_without_gpu(pod.id)
    return await wait_until(session, pod, can_be_reached, report)


async def stop_and_wait(session: Session, pod: Pod, report: Report) -> Pod:
    """Stop the pod, and wait until it has stopped."""
    client = await session.account.client()
    with session.pod_stops.requested(pod):
        await client.stop(pod.id)
    return await wait_until(session, pod, lambda p: not p.status.is_up, report, STOPS_WITHIN_S)


async def wait_until(
    session: Session,
    pod: Pod,
    holds: Callable[[Pod], bool],
    report: Report,
    within_s: float = STARTS_WITHIN_S,
) -> Pod:
    """Poll the pod until ``holds(pod)`` is true, and report each change of its status to the operator.

    Raises Failed if the pod ends instead of starting, is gone, runs for three minutes without an SSH address, or
    takes longer than ``within_s``. If RunPod's list misses the pod once, or a poll fails, the next poll follows.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    address = AddressWait(session, report.progress, GO_ON)
    reported, misses, now, was_up = "", 0, pod, pod.status.is_up
    while True:
        session.account.wake()
        found = await _poll(session, pod.id)
        if isinstance(found, Pod):
            misses, now = 0, found
            if holds(now):
                if await session.account.owns(now) and now.status is PodStatus.RUNNING:
                    session.link.reconnect()
                return now
            if now.status.value != reported:
                reported = now.status.value
                report.progress(f"{now.name} is {reported}")
            await address.check(now)
            was_up = was_up or now.status.is_up
            # Until the pod is up, RunPod's list may still show its previous state.
            stale = not was_up and now.status is PodStatus.STOPPED and now.started_at == pod.started_at
            if holds is can_be_reached and not now.status.is_up and not stale:
                raise _ended(session, now)
        elif found is None:
            misses += 1
            if misses > 1:
                raise Failed(
                    Code.RUNPOD_POD_GONE, f"{pod.name} no longer exists: it was terminated.", offers=("pods",)
                )
        if loop.time() - begun > within_s:
            raise _slow(now, within_s)
        await asyncio.sleep(FIRST_POLLS_S if loop.time() - begun < FIRST_POLLS_FOR_S else LATER_POLLS_S)


async def _poll(session: Session, pod_id: str) -> Pod | LabeltuiError | None:
    """Return the pod, None if RunPod does not list it, or the error of a poll that is worth repeating."""
    try:
        return await (await session.account.client()).pod(pod_id)
    except Unreachable as error:
        return error
    except LabeltuiError as error:
        if error.problem.code != Code.RUNPOD_SERVER_ERROR:
            raise
        return error


def _ended(session: Session, now: Pod) -> Failed:
    """Return the error for a pod that ended while it should have started."""
    problem = pod_problem(now, session.clock())
    what = f"{now.name} became {now.status} instead of running."
    return Failed(
        problem.code if problem else Code.POD_STATE, problem.message if problem else what,
        problem.hint if problem else "See the pod's system log on RunPod; then start it again.",
        problem.detail if problem else "", offers=CHOICES,
    )  # fmt: skip


def _slow(pod: Pod, within_s: float) -> Failed:
    return Failed(
        Code.POD_SLOW, f"{pod.name} is {pod.status} after {within_s / 60:.0f} minutes.",
        "The pod's system log on RunPod says whether its image is still being pulled. The pod costs money meanwhile.",
        offers=("pod.stop", "pods"),
    )  # fmt: skip
