"""RunPod's pods, offers, volumes, keys and bill: one method per question, every answer a value of the domain."""

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
from labeltui.runpod.keys import Secret
from labeltui.runpod.limits import RateLimits
from labeltui.runpod.problems import (
    Doing,
    api_off,
    outcome_unclear,
    pod_gone,
    still_there,
)
from labeltui.runpod.renting import LIST_AGAIN_S, Renting
from labeltui.runpod.transport import Answer, Transport

GONE = (Code.RUNPOD_API_OFF, Code.RUNPOD_POD_GONE)  # the same, of a call that names a pod
API_CHOICES = ("auto", "v2", "graphql")
VANISH_S = 60.0  # how long a terminated pod may go on being listed


class RunpodClient(Catalogue):
    """One account. ``api``: ``auto`` (REST v2, and GraphQL once v2 is switched off), ``v2`` or ``graphql``.

    All methods raise LabeltuiError. Nothing is sent twice but what may be: see :mod:`.transport`.
    """

    def __init__(
        self,
        key: Secret,
        *,
        base: str | None = None,
        api: str = "auto",
        transport: Transport | None = None,
        graphql: GraphQL | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if api not in API_CHOICES:
            raise Misused(
                Code.RUNPOD_BAD_API, f'api = "{api}" is no API of RunPod.', 'Use "auto", "v2" or "graphql".'
            )
        super().__init__(transport or Transport(key, base), now)
        self.graphql = graphql or GraphQL(key, self.transport.base)
        self._api = api
        self._clock = clock
        self._v2_off = api == "graphql"
        self.renting = Renting(self, self.transport.sleep, clock)

    async def close(self) -> None:
        """Give connections and the SDK's process back."""
        await self.transport.close()
        await self.graphql.close()

    @property
    def limits(self) -> RateLimits | None:
        """What RunPod said of its rate limits with its last answer."""
        return self.transport.limits

    @property
    def uses_graphql(self) -> bool:
        """True when pods are listed and changed through GraphQL, by choice or because v2 is off."""
        return self._v2_off

    # Pods

    async def pods(self, *, clusters: bool = False) -> tuple[Pod, ...]:
        """All pods of the account; those that are members of ``clusters`` only when they are asked for."""
        if not self._v2_off:
            try:
                more = {"includeClusterPods": "true"} if clusters else {}
                listed = await self.transport.pages("pods", "pods", "the list of pods", **more)
                return tuple(convert.pod(entry, self._now()) for entry in listed if entry.get("id"))
            except LabeltuiError as error:
                # An account always has a list, if an empty one: a 404 means that there is no such API.
                self._fall_back(api_off() if error.problem.code == Code.RUNPOD_NOT_FOUND else error)
        return await self.graphql.pods(self._now())

    async def pod(self, pod_id: str) -> Pod | None:
        """One pod; None when RunPod says that there is none (which is believed when it has said so twice)."""
        if not self._v2_off:
            try:
                return self._read(await self.transport.send("GET", _path(pod_id), "the pod"))
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_POD_GONE and await self._v2_answers():
                    return None
                self._fall_back(error, GONE)
        return await self.graphql.pod(pod_id, self._now())

    async def create_once(self, spec: PodSpec) -> Pod:
        """Rent a pod unless one of that name exists; see :meth:`.renting.Renting.create_once`."""
        return await self.renting.create_once(spec)

    async def create(self, spec: PodSpec) -> Pod:
        """Send one create request. Where its answer may be lost, use :meth:`create_once`."""
        if not self._v2_off:
            try:
                answer = await self.transport.send(
                    "POST", "pods", "the new pod", doing=Doing.CREATE, body=convert.create_body(spec)
                )
                return self._read(answer)
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_NOT_FOUND and await self._v2_answers():
                    raise
                self._fall_back(error, (Code.RUNPOD_API_OFF, Code.RUNPOD_NOT_FOUND))
        return await self.graphql.create(spec, self._now())

    async def start(self, pod_id: str) -> Pod:
        """Start a stopped pod. ``runpod_host_full``: its GPU is taken. Check ``lost_its_gpu`` once it runs."""
        return await self._act(pod_id, PodAction.START)

    async def stop(self, pod_id: str) -> Pod:
        """Stop a pod; its container disk is wiped, its volume stays (and costs). Stopped already is success."""
        return await self._act(pod_id, PodAction.STOP)

    async def restart(self, pod_id: str) -> Pod:
        """Restart the container: its disk is wiped, its volume stays."""
        return await self._act(pod_id, PodAction.RESTART)

    async def start_without_gpu(self, pod_id: str) -> Pod:
        """Start a stopped pod for its data alone, when its host has no GPU free. GraphQL only."""
        return await self.graphql.resume(pod_id, 0, self._now())

    async def _act(self, pod_id: str, action: PodAction) -> Pod:
        doing = Doing(action.value)
        if not self._v2_off:
            try:
                answer = await self.transport.send(
                    "POST",
                    f"{_path(pod_id)}/action",
                    f"{action} the pod",
                    doing=doing,
                    body={"action": action.value},
                )
                return self._read(answer)
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_POD_GONE and await self._v2_answers():
                    raise
                if error.problem.code == Code.RUNPOD_NOT_NOW or error.problem.code.unclear:
                    return await self._as_wanted(pod_id, action, error)
                self._fall_back(error, GONE)
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
            Code.RUNPOD_NEEDS_V2, "GraphQL can not restart a pod.", "Stop it, then start it; or use REST v2."
        )

    async def _as_wanted(self, pod_id: str, action: PodAction, error: LabeltuiError) -> Pod:
        """The pod, should it be as the action would have made it; else the failure, said so that it is true."""
        pod = await self.pod(pod_id)
        wanted = {
            PodAction.START: (PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.RUNNING),
            PodAction.STOP: (PodStatus.STOPPED, PodStatus.TERMINATED),
        }.get(action, ())
        if pod is not None and pod.status in wanted:
            return pod
        if pod is None:
            raise pod_gone() from error
        raise (outcome_unclear(f"{action} {pod.name}", error) if error.problem.code.unclear else error)

    async def terminate(self, pod_id: str) -> None:
        """Destroy a pod, and see it gone: RunPod has been known to say yes and go on billing.

        The caller has confirmed it. Gone already is success. Raises ``runpod_still_there``.
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
                await self.transport.send("DELETE", _path(pod_id), "terminate the pod", doing=Doing.TERMINATE)
                return
            except LabeltuiError as error:
                if error.problem.code == Code.RUNPOD_POD_GONE and await self._v2_answers():
                    return
                self._fall_back(error, GONE)
        await self.graphql.terminate(pod_id)

    async def _is_gone(self, pod_id: str) -> bool:
        for look in range(2):
            if look:
                await self.transport.sleep(1.0)
            try:
                pod = await self.pod(pod_id)
            except LabeltuiError:
                return False
            if pod is not None and pod.status is not PodStatus.TERMINATED:
                return False
        return True

    async def may_change_pods(self) -> bool | None:
        """Whether the key may change pods, asked of a pod that can't exist; None when that does not tell."""
        if self._v2_off:
            return None
        nobody = f"{_path('labeltui-asks-for-its-scope')}/action"
        try:
            await self.transport.send(
                "POST", nobody, "the key's scope", doing=Doing.STOP, body={"action": PodAction.STOP.value}
            )
        except LabeltuiError as error:
            return {Code.RUNPOD_POD_GONE: True, Code.RUNPOD_KEY_SCOPE: False}.get(error.problem.code)
        return None

    # The account, logs

    async def account(self) -> Account:
        """Balance, spend per hour and its limit: only GraphQL tells them."""
        return await self.graphql.account()

    def follow_logs(
        self, pod_id: str, source: str | None = None, *, tail: int = 100, last_id: str = ""
    ) -> AsyncIterator[PodLogLine]:
        """Lines as they come, without end; a broken stream is resumed after the last line. See :mod:`.logs`."""
        return logs.follow(self.transport, f"{_path(pod_id)}/logs", source, tail=tail, last_id=last_id)

    async def recent_logs(
        self, pod_id: str, source: str | None = None, *, tail: int = 200
    ) -> tuple[PodLogLine, ...]:
        """The last lines there are now."""
        return await logs.recent(self.transport, f"{_path(pod_id)}/logs", source, tail=tail)

    def _read(self, answer: Answer) -> Pod:
        """The pod in an answer; one without an id is none, and whether it was made or changed is not known."""
        document = self.transport.parsed(answer)
        pod = convert.pod(document, self._now()) if isinstance(document, dict) else None
        if pod is None or not pod.id:
            raise self.transport.odd(answer.what, "holds no pod")
        return pod

    # Whether v2 is still there

    def _fall_back(self, error: LabeltuiError, on: tuple[Code, ...] = (Code.RUNPOD_API_OFF,)) -> None:
        """Go on with GraphQL from now on, should that be what ``error`` means; else raise it."""
        if self._api != "auto" or error.problem.code not in on:
            raise error
        self._v2_off = True

    async def _v2_answers(self) -> bool:
        """True unless v2 is off: a 404 then means that a thing is gone, and not the API."""
        try:
            await self.transport.get("pods", "the list of pods")
        except LabeltuiError as error:
            return not error.problem.code.api_is_off
        return True


def _path(pod_id: str) -> str:
    return f"pods/{quote(pod_id, safe='')}"
