"""What a session is opened from, and opening it. Light to import: the work is imported when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labeltui.hosts.base import Prompter
    from labeltui.session.session import Session


@dataclass(frozen=True, slots=True)
class Launch:
    """The global flags. ``demo`` names a scenario of the embedded pod, which then takes the place of a profile."""

    config: str | None = None
    profile: str | None = None
    read_only: bool = False
    demo: str | None = None


async def open_session(launch: Launch, prompter: Prompter) -> Session:
    """Read the profile (or start the demo's pod) and build the session; nothing is connected yet.

    Raises :class:`~labeltui.domain.problems.Misused` when there is no profile, or it is wrong.
    """
    from labeltui.opening.opening import open_demo, open_profile  # noqa: PLC0415 - keeps first paint light

    if launch.demo is not None:
        return await open_demo(launch, prompter)
    return open_profile(launch, prompter)
