"""The agent's requests about files of weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from labeltui.domain.models import ModelFile
from labeltui.hosts.agent.connection import AgentConnection
from labeltui.hosts.agent.parsing import parse

SUM_S = 600.0


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Files in one folder of models. ``root`` is the folder's absolute path, ``real_root`` that without links."""

    root: str
    real_root: str
    files: tuple[ModelFile, ...]


class ModelRequests(AgentConnection):
    """Lists files of weights."""

    async def list_models(self, folder: str, names: Iterable[str], summed: Iterable[str] = ()) -> ModelFiles:
        """Fetch the files of ``names`` (paths below ``folder``) that exist. Those in ``summed`` have a checksum."""
        answer = await self.request(
            "models.list", deadline_s=SUM_S, folder=folder, names=list(names), summed=list(summed)
        )
        return parse(ModelFiles, answer)
