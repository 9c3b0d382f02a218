"""Watches the invited annotators' keys on the host, and changes them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from labeltui.domain.invitations import Invitation, Invitations, merged, names
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Alert, Level
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import InvitedKeys
from labeltui.session.connection.link import Link
from labeltui.session.history.invitations import InvitationHistory
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock

POLL_S = 20.0
MISSING = "invitations"


class InvitationWatch:
    """Writes the store's field ``invitations`` every 20 s while the agent runs. Attach :meth:`run` to the link.

    ``local`` is True if the host is this machine, where the agent does not run under sshd.
    """

    def __init__(
        self, store: Store, link: Link, history: InvitationHistory, clock: Clock, *, local: bool
    ) -> None:
        self._store, self._field = store, store.own(Fields.invitations)
        self._link, self._history, self._clock, self._local = link, history, clock, local
        self._offered = ""

    async def run(self, agent: AgentClient) -> None:
        """Poll until the agent is gone. Raise an alert if the host lacks keys of this desk's invitations."""
        while True:
            try:
                found = await self._publish(await agent.invitations("list", local=self._local))
            except LabeltuiError as error:
                self._field.write(self._field.value.failed(error.problem.message))
                raise
            self._offer(found)
            await asyncio.sleep(POLL_S)

    async def lost(self, why: str) -> None:
        """Mark the last reading as old, because the connection was lost."""
        if self._field.value.value is not None:
            self._field.write(self._field.value.failed(why))

    async def refresh(self) -> Invitations:
        """Read the host's invitations now, as soon as the agent runs."""
        agent = await self._link.ready()
        return await self._publish(await agent.invitations("list", local=self._local))

    async def add(self, name: str, key: str, port: int) -> Invitations:
        """Add a key to the host, in place of an earlier one of that name, and store it for later hosts.

        Raises Failed ``no_sshd`` if the host is this machine and runs no SSH server.
        """
        agent = await self._link.ready()
        answer = await agent.invitations("add", local=self._local, name=name, key=key, port=port)
        self._history.put(name, key, self._clock())
        return await self._publish(answer)

    async def revoke(self, invitation: Invitation) -> InvitedKeys:
        """Remove a key from the host and from the history, and end its connections."""
        agent = await self._link.ready()
        answer = await agent.invitations(
            "revoke", local=self._local, name=invitation.name, key=invitation.key
        )
        self._history.remove(invitation.name)
        await self._publish(answer)
        return answer

    async def _publish(self, answer: InvitedKeys) -> Invitations:
        host = answer.host
        on_host = [
            Invitation(
                one.name, one.key, None if one.since is None else datetime.fromtimestamp(one.since, UTC), one.port,
                True, one.connected,
            )
            for one in answer.invitations
        ]  # fmt: skip
        stored = [replace(one, installed=False) for one in await self._history.load()]
        found = Invitations(
            merged(on_host, stored), host.connections, host.sockets, host.forwards, host.ssh_port, host.file
        )
        self._field.write(self._field.value.succeeded(found, self._clock(), interval_s=POLL_S))
        return found

    def _offer(self, found: Invitations) -> None:
        """Raise an alert once per change of the names whose keys the host lacks."""
        missing = names(found.missing)
        if missing == self._offered:
            return
        self._offered = missing
        if not missing:
            self._store.dismiss(MISSING)
            return
        self._store.alert(
            Alert(
                MISSING, Level.WARNING, f"Annotators that you invited have no access to this host: {missing}.",
                "p i lists them, and i gives them access (`labeltui invite install`).", self._clock(),
            )
        )  # fmt: skip
