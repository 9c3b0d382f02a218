"""Reports to the guard which of the host's labels and models are on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labeltui.config.model import ModelsSection
from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.models import Models
from labeltui.hosts.agent.client import AgentClient

AT_ONCE = 5000  # labels in one request


class CopiedReport:
    """Sends what has changed since the last report to the same agent."""

    def __init__(self, section: ModelsSection) -> None:
        self._section = section
        self._labels: dict[str, list[int]] = {}
        self._sent: dict[str, list[int]] = {}
        self._sent_models: dict[str, Any] = {}

    def begin(self) -> None:
        """Report everything again, to another agent."""
        self._sent, self._sent_models = {}, {}

    def on_copied(self, labels: Sequence[HostLabel]) -> None:
        """Record which labels are on this machine."""
        self._labels = {
            f"labels/{label.tag}/{label.name}": [label.size, label.mtime_ns]
            for label in labels
            if label.size >= 0
        }

    async def send(self, agent: AgentClient, models: Models | None) -> None:
        """Send the changes. ``models`` is the last list of the host's models; None if there is none yet."""
        await self._send_labels(agent)
        if models is not None and models.root:  # an empty root means that the server's app is unknown
            await self._send_models(agent, models)

    async def _send_labels(self, agent: AgentClient) -> None:
        sent, now = self._sent, self._labels
        fresh = [[path, *state] for path, state in now.items() if sent.get(path) != state]
        drop = [path for path in sent if path not in now]
        for start in range(0, max(len(fresh), 1), AT_ONCE):
            if fresh or drop:
                await agent.guard("copied", files=fresh[start : start + AT_ONCE], drop=drop)
            drop = []
        self._sent = dict(now)

    async def _send_models(self, agent: AgentClient, models: Models) -> None:
        wanted = () if self._section.copy_ == "never" else models.on_host
        document = {
            "root": models.root, "files": {one.file: one.name for one in wanted}, "here": models.settled,
            "copying": models.copying,
        }  # fmt: skip
        if (
            document != self._sent_models or models.copying
        ):  # a copy counts for a minute after its last report
            await agent.guard("models", **document)
            self._sent_models = document
