"""A running action and its reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textual.worker import Worker

from labeltui.actions import Action

STORED_LINES = 400


@dataclass(slots=True)
class Running:
    """A running action, with its newest line, its steps, and its last ``STORED_LINES`` lines.

    Once it has ended without an error, ``document`` is its result, which may contain a secret.
    """

    action: Action
    last: str = ""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    worker: Worker[None] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] | None = field(default=None, repr=False)
