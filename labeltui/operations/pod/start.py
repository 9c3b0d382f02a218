"""Bringing a stopped pod back: wait for it, and say what can be done when it does not come back as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from labeltui.actions.pods import PodStartParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod, PodAction, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.operations.labels.safety import spare_labels
from labeltui.operations.pod.target import legal, meant, target
from labeltui.runpod.lifecycle import pod_problem
from labeltui.support.backoff import jittered

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

STARTS_WITHIN_S = 20 * 60.0  # official images are many GB
ADDRESS_WITHIN_S = 5 * 60.0  # from running to an ssh address
STOPS_WITHIN_S = 5 * 60.0
FIRST_LOOKS_S = 1.0
LATER_LOOKS_S = 3.0
EVERY_MIN = 3.0  # minutes between tries

CHOICES = ("pod.start", "pod.retry", "pod.data", "pod.volume", "pod.stop")
"""What can be done about a pod that does not come back, best first."""


async def startable(session: Session, params: PodStartParams, report: Report) -> Pod:
    """The pod, stopped; one that runs without the GPU it should have is stopped first, once its labels are here."""
    pod = await target(session, params.pod)
    if not pod.lost_its_gpu:
        return await legal(session, params, PodAction.START)
    pod = await legal(session, params, PodAction.STOP)
    await spare_labels(session, pod, PodAction.STOP, report, lose_labels=params.lose_labels)
    report.progress(f"Stopping {pod.name}, which has no GPU")
    return await stopped(session, pod, report)


def can_be_reached(pod: Pod) -> bool:
    """True once the container runs and RunPod tells where its sshd is."""
    return pod.status is PodStatus.RUNNING and pod.ssh is not None


async def started(session: Session, pod: Pod, report: Report) -> Pod:
    """Start it once, and wait until it can be reached. Raises with what can be done about it."""
    report.progress(f"Starting {pod.name}")
    client = await session.rental.client()
    await client.start(pod.id)
    now = await settled(session, pod, can_be_reached, report)
    if now.lost_its_gpu:
        raise Failed(
            Code.RUNPOD_NO_GPU, f"{now.name} came back without a GPU: others have taken those of its machine.",
            "Stop it and try later (`labeltui pod start --retry` does both), copy its data, or make a new pod.",
        )  # fmt: skip
    return now


async def until_it_works(session: Session, pod: Pod, report: Report, every: float | None) -> Pod:
    """Start it, again and again, until it is there with its GPU; cancelled, it stays as it is then: stopped."""
    wait = max(0.0, EVERY_MIN if every is None else every) * 60
    tries = 0
    while True:
        tries += 1
        try:
            return await started(session, pod, report)
        except LabeltuiError as error:
            if not error.problem.code.worth_retry:
                raise
            if error.problem.code == Code.RUNPOD_NO_GPU:
                await stopped(session, pod, report)  # it costs, and brings nothing
            why = error.problem.message
        pause = jittered(wait, (0.9, 1.1))
        report.progress(f"Try {tries}: {why} Next try in {max(1, round(pause / 60))} min; ctrl+c gives up.")
        await asyncio.sleep(pause)


async def for_data(session: Session, params: PodStartParams, report: Report) -> Pod:
    """The pod running without a GPU, to copy from; one that came back so is taken as it is."""
    pod = await target(session, params.pod)
    if pod.lost_its_gpu:
        await meant(session, params, pod, PodAction.START)
        return pod
    pod = await legal(session, params, PodAction.START)
    report.progress(f"Starting {pod.name} without a GPU")
    client = await session.rental.client()
    await client.start_without_gpu(pod.id)
    return await settled(session, pod, can_be_reached, report)


async def stopped(session: Session, pod: Pod, report: Report) -> Pod:
    """Stop it, and wait until it has."""
    client = await session.rental.client()
    await client.stop(pod.id)
    return await settled(session, pod, lambda p: not p.status.is_up, report, STOPS_WITHIN_S)


async def settled(
    session: Session,
    pod: Pod,
    holds: Callable[[Pod], bool],
    report: Report,
    within_s: float = STARTS_WITHIN_S,
) -> Pod:
    """That pod, by its id, once something holds of it; each change of its state is said.

    Raises when it has ended on the way, is gone, or takes too long. A look that fails is followed by another.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    runs_since: float | None = None
    said, misses, now = "", 0, pod
    while True:
        session.rental.wake()
        found = await _seen(session, pod.id)
        if isinstance(found, Pod):
            misses, now = 0, found
            if holds(now):
                if await session.rental.owns(now) and now.status is PodStatus.RUNNING:
                    session.link.reconnect()
                return now
            if now.status.value != said:
                said = now.status.value
                report.progress(f"{now.name} is {said}")
            if now.status is PodStatus.RUNNING:
                runs_since = runs_since or loop.time()
            _ended(session, pod, now, holds)
        elif found is None:
            misses += 1
            if misses > 1:
                raise Failed(
                    Code.RUNPOD_POD_GONE, f"{pod.name} is gone: it was terminated.", offers=("pods",)
                )
        if runs_since is not None and loop.time() - runs_since > ADDRESS_WITHIN_S:
            raise _unreachable(now)
        if loop.time() - begun > within_s:
            raise _slow(now, within_s)
        await asyncio.sleep(FIRST_LOOKS_S if loop.time() - begun < 20 else LATER_LOOKS_S)


async def _seen(session: Session, pod_id: str) -> Pod | Exception | None:
    try:
        return await (await session.rental.client()).pod(pod_id)
    except Unreachable as error:
        return error
    except LabeltuiError as error:
        if error.problem.code != Code.RUNPOD_SERVER_ERROR:
            raise
        return error


def _ended(session: Session, before: Pod, now: Pod, holds: Callable[[Pod], bool]) -> None:
    """Raise what ended the pod while it should have come up."""
    if holds is not can_be_reached or now.status.is_up:
        return
    if (
        now.status is PodStatus.STOPPED
        and now.started_at == before.started_at
        and before.status == now.status
    ):
        return  # the list is not up to date yet
    problem = pod_problem(now, session.clock())
    what = f"{now.name} became {now.status} instead of running."
    raise Failed(
        problem.code if problem else Code.POD_STATE, problem.message if problem else what,
        problem.hint if problem else "Look at its system log on RunPod; then start it again.",
        problem.detail if problem else "", offers=CHOICES,
    )  # fmt: skip


def _unreachable(pod: Pod) -> Failed:
    exposed = any(port.private == 22 and port.protocol == "tcp" for port in pod.ports)
    why = "RunPod tells no address for its ssh" if exposed else "its port 22/tcp is not exposed"
    return Failed(
        Code.POD_NO_ADDRESS, f"{pod.name} runs, and costs, but {why}.",
        "Stop it; start it again, or make a new pod with 22/tcp.", offers=("pod.stop", "pod.restart", "pod.options"),
    )  # fmt: skip


def _slow(pod: Pod, within_s: float) -> Failed:
    return Failed(
        Code.POD_SLOW, f"{pod.name} is {pod.status} after {within_s / 60:.0f} minutes.",
        "Its system log on RunPod says whether its image is still pulled; it is paid for meanwhile.",
        offers=("pod.stop", "pods"),
    )  # fmt: skip
