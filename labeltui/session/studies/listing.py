"""Lists the studies, from the best source that serves them now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from labeltui.domain.study import StudyQueue
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.session.runtime.store import Store
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.mirror import StudyMirror


class StudyListing:
    """Reads the list of studies, and completes it with what ``annotators`` knows."""

    def __init__(
        self, store: Store, client: Callable[[], MonaiLabelClient], annotators: Annotators, *, dicomweb: bool
    ) -> None:
        self._store, self._client, self._dicomweb = store, client, dicomweb
        self._mirror = StudyMirror(annotators.complete, annotators.take_outdated)

    async def read(self) -> StudyQueue:
        """Return the present list, with the server's counts beside it. Raises LabeltuiError."""
        queue = await self._from_server()
        info = self._store.state.info
        if info.value is None or info.error is not None:
            return queue
        return replace(queue, server_total=info.value.total, server_completed=info.value.completed)

    async def _from_server(self) -> StudyQueue:
        listed = await self._client().studies(dicomweb=self._dicomweb)
        await self._mirror.replace({study.id: study for study in listed.studies})
        return replace(await self._mirror.queue(), listed=listed.listed)
