"""The host's load, which the agent samples."""

from __future__ import annotations

from labeltui.domain.host import HostMetrics
from labeltui.domain.reading import Reading
from labeltui.hosts.agent.client import AgentClient
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock

SAMPLE_S = 5.0


class HostLoad:
    """Writes a sample every 5 s while the agent runs. The disk space is that of the volume with ``folder``."""

    def __init__(self, store: Store, clock: Clock, folder: str) -> None:
        self._field, self._clock, self._folder = store.own(Fields.metrics), clock, folder

    async def run(self, agent: AgentClient) -> None:
        """Write each sample to the store, until the agent is gone."""
        async for sample in agent.watch_metrics(SAMPLE_S, self._folder):
            reading: Reading[HostMetrics] = Reading(sample, self._clock(), interval_s=SAMPLE_S)
            self._field.write(reading)

    async def lost(self, why: str) -> None:
        """Mark the last sample as old, because the connection was lost."""
        if self._field.value.value is not None:
            self._field.write(self._field.value.failed(why))
