"""The client for one RunPod account: one method per request. It converts answers to domain objects."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from urllib.parse import quote

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Pod, PodAction, PodLogLine, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Misused
from labeltui.runpod import convert, logs
from labeltui.runpod.catalogue import Catalogue
from labeltui.runpod.graphql.graphql import GraphQL
from labeltui.runpod.graphql.sdk import Sdk
from labeltui.runpod.keys import Secret
from labeltui.runpod.limits import RateLimits
from labeltui.runpod.problems import api_off, outcome_unclear, pod_gone, still_there
from labeltui.runpod.renting import LIST_AGAIN_S, Renting
from labeltui.runpod.replies import Purpose
from labeltui.runpod.transport import Answer, Transport

API_OFF_FOR_A_POD = (
    Code.RUNPOD_API_OFF,
    Code.RUNPOD_POD_GONE,
)  # if v2 is off, RunPod answers 404 for a pod's path too
API_CHOICES = ("auto", "v2", "graphql")
VANISH_S = 60.0  # RunPod may list a terminated pod this long


class RunpodClient(Catalogue):
    """A client for one account. ``api`` is ``v2``, ``graphql`` or ``auto`` (REST v2, then GraphQL if v2 is off).

    All methods raise LabeltuiError. See :mod:`.transport` for the rules for retries.
    """

    def __init__(
        self,
        key: Secret,
        *,
        base: str | None = None,
        api: str = "auto",
        team: str | None = None,
        transport: Transport | None = None,
        graphql: GraphQL | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if api not in API_CHOICES:
            raise Misused(
                Code.RUNPOD_BAD_API,
                f'api = "{api}" is not an API of RunPod.',
                'Use "auto", "v2" or "graphql".',
            )
        super().__init__(transport or Transport(key, base, team=team), now)
        self.graphql = graphql or GraphQL(
            key, self.transport.base, sdk=Sdk(key, self.transport.base, team=team)
        )
        self._api = api
        self._clock = clock
        self._v2_off = api == "graphql"
        self.renting = Renting(self, self.transport.sleep, clock)

    async def close(self) -> None:
        """Close the connections and end the SDK's process."""
        await self.transport.close()
        await self.graphql.close()

    @property
    def limits(self) -> RateLimits | None:
        """The rate limits in RunPod's last answer; None before the first one."""
        return self.transport.limits

    # Pods

    async def pods(self, *, clusters: bool = False) -> tuple[Pod, ...]:
        """List the account's pods. ``clusters`` includes the pods of clusters, through REST v2 only."""
        if not self._v2_off:
            try:
                more = {"includeClusterPods": "true"} if clusters else {}
                listed = await self.transport.pages(
                    "pods", "pods", "the request for the list of pods", **more
                )
                return tuple(convert.pod(entry, self._now()) for entry in listed if entry.get("id"))
            except LabeltuiError as error:
                # An account always has a list, even if it is empty: a 404 means that the API is gone.
                self._fall_back(api_off() if error.problem.code == Code.RUNPOD_NOT_FOUND else error)
        return await self.graphql.pods(self._now())

    async def pod(self, pod_id: str) -> Pod | None:
        """Fetch one pod. Returns None if RunPod answers 404 for the pod while REST v2 itself still answers."""
        if not self._v2_off:
            try:
                return self._read(
                    await self.transport.send(
                        "GET", _path(pod_id), "the request for the pod", purpose=Purpose.READ_POD
                    )
                )
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_POD_GONE and await self._v2_answers():
                    return None
                self._fall_back(error, API_OFF_FOR_A_POD)
        return await self.graphql.pod(pod_id, self._now())

    async def create_once(self, spec: PodSpec) -> Pod:
        """Rent a pod unless the name is in use. See :meth:`.renting.Renting.create_once`."""
        return await self.renting.create_once(spec)

    async def create(self, spec: PodSpec) -> Pod:
        """Send one create request. Use :meth:`create_once` to rent safely if the answer may be lost."""
        if not self._v2_off:
            try:
                answer = await self.transport.send(
                    "POST",
                    "pods",
                    "the request for a new pod",
                    purpose=Purpose.CREATE,
                    body=convert.create_body(spec),
                )
                return self._read(answer)
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_NOT_FOUND and await self._v2_answers():
                    raise
                self._fall_back(error, (Code.RUNPOD_API_OFF, Code.RUNPOD_NOT_FOUND))
        return await self.graphql.create(spec, self._now())

    async def start(self, pod_id: str) -> Pod:
        """Start a stopped pod. Raises ``runpod_host_full`` if its GPU is taken. Check ``lost_its_gpu`` when it runs."""
        return await self._act(pod_id, PodAction.START)

    async def stop(self, pod_id: str) -> Pod:
        """Stop a pod. RunPod wipes the container disk and bills the volume. A stopped pod is a success."""
        return await self._act(pod_id, PodAction.STOP)

    async def restart(self, pod_id: str) -> Pod:
        """Restart the container. RunPod wipes the container disk and keeps the volume."""
        return await self._act(pod_id, PodAction.RESTART)

    async def start_without_gpu(self, pod_id: str) -> Pod:
        """Start a stopped pod without a GPU, to fetch the pod's data. Uses GraphQL only."""
        return await self.graphql.resume(pod_id, 0, self._now())

    async def _act(self, pod_id: str, action: PodAction) -> Pod:
        purpose = Purpose(action.value)
        if not self._v2_off:
            try:
                answer = await self.transport.send(
                    "POST",
                    f"{_path(pod_id)}/action",
                    f"the request to {action} the pod",
                    purpose=purpose,
                    body={"action": action.value},
                )
                return self._read(answer)
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_POD_GONE and await self._v2_answers():
                    raise
                if error.problem.code == Code.RUNPOD_NOT_NOW or error.problem.code.unclear:
                    return await self._already_done(pod_id, action, error)
                self._fall_back(error, API_OFF_FOR_A_POD)
        return await self._act_by_graphql(pod_id, action)

    async def _act_by_graphql(self, pod_id: str, action: PodAction) -> Pod:
        if action is PodAction.STOP:
            return await self.graphql.stop(pod_id, self._now())
        if action is PodAction.START:
            before = await self.graphql.pod(pod_id, self._now())
            if before is None:
                raise pod_gone()
            return await self.graphql.resume(pod_id, before.gpu_count, self._now())
        raise Failed(
            Code.RUNPOD_NEEDS_V2,
            "RunPod's GraphQL cannot restart a pod.",
            'Stop it, then start it; or use REST v2 (api = "v2").',
        )

    async def _already_done(self, pod_id: str, action: PodAction, error: LabeltuiError) -> Pod:
        """Return the pod if it already has the status that ``action`` leads to. Otherwise raise a failure."""
        pod = await self.pod(pod_id)
        done = {
            PodAction.START: (PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.RUNNING),
            PodAction.STOP: (PodStatus.STOPPED, PodStatus.TERMINATED),
        }.get(action, ())
        if pod is not None and pod.status in done:
            return pod
        if pod is None:
            raise pod_gone() from error
        raise (outcome_unclear(f"{action} {pod.name}", error) if error.problem.code.unclear else error)

    async def terminate(self, pod_id: str) -> None:
        """Destroy a pod and its data, and wait until RunPod no longer lists it.

        The caller must have asked the user. RunPod may accept the request and still bill the pod, so the request is
        repeated for a minute; then ``runpod_still_there`` is raised. Succeeds if the pod is gone already.
        """
        until = self._clock() + VANISH_S
        last: LabeltuiError | None = None
        while True:
            try:
                await self._terminate(pod_id)
            except LabeltuiError as error:
                if not error.problem.code.unclear:
                    raise
                last = error
            if await self._is_gone(pod_id):
                return
            if self._clock() >= until:
                raise still_there(pod_id) from last
            await self.transport.sleep(LIST_AGAIN_S)

    async def _terminate(self, pod_id: str) -> None:
        if not self._v2_off:
            try:
                await self.transport.send(
                    "DELETE", _path(pod_id), "the request to terminate the pod", purpose=Purpose.TERMINATE
                )
                return
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_POD_GONE and await self._v2_answers():
                    return
                self._fall_back(error, API_OFF_FOR_A_POD)
        await self.graphql.terminate(pod_id)

    async def _is_gone(self, pod_id: str) -> bool:
        for attempt in range(2):  # a single 404 may be a mistake of RunPod
            if attempt:
                await self.transport.sleep(1.0)
            try:
                pod = await self.pod(pod_id)
            except LabeltuiError:
                return False
            if pod is not None and pod.status is not PodStatus.TERMINATED:
                return False
        return True

    async def may_change_pods(self) -> bool | None:
        """Stop a pod that cannot exist, to test whether the key may change pods.

        Returns False if RunPod refuses the key. Returns None if RunPod answers that there is no such pod,
        because it may check that before the key's permissions.
        """
        if self._v2_off:
            return None
        path = f"{_path('labeltui-asks-for-its-scope')}/action"
        try:
            await self.transport.send(
                "POST",
                path,
                "the check of the key's permissions",
                purpose=Purpose.STOP,
                body={"action": PodAction.STOP.value},
            )
        except LabeltuiError as error:
            return False if error.problem.code == Code.RUNPOD_KEY_SCOPE else None
        return None

    # The account, logs

    async def account(self) -> Account:
        """Fetch balance, spend per hour and spending limit, always through GraphQL."""
        return await self.graphql.account()

    def follow_logs(
        self, pod_id: str, source: str | None = None, *, tail: int = 100, last_id: str = ""
    ) -> AsyncIterator[PodLogLine]:
        """Yield log lines without end. After a break, resume after the last line. See :mod:`.logs`."""
        return logs.follow(self.transport, f"{_path(pod_id)}/logs", source, tail=tail, last_id=last_id)

    async def recent_logs(
        self, pod_id: str, source: str | None = None, *, tail: int = 200
    ) -> tuple[PodLogLine, ...]:
        """Fetch at most ``tail`` of the newest log lines, oldest first."""
        return await logs.recent(self.transport, f"{_path(pod_id)}/logs", source, tail=tail)

    def _read(self, answer: Answer) -> Pod:
        """Return the pod in an answer. Raises ``runpod_answer`` (an unclear outcome) if the pod has no id."""
        document = self.transport.parsed(answer)
        pod = convert.pod(document, self._now()) if isinstance(document, dict) else None
        if pod is None or not pod.id:
            raise self.transport.unusable(answer.what, "holds no pod")
        return pod

    # The fallback from v2 to GraphQL

    def _fall_back(self, error: LabeltuiError, on: tuple[Code, ...] = (Code.RUNPOD_API_OFF,)) -> None:
        """Switch to GraphQL if ``api`` is ``auto`` and ``on`` contains the error's code. Otherwise raise."""
        if self._api != "auto" or error.problem.code not in on:
            raise error
        self._v2_off = True

    async def _v2_answers(self) -> bool:
        """Return False if v2 is off. If v2 answers, a 404 for a pod means that only this pod is gone."""
        try:
            await self.transport.get("pods", "the request for the list of pods")
        except LabeltuiError as error:
            return not error.problem.code.api_is_off
        return True


def _path(pod_id: str) -> str:
    return f"pods/{quote(pod_id, safe='')}"
