"""How a running action reports its progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Document = Mapping[str, Any]
"""The result of an action: what ``--json`` prints."""


class Report(Protocol):
    """Takes the progress of an action, for the console's flash line and action log or the command line's output."""

    def progress(self, text: str) -> None:
        """Report in one line for people what happens now."""
        ...

    def emit(self, record: Mapping[str, Any]) -> None:
        """Report one record of a stream (an epoch, a step): a JSON line with ``--json``, a line of text without."""
        ...


class Silent:
    """A report that drops everything."""

    def progress(self, text: str) -> None:
        """Drop the line."""

    def emit(self, record: Mapping[str, Any]) -> None:
        """Drop the record."""
