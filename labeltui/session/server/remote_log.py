"""The log of a server that labeltui found running: its stdout went elsewhere, its ``app.log`` can be asked for.

MONAI Label opens ``app.log`` twice, once for its own records and once for those of its tasks. When one of the two
rotates it (every 10 MB), the other goes on in the file that is ``app.log.1`` now, which the API does not give: the
mark at that place says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.server.server import ServerState
from labeltui.domain.state import SessionState
from labeltui.session.log.store import HALVED
from labeltui.session.runtime.supervise import error_text
from labeltui.session.server.process import FOUND

if TYPE_CHECKING:
    from labeltui.monailabel.client import MonaiLabelClient
    from labeltui.session.runtime.store import Store
    from labeltui.session.server.process import ServerWatch

EVERY_S = 1.5
AFTER_FAILURE_S = 5.0
SHARE = 10
"""At most one part in so many of the time is spent asking: older servers send the whole file each time."""
SOURCE = "app.log"
OVERLAP = 256
"""Bytes that are asked for again: they tell whether it is still the same file."""


def found(state: SessionState) -> bool:
    """True while a server answers that labeltui has no run of."""
    server = state.server.value
    return server is not None and server.state is ServerState.RUNNING and server.run_id is None


class RemoteLog:
    """Asks for what is new in ``app.log`` while such a server is there, and gives it to the watch.

    A server that was away goes on where it was left: it appends to the same file.
    """

    def __init__(self, store: Store, watch: ServerWatch, client: Callable[[], MonaiLabelClient]) -> None:
        self._store, self._watch, self._client = store, watch, client
        self._base = 0  # of the file now read, among all bytes held
        self._tail = b""  # the last bytes of it

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._store.wait_for(found)
            if self._watch.log.run_id != FOUND:
                self._base, self._tail = 0, b""
                self._watch.begin_remote(SOURCE)
            while found(self._store.state):
                rest = await self._ask()
                await asyncio.sleep(rest)

    async def _ask(self) -> float:
        """Ask once; returns for how many seconds to rest."""
        started, log, tail = time.monotonic(), self._watch.log, self._tail
        try:
            chunk = await self._client().log_from(log.size - self._base - len(tail))
        except LabeltuiError as error:
            if found(self._store.state):
                self._watch.remote_lost(error_text(error))
            return AFTER_FAILURE_S
        if not found(self._store.state):  # labeltui started one meanwhile: the log is that one's
            return 0.0
        if chunk.restarted or not chunk.data.startswith(tail):
            self._watch.remote_lost(HALVED)
            self._base, self._tail = log.size, b""
            return 0.0
        self._tail = (tail + chunk.data[len(tail) :][-OVERLAP:])[-OVERLAP:]
        self._watch.feed_remote(log.size, chunk.data[len(tail) :])
        return max(EVERY_S, SHARE * (time.monotonic() - started))
