"""Connects one host and runs the agent there, for as long as the session lasts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from labeltui.domain.failure_codes import Code
from labeltui.domain.host import HostStatus
from labeltui.domain.problems import LabeltuiError, Refused, Unreachable
from labeltui.domain.reading import Reading
from labeltui.domain.states import LinkState
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.base import Host
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock, error_text
from labeltui.support.backoff import backoff_s

Attachment = Callable[[AgentClient], Awaitable[None]]
"""A coroutine that works while the agent runs. It is cancelled when the agent is gone."""

LONGEST_RETRY_S = 30.0
PING_S = 15.0
SEE_DOCTOR = " `labeltui doctor` checks each part."
log = logging.getLogger(__name__)


class Link:
    """Connects, starts the agent, runs the attachments, and reconnects when the connection is lost.

    It does not retry after a refusal (changed host key, failed login) until :meth:`reconnect` is called. After
    other errors it retries. Callers that wait for the connection get an error at once if waiting does not solve
    it.
    """

    def __init__(self, host: Host, name: str, folder: str, python: str, store: Store, clock: Clock) -> None:
        self.host = host
        self.agent: AgentClient | None = None
        self._name, self._folder, self._python = name, folder, python
        self._store = store
        self._field = store.own(Fields.host)
        self._clock = clock
        self._attachments: list[tuple[str, Attachment]] = []
        self._arrivals: list[Callable[[Host], Awaitable[None]]] = []
        self._departures: list[Callable[[str], Awaitable[None]]] = []
        self._retry_now = asyncio.Event()
        self._changed = asyncio.Event()
        self._recheck = asyncio.Event()
        self._leave_now = asyncio.Event()
        self._agent_error: LabeltuiError | None = None
        self._error: LabeltuiError | None = None
        self._status = HostStatus(name, host.kind, host.address)
        self._publish(replace(self._status, state=LinkState.OFFLINE))

    def attach(self, name: str, attachment: Attachment) -> None:
        """Run ``attachment`` each time the agent has started, until the agent is gone.

        An attachment that raises is restarted.
        """
        self._attachments.append((name, attachment))

    def on_arrival(self, callback: Callable[[Host], Awaitable[None]]) -> None:
        """Call this each time the host is connected, before the agent is started."""
        self._arrivals.append(callback)

    def on_departure(self, callback: Callable[[str], Awaitable[None]]) -> None:
        """Call this with the reason each time the connection is lost or closed."""
        self._departures.append(callback)

    @property
    def is_connected(self) -> bool:
        """Whether the host is connected, with or without the agent."""
        return self._status.state is LinkState.CONNECTED

    @property
    def error(self) -> LabeltuiError | None:
        """Why the last attempt to connect failed. None during the next attempt, and while connected."""
        return self._error

    def reconnect(self) -> None:
        """Connect now instead of waiting for the back-off, also after a refusal."""
        error, self._error = self._error, None
        if isinstance(error, Refused):
            self._publish(replace(self._status, state=LinkState.CONNECTING, detail=""))
        self._retry_now.set()

    def recheck(self, after_refusal: str = "") -> None:
        """Check the connection now, because the host may have another address.

        A connection that still answers is not closed. After a refusal the link connects again only if the
        refusal had the code ``after_refusal``.
        """
        if not isinstance(self._error, Refused):
            self._retry_now.set()
            self._recheck.set()
        elif self._error.problem.code == after_refusal:
            self.reconnect()

    def change_host(self, why: str) -> None:
        """Close the connection, even if it still answers, and connect to the machine that the host means now."""
        if self.is_connected:
            self._leave_now.set()
            self._publish(replace(self._status, state=LinkState.RECONNECTING, detail=why))

    async def ready(self, deadline_s: float = 40.0) -> AgentClient:
        """Return the agent as soon as it runs.

        Raises the agent's failure, an error that waiting does not solve, or Unreachable after the deadline.
        """
        try:
            async with asyncio.timeout(deadline_s):
                return await self._wait_ready()
        except TimeoutError:
            raise self.unreachable() from None

    async def connected(self, deadline_s: float = 40.0) -> Host:
        """Return the host as soon as it is connected.

        Raises an error that waiting does not solve, or Unreachable after the deadline.
        """
        try:
            await self._store.wait_for(lambda _: self.is_connected or not self._waiting_helps(), deadline_s)
        except TimeoutError:
            raise self.unreachable() from None
        self.raise_lasting()
        return self.host

    async def run(self) -> None:
        """Stay connected until cancelled, then disconnect."""
        failures = 0
        try:
            while True:
                self._retry_now.clear()
                try:
                    await self._connect(failures)
                except LabeltuiError as error:
                    failures += 1
                    await self._wait_after(error, failures)
                    continue
                failures = 0
                await self._serve()
        finally:
            await self._leave("closed", LinkState.OFFLINE)

    async def _wait_ready(self) -> AgentClient:
        while True:
            self._changed.clear()
            if self.agent is not None:
                return self.agent
            if self._agent_error is not None:
                raise self._agent_error
            self.raise_lasting()
            await self._changed.wait()

    def raise_lasting(self) -> None:
        """Raise the error of the last attempt, unless the next attempt may succeed without a change by the operator."""
        if self._error is not None and not self._waiting_helps():
            raise self._error

    def _waiting_helps(self) -> bool:
        error = self._error
        return error is None or error.may_pass

    def unreachable(self) -> Unreachable:
        """Return the error for a connection that was not made in time. It has the newest cause and its hint."""
        why = self._status.detail.rstrip(".") or "no answer"
        hint = self._error.problem.hint if self._error is not None else ""
        return Unreachable(
            Code.UNREACHABLE,
            f"{self._status.address or self._status.name} can't be reached: {why}.",
            (hint or "Check the address and the network.") + SEE_DOCTOR,
        )

    async def _connect(self, failures: int) -> None:
        again = self._status.state in (LinkState.RECONNECTING, LinkState.CONNECTED)
        self._publish(
            replace(
                self._status,
                state=LinkState.RECONNECTING if again else LinkState.CONNECTING,
                next_try_at=None,
            )
        )
        self._agent_error = self._error = None
        self._leave_now.clear()
        began = time.monotonic()
        await self.host.connect()
        self._publish(
            replace(
                self._status,
                state=LinkState.CONNECTED,
                address=self.host.address,
                detail="",
                since=self._clock(),
                latency_ms=(time.monotonic() - began) * 1000,
            )
        )
        for arrival in self._arrivals:
            await arrival(self.host)
        await self._start_agent()

    async def _start_agent(self) -> None:
        try:
            agent = await start_agent(self.host, self._folder, self._python)
        except Unreachable:
            raise
        except LabeltuiError as error:
            self._agent_error = error
            self._publish(replace(self._status, detail=error_text(error)))
            return
        self.agent = agent
        self._publish(replace(self._status, system=agent.hello.system, user=agent.hello.user))

    async def _wait_after(self, error: LabeltuiError, failures: int) -> None:
        self._error = error
        hint = "" if error.may_pass else f" {error.problem.hint}"
        detail = f"{error.problem.message}{hint}".strip()
        if isinstance(error, Refused):
            self._publish(replace(self._status, state=LinkState.REFUSED, detail=detail))
            await self._retry_now.wait()
            return
        wait = backoff_s(failures, longest_s=LONGEST_RETRY_S)
        next_try = self._clock() + timedelta(seconds=wait)
        self._publish(replace(self._status, detail=detail, next_try_at=next_try))
        try:
            async with asyncio.timeout(wait):
                await self._retry_now.wait()
        except TimeoutError:
            return

    async def _serve(self) -> None:
        """Run the attachments until the connection is lost."""
        tasks = [
            asyncio.create_task(self._attached(name, work)) for name, work in self._attachments if self.agent
        ]
        watches = [asyncio.create_task(self.host.lost()), asyncio.create_task(self._host_changed())]
        if self.agent is not None:
            watches += [asyncio.create_task(self.agent.lost()), asyncio.create_task(self._ping(self.agent))]
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            why = next(iter(done)).result()
        finally:
            for task in (*tasks, *watches):
                task.cancel()
            await asyncio.gather(*tasks, *watches, return_exceptions=True)
        await self._leave(why, LinkState.RECONNECTING)
        self._publish(replace(self._status, reconnects=self._status.reconnects + 1))

    async def _host_changed(self) -> str:
        await self._leave_now.wait()
        return self._status.detail

    async def _attached(self, name: str, work: Attachment) -> None:
        """Run one attachment; restart it when it fails while the agent still runs."""
        failures = 0
        while (agent := self.agent) is not None:
            try:
                await work(agent)
                break
            except Unreachable:
                break
            except Exception:
                failures += 1
                log.exception("%s failed; it is started again", name)
                await asyncio.sleep(backoff_s(failures))

    async def _ping(self, agent: AgentClient) -> str:
        """Measure the latency every 15 s. Returns the reason once the agent does not answer."""
        while True:
            self._recheck.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_S):
                    await self._recheck.wait()
            began = time.monotonic()
            try:
                await agent.ping()
            except LabeltuiError as error:
                return error_text(error)
            self._publish(replace(self._status, latency_ms=(time.monotonic() - began) * 1000))

    async def _leave(self, why: str, state: LinkState) -> None:
        agent, self.agent = self.agent, None
        self._publish(replace(self._status, state=state, detail=why, since=self._clock()))
        for departure in self._departures:
            await departure(why)
        if agent is not None:
            await agent.close()
        await self.host.close()

    def _publish(self, status: HostStatus) -> None:
        self._status = status
        reading = Reading(status, self._clock())
        if status.state is not LinkState.CONNECTED and status.detail:
            reading = replace(reading, error=status.detail)
        self._field.write(reading)
        self._changed.set()
