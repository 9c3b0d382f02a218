"""Waits until the session has the readings that an operation needs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Unreachable
from labeltui.domain.reading import Reading
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.connection.link import Link
from labeltui.session.runtime.fields import Field, Fields
from labeltui.session.runtime.store import Store
from labeltui.session.server.pollers import Pollers
from labeltui.session.server.process import ServerWatch
from labeltui.session.studies.dicomweb import shown_url


class Readiness:
    """Lets an operation wait until the session has polled the values that it needs.

    ``first_steps`` is the task that runs the demo's first actions, None outside the demo. :meth:`settled` waits for
    it too.
    """

    def __init__(self, store: Store, link: Link, pollers: Pollers, watch: ServerWatch) -> None:
        self._store, self._link, self._pollers, self._watch = store, link, pollers, watch
        self.first_steps: asyncio.Task[None] | None = None

    async def first_steps_done(self) -> None:
        """Wait for the end of the demo's first actions, unless one of them asks. Returns at once outside the demo."""
        if self.first_steps is not None and asyncio.current_task() is not self.first_steps:
            await asyncio.wait((self.first_steps,))

    async def settled(self, deadline_s: float = 20.0) -> SessionState:
        """Return the first snapshot that shows the present server: process, output, API and
        orphaned trainings were all read. If labeltui's run has ended, the API was asked after this call.

        After ``deadline_s`` seconds, returns the newest snapshot, complete or not. Raises the error that
        prevents a connection to the host.
        """
        await self._link.ready()
        await self.first_steps_done()
        self._pollers.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._watch.orphans_known.wait()
        state = await self._wait_for_server(deadline_s)
        server = state.server.value
        if server is None or server.state not in (ServerState.STOPPED, ServerState.CRASHED):
            return state
        # The record of an ended run does not show whether somebody else's server uses the port now.
        await self.first_readings(Fields.info, deadline_s=deadline_s)
        return await self._wait_for_server(deadline_s)

    async def _wait_for_server(self, deadline_s: float) -> SessionState:
        def known(_state: SessionState) -> bool:
            return self._pollers.complete

        try:
            return await self._store.wait_for(known, deadline_s)
        except TimeoutError:
            return self._store.state

    async def first_readings(self, *fields: Field[Reading[Any]], deadline_s: float = 30.0) -> SessionState:
        """Return the first snapshot in which each field has a poll that began after this call, even if it failed.

        A field without a poller, which the host sends, has its first value. After ``deadline_s`` seconds, returns
        the newest snapshot, complete or not.
        """
        due = {poller.name: (poller, poller.attempts + 1) for poller in self._pollers.all}

        def polled(state: SessionState) -> bool:
            for field in fields:
                poller, number = due.get(field.name, (None, 0))
                if poller is None and field.read(state) == Reading():
                    return False
                if poller is not None and poller.finished < number:
                    return False
            return True

        self._pollers.wake()
        try:
            return await self._store.wait_for(polled, deadline_s)
        except TimeoutError:
            return self._store.state

    async def need_server(self) -> SessionState:
        """Return a snapshot with a server that answers. Raises Unreachable ``server_down`` if no server answers."""
        state = await self.settled()
        server = state.server.value
        if server is not None and server.state is ServerState.RUNNING:
            return state
        if server is not None and server.problem is not None and server.state is ServerState.UNREACHABLE:
            raise Unreachable(server.problem.code, server.problem.message, server.problem.hint)
        if server is not None and server.state is ServerState.STARTING and self._watch.listening:
            raise _silent(server.studies or "")
        clause = server.state.clause if server is not None else "is in an unknown state"
        raise Unreachable(Code.SERVER_DOWN, f"The server {clause}.", "Start it with `labeltui server start`.")


def _silent(studies: str) -> Unreachable:
    """Return the error for a server that listens and does not answer."""
    hint = "It can't answer while it runs an inference. Try again afterwards."
    if is_dicomweb(studies):
        hint = f"It can't answer while it waits for DICOMweb. Check that the host can reach {shown_url(studies)}."
    return Unreachable(Code.SERVER_BUSY, "The server runs, but does not answer.", hint)
