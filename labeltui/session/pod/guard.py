"""The console's side of the guard: starts the guard on the pod and shows its status.

The guard decides when to stop the pod, because it measures the pod's use. If the guard can't stop the pod,
this console does so, as long as it is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from labeltui.config.model import GuardSection, ModelsSection, Profile, ServerSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.guard.status import DEAD, STUCK, UNPROVEN, GuardStatus, guard_of, no_guard
from labeltui.domain.guard.wire import DESIRED
from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.problems import Failed, LabeltuiError, Refused
from labeltui.domain.reading import Reading
from labeltui.domain.state import Alert, Level
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.package import build_package
from labeltui.monailabel.launch import app_folder, expand, is_dicomweb
from labeltui.session.connection.link import Link
from labeltui.session.history.journal import Journal
from labeltui.session.pod.account import PodAccount
from labeltui.session.pod.copied import CopiedReport
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock, error_text

POLL_S = 5.0
START_S = 30.0  # longest wait of a request for the guard to start
STOP_AGAIN_S = 60.0
STOP_AFTER_S = 120.0  # time that the guard has to stop the pod after it decides to
CHECK_POLL_S = 0.5
CHECKED_S = 10.0  # the guard reads the pod with its keys within this time, if RunPod answers
KEY = "guard"
STATUS, SET = "labeltui guard status", "labeltui guard set"
"""The commands of entries in the journal. ``guard set`` starts a guard that does not run."""
FIND = "Find the guard"
NOT_A_POD = "No guard can run on this host: the profile names no RunPod pod."


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The settings that the guard needs.

    ``applies`` is False for a host that is not a pod of RunPod. With ``read_only`` the guard is only asked
    for its status.
    """

    guard: GuardSection
    server: ServerSection
    models: ModelsSection
    applies: bool
    read_only: bool

    @classmethod
    def of(cls, profile: Profile, *, read_only: bool) -> GuardSettings:
        """The settings of one profile."""
        return cls(
            profile.guard,
            profile.server,
            profile.models,
            profile.host == "runpod",
            read_only,
        )


