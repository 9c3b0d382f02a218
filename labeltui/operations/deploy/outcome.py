"""The state of a deployment: its document, and the messages when it stops before its last step."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labeltui.domain.amounts import dollars, rate_text
from labeltui.domain.deploy.catalogue import NetworkVolume
from labeltui.domain.documents.documents import moment
from labeltui.domain.documents.pod import pod_document
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import cost_of, per_month
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Alert, Level
from labeltui.operations.deploy.checklist import Checklist, StepId
from labeltui.operations.deploy.plan import Plan
from labeltui.operations.deploy.rent import running_pod_of_name

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

ALERT = "deploy"
SEARCH_S = 15.0  # time to search for a pod that RunPod may have rented before we were cancelled


class Outcome:
    """The pod of one deployment, and the report at the end of the deployment.

    ``requested`` is True once RunPod was asked for a pod. ``rented`` is True if the pod is new, ``adopted``
    once the session works on it. ``saved`` is a text on the changes in the profile. ``volume`` is the network
    volume that was created. ``guard`` is a sentence that says whether a guard watches the pod.
    """

    def __init__(self, session: Session, steps: Checklist, plan: Plan, report: Report) -> None:
        self.pod: Pod | None = None
        self.requested = False
        self.rented = False
        self.adopted = False
        self.saved: str | None = None
        self.volume: NetworkVolume | None = None
        self.guard = f"No guard runs on {plan.spec.name}, so only you can stop it."
        self._session = session
        self._steps = steps
        self._name, self._plan = plan.spec.name, plan
        self._report = report

    def document(self, *, with_url: bool) -> dict[str, Any]:
        """Return the pod, the work done for the pod, and each step.

        ``with_url`` is True if the server was to be started.
        """
        pod = self.latest_pod()
        tunnel = self._session.store.state.tunnel.value
        return {
            "as_of": moment(self._session.clock()),
            **(pod_document(pod) if pod is not None else {}),
            "rented": self.rented,
            "saved": self.saved,
            "url": tunnel.url if tunnel is not None and with_url else None,
            "url_open": tunnel.url_open if tunnel is not None and with_url else None,
            "public_urls": public_urls(pod),
            "guard": self.guard,
            "steps": self._steps.document(),
        }

    def latest_pod(self) -> Pod | None:
        """Return the pod as it was last read; None before a pod is rented."""
        pod = self._session.store.state.pod.value
        return pod if pod is not None and self.pod is not None and pod.id == self.pod.id else self.pod

    def spent(self) -> str:
        """Return the cost so far, such as `` · $0.12 so far``.

        Empty if the price or the time of renting is unknown.
        """
        pod = self.pod
        if pod is None or pod.cost_per_hour is None or pod.created_at is None:
            return ""
        cost = cost_of(pod.cost_per_hour, self._session.clock() - pod.created_at)
        return f" · {dollars(cost)} so far"

    def failed(self, error: LabeltuiError, *, with_url: bool) -> LabeltuiError:
        """Return the same error with the whole checklist as its document.

        The hint also says that the pod still costs money.
        """
        problem = error.problem
        step = self._steps.running
        if step is not None:
            self._steps.failed(step, problem)
        still_paid = self._still_paid(goes_on=not problem.code.same_again_fails)
        capacity = self._capacity_hint() if problem.code == Code.RUNPOD_NO_CAPACITY else ""
        hint = " ".join(part for part in (problem.hint, capacity, still_paid) if part)
        if still_paid:
            self._alert(f"The deployment failed: {problem.message}", still_paid)
        failure = {
            "code": problem.code,
            "message": problem.message,
            "hint": hint,
            "detail": problem.detail,
            "offers": list(problem.offers),
        }
        document: Document = {**self.document(with_url=with_url), "error": failure}
        return type(error).of_document(document)

    async def cancelled(self) -> None:
        """Report the pod that was rented, or that RunPod may have rented although its answer was lost."""
        step = self._steps.running
        if self.pod is None and self.requested:
            self._report.progress(
                "Cancelled while RunPod was renting the pod. Checking whether the pod exists."
            )
            with suppress(LabeltuiError, TimeoutError):
                async with asyncio.timeout(SEARCH_S):
                    self.pod = await running_pod_of_name(await self._session.account.client(), self._name)
        if self.pod is not None and self._session.account.name != self.pod.name:
            self._session.account.adopt(self.pod, None)
        if step is StepId.VOLUME:
            await self._find_volume()
        if step is not None:
            self._steps.cancelled(step)
        still_paid = self._still_paid()
        if self.pod is None and self.requested and step is StepId.RENT:
            unlisted = f"RunPod lists no pod {self._name}. The pod may still appear within three minutes; "
            still_paid = f"{unlisted}`labeltui pod list` then shows it. {still_paid}".rstrip()
        if still_paid:
            self._report.progress(still_paid)
            self._alert("The deployment was cancelled.", still_paid)

    async def _find_volume(self) -> None:
        """Find the network volume that RunPod may have created after the deployment was cancelled."""
        wanted = self._plan.new_volume
        with suppress(LabeltuiError, TimeoutError):
            async with asyncio.timeout(SEARCH_S):
                volumes = await (await self._session.account.client()).network_volumes()
            self.volume = next(
                (
                    v
                    for v in volumes
                    if wanted and (v.name, v.data_centre) == (wanted.name, wanted.data_centre)
                ),
                None,
            )

    def _still_paid(self, *, goes_on: bool = True) -> str:
        """Return sentences that name the pod and the volume that still cost money; empty without both.

        ``goes_on`` is True if the same command continues with the pod.
        """
        return " ".join(part for part in (self._pod_paid(goes_on), self._volume_paid()) if part)

    def _pod_paid(self, goes_on: bool) -> str:
        pod = self.latest_pod()
        if pod is None or not pod.status.is_up or not (goes_on or self.adopted):
            return ""
        rate = pod.cost_per_hour
        price = "costs money" if rate is None else f"costs {rate_text(rate)}"
        up = f"The pod {pod.name} is still up and {price}"
        section = self._session.account.section
        named = self.saved is not None or (section is not None and section.pod in (pod.name, pod.id))
        end = "labeltui pod terminate" if named else f"labeltui pod terminate {shlex.quote(pod.name)}"
        return f"{up}. {'Repeat the command to continue, or end' if goes_on else 'End'} it with `{end}`."

    def _capacity_hint(self) -> str:
        """Return a hint with the options of ``pod create`` that help if no GPU is free, except those already used."""
        hints = [] if self._plan.fallback else ["--fallback tries the next GPU"]
        hints += [] if self._plan.wait else ["--wait tries again until one is free"]
        return f"{', '.join(hints)}." if hints else ""

    def _volume_paid(self) -> str:
        volume = self.volume
        if volume is None:
            return ""
        month = dollars(per_month(volume.cost_per_hour))
        return (
            f"The network volume {volume.name} ({volume.size_gb} GB) stays and costs {month} a month. "
            "The same command uses it again; delete it on RunPod's website."
        )

    def _alert(self, message: str, hint: str) -> None:
        self._session.store.alert(Alert(ALERT, Level.WARNING, message, hint, self._session.clock()))


def public_urls(pod: Pod | None) -> list[str]:
    """Return the pod's public URLs, which need no password."""
    if pod is None:
        return []
    return [url for port in pod.ports if (url := pod.proxy_url(port.private)) is not None]
