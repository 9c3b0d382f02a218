"""The global flags of the command line that decide which session is opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Launch:
    """The global flags. ``demo`` names a scenario of the embedded pod. If it is set, no profile is read."""

    config: str | None = None
    profile: str | None = None
    read_only: bool = False
    demo: str | None = None
