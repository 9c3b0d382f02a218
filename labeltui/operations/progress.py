"""The interface through which a running action reports its progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Document = Mapping[str, Any]
"""The result of an action: what ``--json`` prints."""


class Report(Protocol):
    """Receives the progress of an action, for the console's flash line and action log or for a command's output."""

    def progress(self, text: str) -> None:
        """Report the present work in one line for people."""
        ...

    def emit(self, record: Mapping[str, Any]) -> None:
        """Emit one record of a stream (an epoch, a step): a JSON line with ``--json``, otherwise a line of text."""
        ...


class Silent:
    """A report that drops everything."""

    def progress(self, text: str) -> None:
        """Drop the line."""

    def emit(self, record: Mapping[str, Any]) -> None:
        """Drop the record."""
