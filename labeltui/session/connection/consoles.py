"""The other consoles on this host's folder, and the lease: one console at a time starts, stops, trains or installs.

A command is listed only while it has the lease.
"""

from __future__ import annotations

import asyncio
import getpass
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from labeltui.domain.consoles import OtherConsole, lease_held
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable
from labeltui.domain.reading import Reading
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.consoles import ListedConsole
from labeltui.session.connection.link import Link
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock, error_text

POLL_S = 5.0
SILENT_S = 45.0  # a console sends a ping every 15 s
SAME_S = 2.0  # the time that a request took makes the same moment differ from one poll to the next


class Consoles:
    """Enters this console on the host, lists the others every 5 s, and takes the lease for an action."""

    def __init__(self, store: Store, link: Link, clock: Clock) -> None:
        self._field, self._link, self._clock = store.own(Fields.consoles), link, clock
        identity = store.state.identity
        self._console: dict[str, object] = {
            "id": uuid.uuid4().hex, "who": f"{_user()}@{socket.gethostname()}", "client_id": identity.client_id,
            "program": "command", "read_only": identity.read_only,
        }  # fmt: skip
        self._held: set[str] = set()

    @property
    def who(self) -> str:
        """User and machine of this console, such as ``anna@ward3``."""
        return str(self._console["who"])

    async def run(self, agent: AgentClient) -> None:
        """Enter this console, and list the others until the agent is gone."""
        self._console["program"], entered = "console", False
        while True:
            entered = entered or await self._enter(agent)
            await self._poll(agent)
            await asyncio.sleep(POLL_S)

    async def _enter(self, agent: AgentClient) -> bool:
        """Return whether the others see this console. An agent that is older, or has a full disk, refuses."""
        try:
            await agent.enter(self._console)
        except Unreachable:
            raise
        except LabeltuiError as error:
            self._field.write(self._field.value.failed(error_text(error)))
            return False
        return True

    async def refresh(self) -> None:
        """List the others once. Raises the errors of Link.ready."""
        await self._poll(await self._link.ready())

    async def lost(self, why: str) -> None:
        """Mark the list as old, because the connection was lost."""
        if self._field.value.value is not None:
            self._field.write(self._field.value.failed(why))

    async def _poll(self, agent: AgentClient) -> None:
        try:
            listed = await agent.consoles()
        except Unreachable:
            raise
        except LabeltuiError as error:
            self._field.write(self._field.value.failed(error_text(error)))
            return
        now, before = self._clock(), {one.id: one for one in self._field.value.value or ()}
        found = tuple(_same(before.get(one.id), _other(one, now)) for one in listed)
        if self._field.value.error is not None or found != self._field.value.value:
            self._field.write(Reading(found, now))

    @asynccontextmanager
    async def lease(self, action: str, *, take_over: bool) -> AsyncIterator[str]:
        """Have the lease within the block. Yields why there is no lease; empty if there is one.

        A folder that can't be written must not keep a server from being stopped, so the block runs then too. Raises
        Refused ``lease_held``, and the errors of Link.ready.
        """
        agent = await self._link.ready()
        why = ""
        try:
            await self._take(agent, action, take_over=take_over)
            self._held.add(action)
        except Failed as error:
            why = error_text(error)
        try:
            yield why
        finally:
            await self.release(action)

    async def _take(self, agent: AgentClient, action: str, *, take_over: bool) -> None:
        holder = await agent.take_lease(self._console, action)
        if take_over and holder is not None and holder.may_be_taken:
            holder = await agent.take_lease(self._console, action, holder.id)
        if holder is not None:
            raise _refused(holder)

    async def confirm(self, action: str) -> None:
        """Take a lease again that this session had before a lost connection. Does nothing if it had none.

        Raises Refused ``lease_held`` if another console has it meanwhile, and the errors of Link.ready.
        """
        if action in self._held:
            with suppress(Failed):
                await self._take(await self._link.ready(), action, take_over=False)

    async def release(self, *actions: str) -> None:
        """Release the leases that were taken for these actions: the host itself shows now that they have begun."""
        for action in self._held.intersection(actions):
            self._held.discard(action)
            if (agent := self._link.agent) is not None:
                with suppress(LabeltuiError):
                    await agent.release_lease(action)


def _refused(holder: ListedConsole) -> Refused:
    return lease_held(
        holder.who, holder.action, holder.action_age_s,
        silent_s=holder.silent_s, may_be_taken=holder.may_be_taken, free_in_s=holder.free_in_s,
    )  # fmt: skip


def _other(one: ListedConsole, now: datetime) -> OtherConsole:
    return OtherConsole(
        one.id, one.who, one.client_id, one.program, one.read_only, now - timedelta(seconds=one.age_s),
        now - timedelta(seconds=one.silent_s) if one.silent_s >= SILENT_S else None,
        one.action, now - timedelta(seconds=one.action_age_s) if one.action else None,
    )  # fmt: skip


def _same(before: OtherConsole | None, now: OtherConsole) -> OtherConsole:
    """Return the console with its earlier times where they mean the same moment."""
    if before is None:
        return now
    return replace(
        now,
        since=_moment(before.since, now.since) or now.since,
        silent_since=_moment(before.silent_since, now.silent_since),
        action_since=_moment(before.action_since, now.action_since),
    )


def _moment(before: datetime | None, now: datetime | None) -> datetime | None:
    near = before is not None and now is not None and abs((now - before).total_seconds()) < SAME_S
    return before if near else now


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