class GuardWatch:
    """Writes the store's field ``guard`` while the agent runs. Attach :meth:`run` to the link."""

    def __init__(
        self,
        store: Store,
        link: Link,
        account: PodAccount,
        journal: Journal,
        clock: Clock,
        settings: GuardSettings,
    ) -> None:
        self._store, self._link, self._account, self._journal = store, link, account, journal
        self._clock, self._settings = clock, settings
        self._status = store.own(Fields.guard)
        self._alerted: tuple[str | bool, ...] = ()
        self._unnoted = ""  # title of an entry that the journal does not have yet
        self._stopped_at = float("-inf")
        self._due_since: float | None = None
        self._copied = CopiedReport(settings.models)
        self._lends = False  # the pod had the operator's key after this console lent it last
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()

    @property
    def applies(self) -> bool:
        """Whether this host is a pod that a guard can stop."""
        return self._settings.applies

    async def run(self, agent: AgentClient) -> None:
        """Start the guard and poll its status until the agent is gone."""
        if not self.applies:
            self._publish(no_guard(NOT_A_POD))
            return
        self._copied.begin()
        try:
            await self._begin(agent)
            self._begun.set()
            while True:
                self._wake.clear()
                if not self._settings.read_only:
                    await self._copied.send(agent, self._store.state.models.value)
                await self._poll(agent)
                await self._pause()
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._begun.clear()
            reading = self._status.value
            if reading.value is not None and reading.error is None:
                self._status.write(reading.failed("not connected"))

    async def ask(self, ask: str, **arguments: Any) -> GuardStatus:
        """Send a request to the guard and return its status. Raises Refused ``no_guard`` if the host is not a pod."""
        answer = await self._request(ask, **arguments)
        self._wake.set()
        return self._publish(guard_of(answer))

    def on_copied(self, _root: str, labels: Sequence[HostLabel]) -> None:
        """Record which of the host's labels are on this machine. The guard gets the list when it next runs."""
        self._copied.on_copied(labels)
        self._wake.set()

    async def running(self) -> GuardStatus:
        """Start the guard if it does not run, and return its status once it has checked its keys.

        Raises LabeltuiError if the guard can't be started or reached.
        """
        agent = await self._link.ready()
        answer = await self._ensure(agent)
        status = self._publish(guard_of(answer))
        if answer.get("started"):
            self._unnoted = "Start the guard"
            self._note(status)
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECKED_S):
                while status.state != DEAD and not status.checked:
                    await asyncio.sleep(CHECK_POLL_S)
                    status = self._publish(guard_of(await agent.guard("status")))
        return status

    async def restart(self) -> GuardStatus:
        """Start the guard again with the profile's settings."""
        agent = await self._link.ready()
        return await self.ask("ensure", **await self._desired(agent))

    async def refresh(self) -> GuardStatus:
        """Ask the guard for its status now. Raises LabeltuiError."""
        return await self.ask("status") if self.applies else self._publish(no_guard(NOT_A_POD))

    # ---- requests

    async def _request(self, ask: str, **arguments: Any) -> dict[str, Any]:
        if not self.applies:
            raise Refused(Code.NO_GUARD, NOT_A_POD, 'Name the pod in a profile with host = "runpod".')
        agent = await self._link.ready()
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await self._begun.wait()
        return await agent.guard(ask, **arguments)

    async def _begin(self, agent: AgentClient) -> None:
        if self._settings.read_only:
            return
        answer = await self._ensure(agent)
        self._unnoted = "Start the guard" if answer.get("started") else FIND
        self._note(self._publish(guard_of(answer)))

    async def _ensure(self, agent: AgentClient) -> dict[str, Any]:
        """Start the guard if needed, and send it the profile's settings and the key that the profile lends."""
        answer = await agent.guard("ensure", **await self._desired(agent))
        self._lends = bool(answer.get("lent_key"))
        return answer

    async def _desired(self, agent: AgentClient) -> dict[str, Any]:
        section, server = self._settings.guard, self._settings.server
        home, dicomweb = agent.hello.home, is_dicomweb(server.studies)
        desired = {
            "policy": {
                "mode": section.stop,
                "idle_s": section.idle_minutes * 60.0,
                "budget": section.budget,
                "need_copies": section.wait_for_copies,
            },
            "studies": server.studies if dicomweb else expand(server.studies, home),
            "app_log": app_folder(server.app, expand(server.folder, home), home) + "/logs/app.log",
            **self._money(),
        }
        return {"version": build_package().version, DESIRED: desired, "key": await self._key()}

    def _money(self) -> dict[str, Any]:
        pod = self._store.state.pod.value
        if pod is None or pod.cost_per_hour is None:
            return {}
        return {
            "rate": float(pod.cost_per_hour),
            "started_at": pod.started_at.isoformat() if pod.started_at else None,
        }

    async def _key(self) -> str:
        """Return the operator's API key if the profile lends it to the pod, else an empty text.

        If it is empty, the pod deletes the key that it has.
        """
        if not self._settings.guard.operator_key:
            return ""
        try:
            return (await self._account.operator_key()).secret.reveal()
        except LabeltuiError as error:
            entry = self._journal.begin(self._clock(), "Copy your API key to the pod", SET)
            self._journal.end(entry, False, error_text(error))
            return ""

    async def _poll(self, agent: AgentClient) -> None:
        answer = await agent.guard("status")
        status = self._publish(guard_of(answer))
        if self._settings.read_only:
            return
        self._note(status)
        rate = self._money().get("rate")
        lost_key = self._lends and not status.lent_key
        if status.state == DEAD or lost_key or (rate is not None and rate != status.rate):
            answer = await self._ensure(agent)
            if answer.get("started"):
                self._unnoted = "Start the guard again"
                self._publish(guard_of(answer))
        if status.due:
            await self._stop_pod(status)
        else:
            self._due_since = None

    async def _stop_pod(self, status: GuardStatus) -> None:
        """Stop the pod with the account's key, at most once a minute.

        This happens only if the guard has decided to stop the pod and can't, or has tried for two minutes.
        """
        now = asyncio.get_running_loop().time()
        if self._due_since is None:
            self._due_since = now
        if status.state != STUCK and now - self._due_since < STOP_AFTER_S:
            return
        if now - self._stopped_at < STOP_AGAIN_S:
            return
        self._stopped_at = now
        entry = self._journal.begin(
            self._clock(), f"Stop the pod for the guard: {status.words}", "labeltui pod stop"
        )
        try:
            pod = await self._account.find()
            await (await self._account.client()).stop(pod.id)
            self._account.wake()
        except LabeltuiError as error:
            self._journal.end(entry, False, error_text(error))
            return
        self._journal.end(entry, True, "done")

    async def _pause(self) -> None:
        status = self._status.value.value
        near = status is not None and status.left_s is not None and status.left_s < 3 * POLL_S
        try:
            async with asyncio.timeout(1.0 if near else POLL_S):
                await self._wake.wait()
        except TimeoutError:
            return

    # ---- what the operator sees

    def _publish(self, status: GuardStatus) -> GuardStatus:
        self._alert(status)
        interval = POLL_S if self.applies else 0.0
        self._status.write(Reading(status, self._clock(), interval_s=interval))
        return status

    def _failed(self, error: Exception) -> None:
        self._status.write(self._status.value.failed(error_text(error)))

    def _note(self, status: GuardStatus) -> None:
        """Add a journal entry that says that the guard runs and how it would stop the pod.

        The entry waits until the guard's status has that information.
        """
        if not self._unnoted or not (status.method or status.problem):
            return
        title, self._unnoted = self._unnoted, ""
        journal, now = self._journal, self._clock()
        if title == "Start the guard" and status.last_stop:
            stopped = journal.begin(now, "The guard stopped the pod before this start", STATUS)
            journal.end(stopped, True, status.last_stop)
        by = f" {by_method(status)}." if not status.problem else ""
        command = STATUS if title == FIND else SET
        journal.end(journal.begin(now, title, command), not status.problem, f"{status.words}{by}")

    def _alert(self, status: GuardStatus) -> None:
        """Raise an alert about the guard when its state changes."""
        about = (status.state, status.cause, status.problem, status.due)
        if about == self._alerted:
            return
        self._alerted = about
        store, clock = self._store, self._clock
        level = Level.ERROR if status.cannot_stop else Level.WARNING
        if status.state == STUCK and not status.due:
            hint = "While this console is open, it stops the pod. Or set [profiles.NAME.guard] operator_key = true."
            store.alert(Alert(KEY, level, status.words, hint, clock()))
        elif status.state in (DEAD, "warning", "waiting", STUCK, "stopping"):
            store.alert(Alert(KEY, level, status.words, status.hint, clock()))
        else:
            store.dismiss(KEY)


def by_method(status: GuardStatus) -> str:
    """Return a sentence such as ``It stops the pod by the pod's own key (not proven until used)``."""
    unproven = "" if status.is_proven else f" ({UNPROVEN})"
    return f"The guard stops the pod with {status.method}{unproven}"


def need_guard(status: GuardStatus) -> GuardStatus:
    """Return ``status`` unchanged. Raises Failed ``guard_dead`` if the guard does not run."""
    if status.state == DEAD:
        raise Failed(Code.GUARD_DEAD, status.words, status.hint)
    return status
