"""Reads the log of a server that labeltui did not start.

Such a server's output can't be read, but its API serves ``app.log``. MONAI Label opens ``app.log`` twice,
once for its own records and once for the records of its tasks. When one of the two rotates the file (every 10
MB), the other continues to write to the rotated file, ``app.log.1``. The API does not serve that file, so the
log gets a mark at that place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.session.log.store import HALVED
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import error_text
from labeltui.session.server.process import FOUND, ServerWatch

EVERY_S = 1.5
AFTER_FAILURE_S = 5.0
SHARE = 10
"""The largest share of time that requests may take. Older servers send the whole file each time."""
SOURCE = "app.log"
OVERLAP = 256
"""Bytes that are requested again, to detect that the file was replaced."""


def is_foreign(state: SessionState) -> bool:
    """Whether a server answers that labeltui did not start."""
    server = state.server.value
    return server is not None and server.state is ServerState.RUNNING and server.run_id is None


class RemoteLog:
    """Polls ``app.log`` of a server that labeltui did not start, and sends new bytes to ``watch``.

    After an interruption, polling continues at the same offset, because the server appends to the same file.
    """

    def __init__(self, store: Store, watch: ServerWatch, client: Callable[[], MonaiLabelClient]) -> None:
        self._store, self._watch, self._client = store, watch, client
        self._base = 0  # where the current file begins among all bytes read
        self._tail = b""  # the last bytes of the current file

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self._store.wait_for(is_foreign)
            if self._watch.log.run_id != FOUND:
                self._base, self._tail = 0, b""
                self._watch.begin_remote(SOURCE)
            while is_foreign(self._store.state):
                rest = await self.poll()
                await asyncio.sleep(rest)

    async def poll(self) -> float:
        """Poll once. Returns the seconds until the next poll."""
        started, log, tail = time.monotonic(), self._watch.log, self._tail
        try:
            chunk = await self._client().log_from(log.size - self._base - len(tail))
        except LabeltuiError as error:
            if is_foreign(self._store.state):
                self._watch.remote_lost(error_text(error))
            return AFTER_FAILURE_S
        if not is_foreign(
            self._store.state
        ):  # labeltui has started a server meanwhile, and the log is of that one
            return 0.0
        if chunk.restarted or not chunk.data.startswith(tail):
            self._watch.remote_lost(HALVED)
            self._base, self._tail = log.size, b""
            return 0.0
        self._tail = (tail + chunk.data[len(tail) :][-OVERLAP:])[-OVERLAP:]
        self._watch.feed_remote(log.size, chunk.data[len(tail) :])
        return max(EVERY_S, SHARE * (time.monotonic() - started))
