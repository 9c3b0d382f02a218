"""Fetches the statistics of trainings that published models."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.models import HostModel
from labeltui.domain.problems import Failed
from labeltui.domain.training.training import Best
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.convert import train_stats

LARGEST_TEXT = 1 << 20


async def published_stats(
    agent: AgentClient, root: str, model: HostModel
) -> tuple[Best | None, Mapping[str, Any]]:
    """Fetch the statistics of the training that has published the model. Empty if they belong to a later training."""
    runs = posixpath.splitext(model.file)[0] if not model.is_bundle else model.name
    try:
        document = json.loads(await text_of(agent, f"{root}/{runs}/train_stats.json"))
        stats = train_stats(document)
    except ValueError:
        return None, {}
    saved_at = model.published.mtime_ns / 1e9 if model.published is not None else 0.0
    if stats.start_ts is not None and saved_at < stats.start_ts:
        return None, {}
    if stats.best_metric is None:
        return None, document
    return Best(stats.key_metric or "best_metric", stats.best_metric, stats.best_epoch), document


async def text_of(agent: AgentClient, path: str) -> bytes:
    """Read a small file of the host. Empty if there is none."""
    try:
        return await agent.read(path, limit=LARGEST_TEXT)
    except Failed as error:
        if error.problem.code == Code.NOT_FOUND:
            return b""
        raise
