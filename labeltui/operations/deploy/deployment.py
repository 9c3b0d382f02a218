"""Deploying: rent, pull, reach, install, serve. Each step finds out what is true already, so it can be run again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labeltui.actions.pods import PodCreateParams
from labeltui.actions.server import ServerStartParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.documents.pod import pod_document
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import cost_of
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable
from labeltui.domain.server.server import ServerState
from labeltui.domain.state import Alert, Level
from labeltui.operations.deploy.checklist import Checklist, StepId, StepReport
from labeltui.operations.deploy.plan import Plan
from labeltui.operations.deploy.rent import rent, there_already
from labeltui.operations.deploy.save_profile import save_pod
from labeltui.operations.deploy.system_log import SystemLog
from labeltui.operations.server.lifecycle import server_start
from labeltui.operations.server.options import setup_options
from labeltui.operations.server.setup import Setup
from labeltui.runpod.lifecycle import pod_problem
from labeltui.session.runtime.supervise import words

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

UP_WITHIN_S = 40 * 60.0  # official images are many GB; a slow host takes half an hour
REACHED_WITHIN_S = 300.0
LOOK_S = 15.0
ALERT = "deploy"
NO_CAPACITY_WAYS = "With --fallback the next GPU is asked for, with --wait the same one until it is free."


class Deployment:
    """One run of the checklist."""

    def __init__(self, session: Session, plan: Plan, params: PodCreateParams, report: Report) -> None:
        self._session = session
        self._plan = plan
        self._setup = params.setup or params.start
        self._start = params.start
        self._save = params.save
        self._report = report
        self._pod: Pod | None = None
        self._asked = False
        self._new = False
        self._saved: str | None = None
        self._runs = self._planned()
        self.steps = Checklist(self._runs, report, session.clock)

    def _planned(self) -> dict[StepId, Callable[[], Awaitable[None]]]:
        """The steps that this deployment needs, in their order."""
        plan, reachable = self._plan, self._reachable
        steps = (
            (StepId.KEY, plan.add_key, self._add_key),
            (StepId.VOLUME, plan.new_volume is not None, self._make_volume),
            (StepId.RENT, True, self._rent),
            (StepId.PROFILE, self._save, self._save_profile),
            (StepId.IMAGE, True, self._pull_image),
            (StepId.SSH, reachable, self._reach),
            (StepId.AGENT, reachable, self._start_agent),
            (StepId.SETUP, reachable and self._setup, self._install),
            (StepId.SERVER, reachable and self._start, self._start_server),
        )
        return {step: run for step, needed, run in steps if needed}

    @property
    def _reachable(self) -> bool:
        """Whether this session works on the pod that it rents."""
        return self._session.profile.host == "runpod"

    async def run(self) -> Document:
        """Do what is left to do. Raises what stops it, with the whole checklist as its document."""
        try:
            for step, run in self._runs.items():
                self.steps.begin(step)
                await run()
        except LabeltuiError as error:
            raise self._stopped(error) from error
        except asyncio.CancelledError:
            await asyncio.shield(self._cancelled())
            raise
        self._session.store.dismiss(ALERT)
        section = self._session.rental.section
        named = section.pod if section is not None else ""
        if self._pod is not None and not self._save and named not in (self._pod.name, self._pod.id):
            self._report.progress(
                "The profile does not name this pod: with --save the next session finds it."
            )
        return self._document()

    # -- the steps

    async def _add_key(self) -> None:
        key = self._plan.key
        assert key is not None  # noqa: S101 - add_key is only planned with one
        client = await self._session.rental.client()
        kept = await client.add_ssh_key(key.line)
        self.steps.done(StepId.KEY, f"the account has it among {len(kept)}")

    async def _make_volume(self) -> None:
        wanted = self._plan.new_volume
        assert wanted is not None  # noqa: S101 - the step is only planned with one
        client = await self._session.rental.client()
        volume = await client.create_network_volume(wanted.name, wanted.size_gb, wanted.data_centre)
        self._plan = self._plan.with_volume(volume)
        self.steps.done(StepId.VOLUME, f"{volume.name}, {volume.size_gb} GB in {volume.data_centre}")

    async def _rent(self) -> None:
        names = ", else ".join(one.name for one in self._plan.affordable)
        self._report.progress(f"Renting {names} as {self._plan.spec.name}")
        self.steps.say(StepId.RENT, f"{names} as {self._plan.spec.name}")
        self._asked = True
        rented = await rent(self._session, self._plan, self.steps)
        self._pod, self._new = rented.pod, rented.new
        key = self._plan.key
        private = key.private if key is not None else None
        self._session.rental.adopt(rented.pod, str(private) if private else None)
        self._price(rented.pod)
        gpu = rented.pod.gpu_name or "a pod"
        taken = "" if rented.new else ": it was there already, nothing was rented"
        self.steps.done(StepId.RENT, f"{gpu} in {rented.pod.data_centre or 'a data centre'}{taken}")

    async def _save_profile(self) -> None:
        assert self._pod is not None  # noqa: S101 - rented before
        key = self._plan.key
        private = str(key.private) if key is not None and key.private else None
        self._saved = await asyncio.to_thread(save_pod, self._session, self._pod.name, private)
        self.steps.done(
            StepId.PROFILE, self._saved or "it names the pod already", skipped=self._saved is None
        )

    async def _pull_image(self) -> None:
        assert self._pod is not None  # noqa: S101 - rented before
        client = await self._session.rental.client()
        log = SystemLog(client, self._pod.id, lambda line: self.steps.line(StepId.IMAGE, line))
        following = asyncio.create_task(log.run())
        try:
            self._pod = await self._until_up(log)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        address = self._pod.ssh.address if self._pod.ssh else ""
        self.steps.done(StepId.IMAGE, f"runs at {address}{self._spent()}")

    async def _until_up(self, log: SystemLog) -> Pod:
        """The pod once it runs and has an address. Raises what it stands still for."""
        session = self._session
        session.watch_pod()
        session.rental.wake()
        clock = asyncio.get_running_loop().time
        end = clock() + UP_WITHIN_S

        def settled(state: Any) -> bool:
            pod: Pod | None = state.pod.value
            if pod is None or state.pod.error is not None:
                return False
            return pod.status not in (PodStatus.PROVISIONING, PodStatus.STARTING) and (
                pod.status is not PodStatus.RUNNING or pod.ssh is not None
            )

        while clock() < end:
            with suppress(TimeoutError):
                state = await session.store.wait_for(settled, LOOK_S)
                assert state.pod.value is not None  # noqa: S101 - what was waited for
                return self._up(state.pod.value, log)
            self._look(log)
        raise Failed(
            Code.POD_SLOW, f"The pod does not run after {UP_WITHIN_S / 60:.0f} minutes.",
            "Its system log says whether the image is still being pulled.", log.text,
        )  # fmt: skip

    def _look(self, log: SystemLog) -> None:
        """Whether what it has printed so far means that it will never run."""
        pod = self._session.store.state.pod.value
        problem = pod_problem(pod, self._session.clock(), log.lines) if pod is not None else None
        if problem is not None and problem.code.pod_is_lost:
            raise Failed(problem.code, problem.message, problem.hint, problem.detail)

    def _up(self, pod: Pod, log: SystemLog) -> Pod:
        if pod.status is PodStatus.RUNNING:
            if pod.lost_its_gpu:
                raise Failed(
                    Code.RUNPOD_NO_GPU,
                    "The pod runs, and costs, without a GPU.",
                    "Terminate it and rent another.",
                )
            return pod
        if pod.status is PodStatus.TERMINATED:
            raise Failed(
                Code.RUNPOD_POD_GONE,
                "The pod is gone: it was terminated, here or elsewhere.",
                "Rent another.",
            )
        self._look(log)
        raise Failed(
            Code.POD_STOPPED_EARLY, f"The pod was stopped while it started; it is {pod.status}.",
            "The image may be refused, or the credit used up: see its system log, then start or terminate it.",
            log.text,
        )  # fmt: skip

    async def _reach(self) -> None:
        session = self._session
        if not session.started:
            await session.start(hold=False)
        session.link.reconnect()
        clock = asyncio.get_running_loop().time
        end = clock() + REACHED_WITHIN_S
        while True:
            try:
                await session.link.connected(LOOK_S)
                break
            except Unreachable as error:
                self.steps.say(StepId.SSH, words(error))
                if clock() > end:
                    raise Unreachable(
                        Code.NO_SSHD, f"The pod runs, but SSH does not answer: {words(error)}",
                        "Only images that start sshd can be reached: RunPod's own do. Look at the container log.",
                    ) from error  # fmt: skip
        vouched = getattr(session.link.host, "vouched", False)
        by = ", its host key as its container log prints it" if vouched else ""
        self.steps.done(StepId.SSH, f"{session.link.host.address}{by}")

    async def _start_agent(self) -> None:
        await self._session.link.ready(90)
        self.steps.done(StepId.AGENT)

    async def _install(self) -> None:
        work = Setup(
            self._session, setup_options(self._session.profile), StepReport(self.steps, StepId.SETUP)
        )
        document = await work.run()
        self.steps.done(
            StepId.SETUP, f"in {document['folder']}{self._spent()}", skipped=not document.get("changed")
        )

    async def _start_server(self) -> None:
        state = await self._session.settled()
        server = state.server.value
        skipped = server is not None and server.state is ServerState.RUNNING
        if not skipped:
            await server_start(self._session, ServerStartParams(), StepReport(self.steps, StepId.SERVER))
        tunnel = self._session.store.state.tunnel.value
        self.steps.done(StepId.SERVER, (tunnel.url if tunnel else "") or "it answers", skipped=skipped)

    # -- money, and how it ends

    def _price(self, pod: Pod) -> None:
        """What it costs from now on, for whoever shows a sum that grows."""
        rate = pod.cost_per_hour
        self.steps.facts = {
            "pod": pod.name,
            "rate": None if rate is None else str(rate),
            "billed_since": moment(pod.created_at or self._session.clock()),
            "public": _public(pod),
        }

    def _spent(self) -> str:
        pod = self._pod
        if pod is None or pod.cost_per_hour is None or pod.created_at is None:
            return ""
        return f" · ${_mils(cost_of(pod.cost_per_hour, self._session.clock() - pod.created_at))} so far"

    def _document(self) -> dict[str, Any]:
        pod = self._seen()
        known = pod_document(pod) if pod is not None else {}
        tunnel = self._session.store.state.tunnel.value
        return {
            "as_of": moment(self._session.clock()),
            **known,
            "rented": self._new,
            "saved": self._saved,
            "url": tunnel.url if tunnel is not None and self._start else None,
            "public_urls": _public(pod),
            "steps": self.steps.document(),
        }

    def _stopped(self, error: LabeltuiError) -> LabeltuiError:
        problem = error.problem
        step = self.steps.running
        if step is not None:
            self.steps.failed(step, problem)
        goes_on = self._goes_on()
        ways = NO_CAPACITY_WAYS if problem.code == Code.RUNPOD_NO_CAPACITY else ""
        hint = " ".join(part for part in (problem.hint, ways, goes_on) if part)
        if goes_on:
            self._alert(f"Deploying stopped: {problem.message}", goes_on)
        told = {
            "code": problem.code,
            "message": problem.message,
            "hint": hint,
            "detail": problem.detail,
            "offers": list(problem.offers),
        }
        return type(error).of_document({**self._document(), "error": told})

    def _seen(self) -> Pod | None:
        """The pod as it was seen last."""
        pod = self._session.store.state.pod.value
        return pod if pod is not None and self._pod is not None and pod.id == self._pod.id else self._pod

    def _goes_on(self) -> str:
        """That the pod is paid for although the rest failed; empty where there is none."""
        pod = self._seen()
        if pod is None or not pod.status.is_up:
            return ""
        rate = pod.cost_per_hour
        price = "is paid for" if rate is None else f"costs ${rate:.2f}/h"
        return (
            f"The pod {pod.name} goes on and {price}: run the same command again to go on, "
            "or `labeltui pod terminate` to end it."
        )

    async def _cancelled(self) -> None:
        """Nobody waits any more; a pod that may have been rented is looked for, and told of."""
        step = self.steps.running
        if self._pod is None and self._asked:
            self._report.progress(
                "Cancelled while RunPod was being asked: looking whether it has rented the pod."
            )
            with suppress(LabeltuiError, TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    client = await self._session.rental.client()
                    self._pod = await there_already(client, self._plan.spec.name)
        if self._pod is not None and self._session.rental.name != self._pod.name:
            self._session.rental.adopt(self._pod, None)
        if step is not None:
            self.steps.cancelled(step)
        goes_on = self._goes_on()
        if not goes_on and self._asked and step is StepId.RENT:
            name = self._plan.spec.name
            goes_on = f"No pod {name} is listed; should one appear within three minutes, `labeltui pod list` shows it."
        if goes_on:
            self._report.progress(goes_on)
            self._alert("Deploying was cancelled.", goes_on)

    def _alert(self, message: str, hint: str) -> None:
        self._session.store.alert(Alert(ALERT, Level.WARNING, message, hint, self._session.clock()))


def _mils(amount: Decimal) -> str:
    return f"{amount:.3f}" if amount < 1 else f"{amount:.2f}"


def _public(pod: Pod | None) -> list[str]:
    """The pod's addresses on the open web."""
    if pod is None:
        return []
    return [url for port in pod.ports if (url := pod.proxy_url(port.private)) is not None]


async def deploy(session: Session, plan: Plan, params: PodCreateParams, report: Report) -> Document:
    """Rent by the plan and go on to what was asked for. Raises LabeltuiError, the checklist in its document."""
    if not plan.affordable:
        raise Refused(
            Code.TOO_DEAR, "Nothing can be had at the price that was agreed to.", "Agree to a higher one."
        )
    return await Deployment(session, plan, params, report).run()
