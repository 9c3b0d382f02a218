"""Lists the studies, from the best source that serves them now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from labeltui.config.model import ServerSection
from labeltui.domain.study import StudyQueue
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.runtime.store import Store
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.dicomweb import SeriesList
from labeltui.session.studies.mirror import StudyMirror


class StudyListing:
    """Reads the list of studies, and completes it with what ``annotators`` knows."""

    def __init__(
        self,
        store: Store,
        client: Callable[[], MonaiLabelClient],
        annotators: Annotators,
        *,
        settings: ServerSection,
        process: Callable[[], Awaitable[int | None]],
        ready: Callable[[], Awaitable[AgentClient]],
    ) -> None:
        """``ready`` waits for the agent, ``process`` for the id of the server's process, None if it is unknown."""
        self._store, self._client, self._settings = store, client, settings
        self.series = SeriesList(settings, ready, process)
        self._mirror = StudyMirror(annotators.complete, annotators.take_outdated)

    async def read(self) -> StudyQueue:
        """Return the present list, with the server's counts beside it. Raises LabeltuiError."""
        queue = await self._from_server()
        info = self._store.state.info
        if info.value is None or info.error is not None:
            return queue
        return replace(queue, server_total=info.value.total, server_completed=info.value.completed)

    async def _from_server(self) -> StudyQueue:
        dicomweb = self.on_dicomweb
        listed = await self._client().studies(dicomweb=dicomweb)
        if dicomweb:
            state = self._store.state
            listed = await self.series.complete(listed, state.server.value, state.info.value)
        await self._mirror.replace({study.id: study for study in listed.studies})
        queue = await self._mirror.queue()
        if not dicomweb:
            return queue
        return replace(listed, studies=queue.studies, label_tags=queue.label_tags)

    @property
    def on_dicomweb(self) -> bool:
        """Whether the server serves a DICOMweb server's series."""
        server = self._store.state.server.value
        return is_dicomweb((server.studies if server is not None else None) or self._settings.studies)
