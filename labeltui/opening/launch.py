"""The global flags of the command line that decide which session is opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Launch:
    """The global flags.

    ``demo`` names a scenario of the emulated pod. If it is set, only the console's settings are taken from a profile.
    ``theme`` takes the place of the profile's. ``ascii_only`` and ``reduced_motion`` replace its glyphs and motion.
    """

    config: str | None = None
    profile: str | None = None
    read_only: bool = False
    demo: str | None = None
    theme: str | None = None
    ascii_only: bool = False
    reduced_motion: bool = False

    @property
    def overrides(self) -> dict[str, str]:
        """The values of a profile that a flag replaces."""
        return {
            **({"theme": self.theme} if self.theme else {}),
            **({"glyphs": "ascii"} if self.ascii_only else {}),
            **({"motion": "reduced"} if self.reduced_motion else {}),
        }
