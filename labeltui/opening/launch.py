"""The global flags that a session is opened from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Launch:
    """The global flags. ``demo`` names a scenario of the embedded pod, which then takes the place of a profile."""

    config: str | None = None
    profile: str | None = None
    read_only: bool = False
    demo: str | None = None
