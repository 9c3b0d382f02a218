"""Mirrors the datastore's file on the host, which the agent reads whenever it changes."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Callable

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.state import SessionState
from labeltui.domain.studies.study import Study
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.studies import StudiesPart
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.runtime.store import Store
from labeltui.session.studies.mirror import StudyMirror

RETRY_S = 30.0
PATIENCE_S = 120.0
MANY = 20_000


def folder_of(state: SessionState) -> str | None:
    """Return the folder of studies that a server started by labeltui serves.

    None for DICOMweb and for other servers.
    """
    server = state.server.value
    if server is None or server.pid is None or not server.studies or is_dicomweb(server.studies):
        return None
    return server.studies


class FolderStudies:
    """Writes each state of the file to ``mirror``, which never shows a part of a state.

    Calls ``on_change`` after each.
    """

    def __init__(self, store: Store, mirror: StudyMirror, on_change: Callable[[], None]) -> None:
        self._store, self._mirror, self._on_change = store, mirror, on_change
        self._keys = itertools.count(1)
        self._watch: tuple[str, str] | None = None  # its key and its folder
        self._problem: Failed | None = None
        self._applied = 0
        self._sized = ""  # the folder whose images' sizes the mirror has
        self._news = asyncio.Event()

    async def run(self, agent: AgentClient) -> None:
        """Follow the folder of the server that labeltui started, also after its end, until the agent is gone."""
        while True:
            state = await self._store.wait_for(lambda state: folder_of(state) is not None)
            folder = folder_of(state) or ""
            following = asyncio.create_task(self._follow(agent, folder))
            other = asyncio.create_task(self._other_folder(folder))
            try:
                await asyncio.wait((following, other), return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    following.result()
            finally:
                following.cancel()
                other.cancel()
                await asyncio.gather(following, other, return_exceptions=True)

    async def current(self, agent: AgentClient, folder: str) -> None:
        """Wait until the mirror has the file's present content.

        Raises Failed with the reason if the file can't be read.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self._is_current(agent, folder):
                    await self._wait()
        except TimeoutError:
            raise Failed(
                Code.AGENT_SLOW, "The agent did not send the list of studies in time.", "It is tried again."
            ) from None

    async def _is_current(self, agent: AgentClient, folder: str) -> bool:
        watch = self._watch
        if watch is None or watch[1] != folder:
            return False
        try:
            state = await agent.check_studies(watch[0])
        except Failed:
            if self._watch == watch:
                raise
            return False  # the watch was ended meanwhile
        while self._watch == watch and self._applied < state:
            await self._wait()
        return self._watch == watch

    async def _wait(self) -> None:
        if self._problem is not None:
            raise self._problem
        self._news.clear()
        await self._news.wait()

    async def _other_folder(self, folder: str) -> None:
        await self._store.wait_for(lambda state: folder_of(state) not in (None, folder))

    async def _follow(self, agent: AgentClient, folder: str) -> None:
        key, self._problem, self._applied = f"s{next(self._keys)}", None, 0
        if folder != self._sized:
            self._sized = folder
            self._mirror.forget_sizes()
        try:
            async with agent.watch_studies(folder, key) as parts:
                self._watch = (key, folder)
                self._news.set()
                try:
                    await self._take_all(parts)
                finally:
                    self._watch = None
                    gc.enable()
        except Failed as error:
            self._problem = error
            self._news.set()
            await asyncio.sleep(RETRY_S)

    async def _take_all(self, parts: AsyncIterator[StudiesPart]) -> None:
        attempt = _Attempt(0)
        async for part in parts:
            if part.sizes is not None:
                self._mirror.resize(part.sizes)
                if part.last:
                    self._on_change()
                continue
            if not part.is_news:
                gc.enable()  # the rest of a whole list may not come
                self._on_change()
                continue
            if part.state != attempt.state:
                attempt = _Attempt(part.state, loads=part.whole and not self._mirror.size)
            await self._take(attempt, part)

    async def _take(self, attempt: _Attempt, part: StudiesPart) -> None:
        if part.whole:
            gc.disable()
        if attempt.loads:
            await self._mirror.load(part.changed)
        else:
            attempt.changed += part.changed
            attempt.gone += part.gone
        if not part.last:
            return
        if part.whole and not attempt.loads:
            await self._mirror.replace({study.id: study for study in attempt.changed})
        else:
            await self._mirror.update(attempt.changed, attempt.gone)
        if part.whole:
            _collect_again(self._mirror.size)
        self._applied = part.state
        self._news.set()
        self._on_change()


def _collect_again(studies: int) -> None:
    """Turn Python's garbage collector on again, but exempt the studies of a long list.

    Checking 100,000 of them took 140 ms, during which the console stops. They are in no cycles, so they are
    freed without the collector.
    """
    if studies > MANY:
        gc.freeze()
    gc.enable()


class _Attempt:
    """The parts of one state of the file that have arrived.

    ``loads`` is True if its studies go to an empty mirror as they arrive.
    """

    def __init__(self, state: int, *, loads: bool = False) -> None:
        self.state, self.loads = state, loads
        self.changed: list[Study] = []
        self.gone: list[str] = []
