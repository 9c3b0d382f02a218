"""How a running action tells what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Document = Mapping[str, Any]
"""What an action has to say when it is done: what ``--json`` prints."""


class Report(Protocol):
    """Where progress goes: the flash line and action log of the console, stderr and stdout of the command line."""

    def progress(self, text: str) -> None:
        """One line for people: what happens now."""
        ...

    def emit(self, record: Mapping[str, Any]) -> None:
        """One record of a stream (an epoch, a step): a JSON line with ``--json``, a line of text without."""
        ...


class Silent:
    """A report nobody reads."""

    def progress(self, text: str) -> None:
        """Drop the line."""

    def emit(self, record: Mapping[str, Any]) -> None:
        """Drop the record."""
