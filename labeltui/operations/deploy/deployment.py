"""``pod create``: rents a pod, waits for it, connects, installs MONAI Label and starts the server.

A step that is done already is skipped, so the command can be repeated.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from labeltui.actions.pods import PodCreateParams
from labeltui.actions.server import ServerStartParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import month_text
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import LabeltuiError, Problem, Refused, Unreachable
from labeltui.domain.states import ServerState
from labeltui.operations.deploy.agreement import accepting, agreed, refuse_other, refuse_second
from labeltui.operations.deploy.checklist import Checklist, StepId, StepReport
from labeltui.operations.deploy.outcome import ALERT, Outcome, public_urls
from labeltui.operations.deploy.plan import ON_ONE_MACHINE, NewVolume, Plan, make_plan
from labeltui.operations.deploy.pull import pull_image
from labeltui.operations.deploy.rent import rent
from labeltui.operations.deploy.save_profile import save_pod
from labeltui.operations.pod.watched import start_guard
from labeltui.operations.server.lifecycle import server_start
from labeltui.operations.server.options import setup_options
from labeltui.operations.server.setup import Setup
from labeltui.session.pod.host import PodHost
from labeltui.session.runtime.supervise import error_text

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

REACHED_WITHIN_S = 300.0
TRY_S = 15.0  # for one attempt to connect
PAUSE_S = 1.0  # after an attempt, because some errors are raised at once
AGENT_WITHIN_S = 90.0


async def pod_create(session: Session, params: PodCreateParams, report: Report) -> Document:
    """Rent a pod under the profile's name, and continue until the server answers or the requested step is done.

    A pod that already has the name is used instead of renting another. Repeating the command continues after
    the last step that succeeded. Raises Refused with the price when ``max_price`` is missing or lower, and Refused
    ``pod_still_up`` if the session works on a pod of another name that is up. Raises LabeltuiError with the
    whole checklist as its document when a step fails.
    """
    plan = await make_plan(session, params)
    await refuse_second(session, plan)
    agreed(plan)
    return await Deployment(session, plan, params, report).run()


class Deployment:
    """One run of the checklist."""

    def __init__(self, session: Session, plan: Plan, params: PodCreateParams, report: Report) -> None:
        self._session = session
        self._plan = plan
        self._params = params
        self._report = report
        self._runs = self._planned()
        self.steps = Checklist(self._runs, report, session.clock)
        self._outcome = Outcome(session, self.steps, plan, report)
        self._watched = False  # whether a guard will stop the pod

    def _planned(self) -> dict[StepId, Callable[[], Awaitable[None]]]:
        """Return the steps that this deployment needs, in order."""
        plan, params = self._plan, self._params
        runs: dict[StepId, Callable[[], Awaitable[None]]] = {}
        if plan.add_key:
            runs[StepId.KEY] = self._add_key
        if plan.new_volume is not None:
            runs[StepId.VOLUME] = partial(self._make_volume, plan.new_volume)
        runs[StepId.RENT] = self._rent
        if params.save:
            runs[StepId.PROFILE] = self._save_profile
        runs[StepId.IMAGE] = self._pull_image
        if self._session.profile.host != "runpod":
            return runs  # this session's host is not the pod that is rented
        runs |= {
            StepId.SSH: self._reach,
            StepId.AGENT: self._start_agent,
            StepId.GUARD: self._start_guard,
        }
        if params.setup or params.start:
            runs[StepId.SETUP] = self._install
        if params.start:
            runs[StepId.SERVER] = self._start_server
        return runs

    async def run(self) -> Document:
        """Run each step. Raises the error of a step that fails, with the whole checklist as its document."""
        outcome = self._outcome
        try:
            for step, run in self._runs.items():
                self.steps.begin(step)
                await run()
        except LabeltuiError as error:
            raise outcome.failed(error, with_url=self._params.start) from error
        except asyncio.CancelledError:
            await asyncio.shield(outcome.cancelled())
            raise
        self._session.store.dismiss(ALERT)
        if not self._watched:
            self._report.progress(outcome.guard)
        section = self._session.account.section
        named = section.pod if section is not None else ""
        if not self._params.save and named not in (self._pod.name, self._pod.id):
            self._report.progress(
                "The profile does not name this pod: add --save to let the next session find it."
            )
        if self._params.data:
            self._report.progress(
                f"Copy the studies there with `labeltui studies upload {shlex.quote(self._params.data)}`."
            )
        return outcome.document(with_url=self._params.start)

    @property
    def _pod(self) -> Pod:
        """The rented pod, for the steps after renting."""
        if self._outcome.pod is None:
            raise RuntimeError("no step before this one has rented the pod")
        return self._outcome.pod

    # -- the steps

    async def _add_key(self) -> None:
        client = await self._session.account.client()
        keys = await client.add_ssh_key(self._plan.key.line)
        self.steps.done(StepId.KEY, f"the account has {len(keys)} SSH keys")

    async def _make_volume(self, wanted: NewVolume) -> None:
        client = await self._session.account.client()
        volume = await client.create_network_volume(wanted.name, wanted.size_gb, wanted.data_centre)
        self._plan = self._plan.with_volume(volume)
        self._outcome.volume = volume
        self.steps.done(StepId.VOLUME, f"{volume.name}, {volume.size_gb} GB in {volume.data_centre}")

    async def _rent(self) -> None:
        names = ", else ".join(one.name for one in self._plan.affordable)
        self._report.progress(f"Renting {names} as {self._plan.spec.name}")
        self.steps.detail(StepId.RENT, f"{names} as {self._plan.spec.name}")
        if self._plan.spec.volume_disk_gb:
            self._report.progress(f"{ON_ONE_MACHINE} --new-volume-gb makes a network volume, which stays.")
        if (volume := self._plan.volume) is not None:
            where = f"the network volume {volume.name}, {volume.size_gb} GB in {volume.data_centre}"
            month = month_text(volume.cost_per_hour)
            self._report.progress(f"On {where}, which stays when the pod ends, at {month}.")
        self._outcome.requested = True
        rented = await rent(self._session, self._plan, self.steps)
        pod = rented.pod
        self._outcome.pod, self._outcome.rented = pod, rented.new
        if rented.new:
            self._adopt(pod)  # even a pod that is not as agreed, because it is paid for
        self._refuse_other(pod)
        if not rented.new:
            self._adopt(pod)
        existing = "" if rented.new else "; this pod existed already, so nothing was rented"
        where = f"{pod.gpu_name or 'a pod'} in {pod.data_centre or 'a data centre'}"
        self.steps.done(StepId.RENT, where + existing)

    def _adopt(self, pod: Pod) -> None:
        self._session.account.adopt(pod, self._private_key)
        self._outcome.adopted = True
        self._publish_price(pod)

    def _refuse_other(self, pod: Pod) -> None:
        """Raise Refused if the pod differs from the agreement. A screen can then offer to accept the pod."""
        self.steps.facts = {**self.steps.facts, "accept": accepting(self._plan, pod)}
        refuse_other(self._plan, pod, new=self._outcome.rented)
        del self.steps.facts["accept"]

    @property
    def _private_key(self) -> str | None:
        """Return the path of the private key; None if an SSH agent has the key."""
        private = self._plan.key.private
        return str(private) if private else None

    def _publish_price(self, pod: Pod) -> None:
        """Add the price to every later record, so that a screen can show the growing cost."""
        rate = pod.cost_per_hour
        self.steps.facts = {
            "pod": pod.name,
            "rate": None if rate is None else str(rate),
            "billed_since": moment(pod.created_at or self._session.clock()),
            "public": public_urls(pod),
        }

    async def _save_profile(self) -> None:
        saved = await asyncio.to_thread(save_pod, self._session, self._pod.name, self._private_key)
        self._outcome.saved = saved
        self.steps.done(StepId.PROFILE, saved or "the profile already names this pod", skipped=saved is None)

    async def _pull_image(self) -> None:
        pod = await pull_image(self._session, self._pod.id, partial(self.steps.line, StepId.IMAGE))
        self._outcome.pod = pod
        self._refuse_other(pod)  # RunPod may not have had its price before
        address = pod.ssh.address if pod.ssh else ""
        self.steps.done(StepId.IMAGE, f"runs at {address}{self._outcome.spent()}")

    async def _reach(self) -> None:
        session = self._session
        if not session.started:
            await session.start(hold=False)
        session.link.reconnect()
        clock = asyncio.get_running_loop().time
        end = clock() + REACHED_WITHIN_S
        while True:
            try:
                await session.link.connected(TRY_S)
                self._refuse_old_connection()
                break
            except Refused:
                raise
            except LabeltuiError as error:  # RunPod's list may not show the new pod yet
                self.steps.detail(StepId.SSH, error_text(error))
                if clock() > end:
                    raise Unreachable(
                        Code.NO_SSHD, f"The pod runs, but SSH does not answer: {error_text(error)}",
                        "The image must start sshd, as RunPod's own images do. See the container log.",
                    ) from error  # fmt: skip
            await asyncio.sleep(PAUSE_S)
        host = session.link.host
        vouched = isinstance(host, PodHost) and host.vouched
        by = "; the pod's log confirms its host key" if vouched else ""
        self.steps.done(StepId.SSH, f"{host.address}{by}")

    def _refuse_old_connection(self) -> None:
        """Raise Unreachable if the session is still connected to another pod, and leave that one."""
        link = self._session.link
        if isinstance(link.host, PodHost) and link.host.pod_id != self._session.account.known_id:
            why = f"the session works on {self._pod.name} now"
            link.change_host(why)
            raise Unreachable(Code.NOT_CONNECTED, f"Leaving the previous pod: {why}.", "")

    async def _start_agent(self) -> None:
        await self._session.link.ready(AGENT_WITHIN_S)
        self.steps.done(StepId.AGENT)

    async def _start_guard(self) -> None:
        """Start the guard. If no guard runs, report that and continue, because the pod works without one."""
        self._watched, self._outcome.guard = await start_guard(self._session)
        if self._watched:
            self.steps.done(StepId.GUARD, self._outcome.guard.removeprefix("Guard: "))
        else:
            self.steps.failed(StepId.GUARD, Problem(Code.GUARD_DEAD, self._outcome.guard))

    async def _install(self) -> None:
        work = Setup(
            self._session, setup_options(self._session.profile), StepReport(self.steps, StepId.SETUP)
        )
        document = await work.run()
        self.steps.done(
            StepId.SETUP,
            f"in {document['folder']}{self._outcome.spent()}",
            skipped=not document.get("changed"),
        )

    async def _start_server(self) -> None:
        server = (await self._session.readiness.settled()).server.value
        skipped = server is not None and server.state is ServerState.RUNNING
        if not skipped:
            await server_start(self._session, ServerStartParams(), StepReport(self.steps, StepId.SERVER))
        tunnel = self._session.store.state.tunnel.value
        self.steps.done(
            StepId.SERVER, (tunnel.url if tunnel else "") or "the server answers", skipped=skipped
        )
