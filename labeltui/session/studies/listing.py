"""Lists the studies, from the best source that serves them now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from labeltui.config.model import ServerSection
from labeltui.domain.problems import LabeltuiError, Problem, Unreachable
from labeltui.domain.studies.study import QueueSource, Study, StudyQueue
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.dicomweb import SeriesList
from labeltui.session.studies.folder import FolderStudies, folder_of
from labeltui.session.studies.mirror import StudyMirror

SERVER_KNOWN_S = 10.0


class StudyListing:
    """Reads the list of studies, and adds the fetches and labels that ``annotators`` knows.

    If labeltui started the server and it serves a folder, the agent reads the folder's file. Otherwise, or if
    the file can't be read, the list comes from the API, which stops the server for three seconds for 100,000
    studies.
    """

    def __init__(
        self,
        store: Store,
        client: Callable[[], MonaiLabelClient],
        annotators: Annotators,
        clock: Clock,
        on_change: Callable[[], None],
        *,
        settings: ServerSection,
        process: Callable[[], Awaitable[int | None]],
        ready: Callable[[], Awaitable[AgentClient]],
    ) -> None:
        """``ready`` waits for the agent.

        ``process`` waits for the id of the server's process, which is None if unknown. ``on_change`` is called
        when the list of a folder has changed.
        """
        self._store, self._client, self._settings, self._clock = store, client, settings, clock
        self._ready = ready
        self.series = SeriesList(settings, ready, process)
        self._from_api, in_file = (
            StudyMirror(annotators.complete, annotators.take_outdated) for _ in range(2)
        )
        self._in_file = self._newest = in_file
        self.folder = FolderStudies(store, in_file, on_change)
        self._studies: tuple[Study, ...] | None = None
        self._changed_at: datetime | None = None

    async def read(self) -> StudyQueue:
        """Return the present list, with the server's counts beside it. Raises LabeltuiError."""
        client = self._client()
        queue, problem = None, None
        if not self.on_dicomweb:
            try:
                queue = await self._from_file()
            except Unreachable:
                raise
            except LabeltuiError as error:
                problem = error.problem
        return self._with_server_counts(queue or await self._from_server(client, problem))

    async def _from_file(self) -> StudyQueue | None:
        """Return the list from the datastore's file.

        None if labeltui did not start the server, or it serves no folder. Raises Failed.
        """
        agent = await self._ready()
        with suppress(TimeoutError):
            await self._store.wait_for(lambda state: state.server.value is not None, SERVER_KNOWN_S)
        folder = folder_of(self._store.state)
        if folder is None:
            return None
        await self.folder.current(agent, folder)
        return replace(await self._completed(self._in_file), source=QueueSource.FILE)

    async def _from_server(self, client: MonaiLabelClient, problem: Problem | None) -> StudyQueue:
        dicomweb = self.on_dicomweb
        listed = await client.studies(dicomweb=dicomweb)
        if dicomweb:
            state = self._store.state
            listed = await self.series.complete(listed, state.server.value, state.info.value)
        await self._from_api.replace({study.id: study for study in listed.studies})
        queue = await self._completed(self._from_api)
        if dicomweb:
            return replace(listed, studies=queue.studies, label_tags=queue.label_tags, counted=queue.counted)
        # The server writes the file when it finds the first study.
        return replace(queue, source_problem=problem.message if problem is not None and queue.total else "")

    async def _completed(self, mirror: StudyMirror) -> StudyQueue:
        if mirror is not self._newest:
            mirror.outdate()  # the annotators changed studies of the other one meanwhile
            self._newest = mirror
        return await mirror.queue()

    def _with_server_counts(self, queue: StudyQueue) -> StudyQueue:
        """Add the server's counts, unless they differ and may be older than the list."""
        if queue.studies is not self._studies:
            self._changed_at = None if self._studies is None else self._clock()
            self._studies = queue.studies
        info = self._store.state.info
        if info.value is None or info.as_of is None or info.error is not None:
            return queue
        counted = replace(queue, server_total=info.value.total, server_completed=info.value.completed)
        is_old = self._changed_at is not None and info.as_of < self._changed_at
        return queue if counted.server_differs and is_old else counted

    @property
    def on_dicomweb(self) -> bool:
        """Whether the server serves a DICOMweb server's series."""
        server = self._store.state.server.value
        return is_dicomweb((server.studies if server is not None else None) or self._settings.studies)
