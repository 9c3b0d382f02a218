"""An action that is running, and the lines it has reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textual.worker import Worker

from labeltui.actions import Action

KEPT_LINES = 400


@dataclass(slots=True)
class Running:
    """An action that runs: the last it said, and the steps and lines it reported."""

    action: Action
    last: str = ""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    worker: Worker[None] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
