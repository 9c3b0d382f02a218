"""The host's load, sampled by the agent.

If a pod's file system can't report the used space, the agent adds up the files.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from labeltui.domain.host import HostMetrics
from labeltui.domain.pod.volume import cluster_volume, of_volume
from labeltui.domain.reading import Reading
from labeltui.hosts.agent.client import AgentClient
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock

SAMPLE_S = 5.0
SUM_POLL_S = 15.0
BRIEF_S = 20.0  # a command that ends sooner begins no sum, because the agent ends with it


class HostLoad:
    """Writes a sample every 5 s while the agent runs. The disk in it is the volume with ``folder``."""

    def __init__(self, store: Store, clock: Clock, folder: str) -> None:
        self._store, self._field = store, store.own(Fields.metrics)
        self._clock, self._folder = clock, folder
        self._sum: tuple[str, int, datetime] | None = None  # mount point, bytes, when they were summed
        self._volume: asyncio.Future[str] | None = None

    async def run(self, agent: AgentClient) -> None:
        """Write each sample to the store, until the agent is gone."""
        async for sample in agent.watch_metrics(SAMPLE_S, self._folder):
            reading: Reading[HostMetrics] = Reading(
                self._with_volume(sample), self._clock(), interval_s=SAMPLE_S
            )
            self._field.write(reading)

    async def sum_volume(self, agent: AgentClient) -> None:
        """Read the sum of the volume's files until the agent is gone. Requests a new sum every 10 minutes."""
        loop = asyncio.get_running_loop()
        began, self._volume = loop.time(), loop.create_future()
        path = await self._volume
        while True:
            answer = await agent.disk_sum(path, start=loop.time() - began >= BRIEF_S)
            if answer.used is not None:
                self._sum = path, answer.used, self._clock() - timedelta(seconds=answer.age_s or 0)
            await asyncio.sleep(SUM_POLL_S)

    async def lost(self, why: str) -> None:
        """Mark the last sample as old, because the connection was lost."""
        if self._field.value.value is not None:
            self._field.write(self._field.value.failed(why))

    def _with_volume(self, sample: HostMetrics) -> HostMetrics:
        pod = self._store.state.pod.value
        path = cluster_volume(pod, sample)
        if path is None:
            return sample
        if self._volume is not None and not self._volume.done():
            self._volume.set_result(path)
        known = self._sum if self._sum is not None and self._sum[0] == path else None
        return of_volume(sample, pod, known[1] if known else None, known[2] if known else None)
