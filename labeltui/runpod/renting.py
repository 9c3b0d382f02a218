"""Rent exactly one pod from a list of candidates, under a name that no other request uses."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Problem
from labeltui.domain.rules.pod import only_named
from labeltui.runpod.problems import create_unclear, no_capacity

APPEAR_S = 45.0  # how long to poll the list for a pod whose create request was not answered
SETTLE_S = 180.0  # a new pod may be missing from the list this long; no second request until then
LIST_AGAIN_S = 3.0


class Pods(Protocol):
    """The requests that :class:`Renting` sends. All methods raise LabeltuiError."""

    async def pods(self) -> tuple[Pod, ...]:
        """List the account's pods."""
        ...

    async def pod(self, pod_id: str) -> Pod | None:
        """Fetch one pod. Returns None if the account has no pod with this id."""
        ...

    async def create(self, spec: PodSpec) -> Pod:
        """Send one create request."""
        ...


class CreatesOnce(Protocol):
    """A client that rents a pod unless the account already has a pod of the same name."""

    async def create_once(self, spec: PodSpec) -> Pod:
        """Return the rented or existing pod. Raises LabeltuiError."""
        ...


class Renting:
    """Rents at most one pod per name, even when RunPod's answer to the create request is lost."""

    def __init__(
        self,
        account: Pods,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._sleep = sleep
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._may_appear_until: dict[str, float] = {}  # by name
        self._ids: dict[str, str] = {}  # by name; the list of pods may lag, a request by id does not

    async def create_once(self, spec: PodSpec) -> Pod:
        """Rent a pod, or return the pod that already has this name.

        Raises ``runpod_create_unclear`` if it is unknown whether RunPod rented the pod. The caller may retry with
        the same name: the retry polls the list while the pod may still appear (up to three minutes) before it
        sends a second request. After ``runpod_no_capacity``, try another offer.
        """
        async with self._one_at_a_time:
            pod = await self._existing(spec.name)
            if pod is None:
                self._may_appear_until[spec.name] = (
                    self._clock() + SETTLE_S
                )  # set before the request, in case this task is cancelled
                pod = await self._create(spec)
            self._may_appear_until.pop(spec.name, None)
            self._ids[spec.name] = pod.id
            return pod

    def expect(self, name: str, within_s: float) -> None:
        """Poll the list up to ``within_s`` seconds before renting. An earlier process may have rented ``name``."""
        self._may_appear_until[name] = max(self._may_appear_until.get(name, 0.0), self._clock() + within_s)

    def remember(self, name: str, pod_id: str) -> None:
        """Store the id of a pod that an earlier process rented as ``name``; the list may lack the pod."""
        self._ids.setdefault(name, pod_id)

    async def _existing(self, name: str) -> Pod | None:
        pod_id = self._ids.get(name)
        pod = await self._account.pod(pod_id) if pod_id else None
        if pod is not None and pod.status is not PodStatus.TERMINATED:
            return pod
        return await self._listed(name, self._may_appear_until.get(name, 0.0))

    async def _create(self, spec: PodSpec) -> Pod:
        try:
            return await self._account.create(spec)
        except LabeltuiError as error:
            if not error.problem.code.unclear:
                del self._may_appear_until[spec.name]
                raise
            with suppress(LabeltuiError):
                pod = await self._listed(spec.name, self._clock() + APPEAR_S)
                if pod is not None:
                    return pod
            raise create_unclear(spec.name, error) from error

    async def _listed(self, name: str, until: float) -> Pod | None:
        """Poll the list for ``name`` until the clock time ``until``, at least once. None if not found.

        Raises Misused ``pod_ambiguous`` if several pods have the name.
        """
        while True:
            last = self._clock() >= until
            try:
                pods = await self._account.pods()
            except LabeltuiError:
                if last:
                    raise
                pods = ()
            pod = only_named(pods, name)
            if pod is not None or last:
                return pod
            await self._sleep(LIST_AGAIN_S)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate that RunPod refused, and the reason."""

    spec: PodSpec
    problem: Problem


def unique_name(wanted: str) -> str:
    """Make a pod name that no other request uses, so that the pod can be found if RunPod's answer is lost."""
    base = re.sub(r"[^A-Za-z0-9-]+", "-", wanted).strip("-")[:40] or "labeltui"
    return f"{base}-{secrets.token_hex(4)}"


async def create_first(
    account: CreatesOnce,
    candidates: Iterable[PodSpec],
    refused: Callable[[Refusal], None] = lambda _: None,
) -> Pod:
    """Rent the first available candidate. Stop at the first error that leaves the outcome unknown.

    Give all candidates the same name, so that an existing pod of this name is returned. ``refused`` is called
    for each candidate that RunPod refuses. Raises ``runpod_no_capacity`` if RunPod refused at least one candidate
    for lack of capacity. Otherwise the request itself is wrong: raises the last refusal (``runpod_bad_request``).
    """
    refusals: list[Refusal] = []
    last: LabeltuiError | None = None
    for spec in candidates:
        try:
            return await account.create_once(spec)
        except LabeltuiError as error:
            if not error.problem.code.next_gpu_may_do:
                raise
            last = error
            refusals.append(Refusal(spec, error.problem))
            refused(refusals[-1])
    if last is None:
        raise Failed(
            Code.RUNPOD_NO_CANDIDATE,
            "No GPU matches these settings.",
            "Relax the settings, or choose another cloud.",
        )
    codes = {refusal.problem.code for refusal in refusals}
    raise (no_capacity(last.problem.detail) if Code.RUNPOD_NO_CAPACITY in codes else last)
